"""Put a complete model folder into the library: check it, write its manifest, rename it there.

No torch at import time; checking weights against config.json needs it for a moment.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from miniclaude.errors import NO_ROOM, CheckpointError, ConflictError, DiskFullError
from miniclaude.model.library import InstalledModel, Library, folder_name
from miniclaude.model.new_file import sha256_of
from miniclaude.model.new_folder import cannot_write, take_place
from miniclaude.model.staging import IMPORTING, clear_up, hold
from miniclaude.model.weight_files import INDEX, WEIGHTS, weight_files
from miniclaude.tokenizer.chat_formats import FORMATS, store_template
from miniclaude.tokenizer.files import read_templates
from miniclaude.tokenizer.load import check_vocabulary, load_tokenizer

MANIFEST = "manifest.json"
COPIED_SUFFIXES = {".safetensors", ".json", ".jinja"}
COPIED_NAMES = {"merges.txt", "README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE"}
CHUNK = 1 << 20  # bytes
MARGIN = 64 << 20  # bytes of disk left free for everything else


class Progress(Protocol):
    """Is told how an installation goes."""

    def begin(self, name: str, files: int, total: int) -> None:
        """`total` bytes in `files` files are on their way for model `name`."""
        ...

    def file(self, name: str) -> None:
        """The next bytes belong to this file."""
        ...

    def advance(self, count: int) -> None:
        """`count` more bytes are here; negative when some were thrown away."""
        ...

    def note(self, text: str) -> None:
        """Something the user should know."""
        ...


def import_folder(
    source: Path, library: Library, *, name: str | None = None, progress: Progress
) -> InstalledModel:
    """Copy the Hugging Face folder `source` into the library as `name`, or its own name.

    Raises InvalidRequestError for a bad name, ConflictError when the name is taken, CheckpointError
    and TokenizerError for a folder that would not load, DiskFullError.
    """
    source = source.expanduser().resolve()
    name = name or source.name.replace("--", "/", 1)
    check_name(library, name)
    check_folder(source)
    files = _copied(source)
    total = sum(path.stat().st_size for path in files)
    with staging_folder(library, name, IMPORTING) as staging:
        check_disk(name, total, staging)
        progress.begin(name, len(files), total)
        for path in files:
            progress.file(path.name)
            _copy(path, staging / path.name, progress)
        return install(staging, library, name, {"folder": str(source)}, progress)


def check_name(library: Library, name: str, *, option: str = "--name") -> None:
    """Raises InvalidRequestError for a bad name, ConflictError for one that is taken. option: where
    another can be given."""
    check_not_bundled(library, name, f"Choose another {option}.")
    if (library.home_models / folder_name(name)).exists():
        raise ConflictError(
            f"model: {name!r} is already installed.",
            hint=f"Choose another {option}, or first run `mini-claude models remove {name}`.",
            param="name",
        )


def check_not_bundled(library: Library, name: str, hint: str) -> None:
    """Raises ConflictError, with this hint, for the name of a model that came with the package: a
    new one would answer in its place, and nothing would say so. InvalidRequestError for a bad
    name."""
    folder = folder_name(name)
    if library.bundled is not None and (library.bundled / folder).exists():
        raise ConflictError(
            f"model: {name!r} is the name of a model that came with Mini-Claude.",
            hint=hint,
            param="name",
        )


@contextmanager
def staging_folder(
    library: Library, name: str, kind: str, *, option: str = "--name"
) -> Iterator[Path]:
    """An empty folder on the library's disk, in which model `name` comes together; it is gone when
    the block ends. Until then nobody else makes a model of that name.

    kind: IMPORTING or QUANTIZING. Raises what `check_name` raises, ConflictError while another
    process makes one of that name, DiskFullError when the block ran out of room.
    """
    clear_up(library.home_models)
    folder = folder_name(name)
    staging = library.home_models / kind / folder
    with hold(library.home_models, folder):
        check_name(library, name, option=option)  # it may have come while this one began
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            yield staging
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise DiskFullError(
                f"{name}: no room in {staging.parent}.", hint="Free some space and try again."
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def install(
    staging: Path, library: Library, name: str, source: Mapping[str, str], progress: Progress
) -> InstalledModel:
    """Check the folder `staging` and give it its place in the library, over an older model of that
    name, which the caller holds. source: where it came from, for the manifest.

    Raises CheckpointError and TokenizerError for a folder that would not load, DiskFullError, and
    StoreError when the disk refuses otherwise; `staging` stays, whole.
    """
    check_folder(staging)
    _give_template(staging, progress)
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(staging.iterdir())
        if path.name != MANIFEST
    }
    manifest = {"source": dict(source), "installed": int(time.time()), "files": files}
    (staging / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    folder = library.home_models / folder_name(name)
    try:
        take_place(staging, folder, overwrite=True)
    except OSError as error:
        left = "what a pull has fetched is kept"
        raise cannot_write(folder, error, left) from error
    return library.find(name)


def read_manifest(folder: Path) -> dict[str, object]:
    """What `install` wrote down; empty for a folder that was put there by hand."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def check_folder(folder: Path) -> None:
    """Raises CheckpointError or TokenizerError when the folder would not load."""
    from miniclaude.model.facts import read_facts

    if not folder.is_dir():
        raise CheckpointError(
            f"{folder}: there is no such folder.", hint="Name a Hugging Face model folder."
        )
    facts = read_facts(folder)
    check_vocabulary(load_tokenizer(folder), facts.config.vocab_size, folder)


def check_config(folder: Path) -> None:
    """Raises CheckpointError or UnknownArchitectureError for a config.json we cannot run."""
    from miniclaude.model.checkpoint import read_config

    read_config(folder)


def check_disk(
    name: str, needed: int, folder: Path, *, instead: str = "choose another --home"
) -> None:
    """Raises DiskFullError unless `needed` bytes, and some for everything else, fit."""
    free = shutil.disk_usage(folder).free
    if needed + MARGIN > free:
        raise DiskFullError(
            f"{name}: {_megabytes(needed)} are needed, beside {_megabytes(MARGIN)} that stay free,"
            f" and {_megabytes(free)} are free in {folder}.",
            hint=f"Free {_megabytes(needed + MARGIN - free)} more, or {instead}.",
        )


def _give_template(folder: Path, progress: Progress) -> None:
    """Store the chat format that fits a folder without a template, so that it is one for good."""
    template = load_tokenizer(folder).template
    if template is None:
        progress.note("The model has no chat template and none fits it: it can only complete text.")
    elif not read_templates(folder):
        source = template.source(tools=False)
        fitting = next(form for form in FORMATS if form.template == source)
        store_template(folder, fitting.name)
        progress.note(f"The model came without a chat template; {fitting.name!r} was stored in it.")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _copied(source: Path) -> list[Path]:
    """What of a folder is taken along; of weights that are there twice, those that are loaded."""
    weights = {path.name for path in weight_files(source)}
    passed_over = {MANIFEST, INDEX} if WEIGHTS in weights else {MANIFEST}

    def is_copied(path: Path) -> bool:
        if path.suffix == ".safetensors":
            return path.name in weights
        known = path.suffix in COPIED_SUFFIXES or path.name in COPIED_NAMES
        return known and path.name not in passed_over and not path.name.startswith(".")

    return [path for path in sorted(source.iterdir()) if path.is_file() and is_copied(path)]


def _copy(source: Path, target: Path, progress: Progress) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            writer.write(chunk)
            progress.advance(len(chunk))
