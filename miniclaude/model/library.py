"""The model folders on this machine: what is there, by name. No torch.

A model is called `name` or `org/name`; its folder is `name` or `org--name`, so that a name can
never reach outside the library. A tuned model is called `ft:…` (`tuned.py`); it is a whole model or
an adapter, which needs its base. Folders that begin with a dot are work in progress.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from miniclaude.errors import (
    CheckpointError,
    ConflictError,
    InvalidRequestError,
    ModelNotFoundError,
)
from miniclaude.model.adapter_config import ADAPTER_CONFIG
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object
from miniclaude.model.new_folder import REMOVING, delete
from miniclaude.model.tuned import ID, TUNED_NAME, Tuned, read_tuned

PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
NAME = re.compile(rf"{PART}(?:/{PART})?")
CONFIG = "config.json"
CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "context")


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model folder. bytes: size of its files. context: tokens, 0 when config.json won't say.
    created: Unix seconds. bundled: it came with the package and cannot be removed. stamp: another
    one once any of its files was written or replaced. tuned: what it was tuned from; None for other
    models. base: that model, where it is installed."""

    name: str
    path: Path
    bytes: int
    context: int
    created: int
    bundled: bool
    stamp: str
    tuned: Tuned | None = None
    base: InstalledModel | None = None

    @property
    def adapter(self) -> Path | None:
        """The folder of the adapter that it is; None for a whole model."""
        is_adapter = self.tuned is not None and not (self.path / CONFIG).is_file()
        return self.path if is_adapter else None

    @property
    def weights(self) -> Path:
        """The folder with config.json, weights and tokenizer: for an adapter its base's.

        Raises ModelNotFoundError naming both when the base is gone, ConflictError when it is an
        adapter itself.
        """
        if self.adapter is None or self.tuned is None:
            return self.path
        if self.base is None:
            raise ModelNotFoundError(
                f"model: {self.name!r} is an adapter on {self.tuned.base!r}, which is not"
                " installed.",
                hint=f"Install {self.tuned.base} again: `mini-claude pull {self.tuned.base}`"
                " fetches what is on the hub.",
                param="model",
            )
        if self.base.adapter is not None:
            raise ConflictError(
                f"model: {self.name!r} is an adapter on {self.base.name!r}, which is an adapter"
                " itself; one can only stand on a whole model.",
                hint="Train again on that adapter's own base.",
                param="model",
            )
        return self.base.path

    @property
    def root(self) -> str:
        """The name of the model at the beginning of the tuning."""
        return self.name if self.tuned is None else tuned_root(self.tuned.name)

    @property
    def owner(self) -> str:
        """Whose it is: the organisation in its name."""
        if self.tuned is not None:
            return self.tuned.org or "mini-claude"
        return self.name.partition("/")[0] if "/" in self.name else "mini-claude"


def tuned_root(name: str) -> str:
    """`ft:<base>:…` → `<base>`."""
    match = TUNED_NAME.fullmatch(name)
    return match["base"] if match else name


def folder_name(name: str) -> str:
    """`org/name` → `org--name`.

    Raises InvalidRequestError for a name that is not letters, digits, `.`, `_` and `-`, with at
    most one `/`. A double dash or dot is refused, as on the Hugging Face hub: it would make two
    names share a folder.
    """
    if not NAME.fullmatch(name) or "--" in name or ".." in name:
        shown = name if len(name) <= 100 else name[:100] + "…"
        raise InvalidRequestError(
            f"model: {shown!r} is not a model name.",
            hint="Use `name` or `org/name` of letters, digits, '.', '_' and '-'.",
            param="model",
        )
    return name.replace("/", "--")


def bundled_models() -> Path | None:
    """The folder of models that came with the package; None when it came with none."""
    folder = Path(__file__).resolve().parents[1] / "bundled"
    return folder if folder.is_dir() else None


class Library:
    """Models in the home folder, those that came with the package, and tuned ones. A model in the
    home folder hides a bundled one of the same name."""

    def __init__(
        self, home_models: Path, bundled: Path | None = None, adapters: Path | None = None
    ) -> None:
        self.home_models = home_models
        self.bundled = bundled
        self.adapters = adapters

    def list(self) -> list[InstalledModel]:
        """Every model, by name."""
        found: dict[str, InstalledModel] = {}
        for folder, bundled in ((self.bundled, True), (self.home_models, False)):
            if folder is not None and folder.is_dir():
                for path in folder.iterdir():
                    if path.name.startswith("."):
                        continue
                    with suppress(OSError):  # no model, or removed while we look, or not readable
                        model = _describe(path, bundled=bundled)
                        found[model.name] = model
        for model in self._tuned(found):
            found[model.name] = model
        return sorted(found.values(), key=lambda model: model.name)

    def find(self, name: str) -> InstalledModel:
        """The model called `name`. Raises ModelNotFoundError, listing what is there."""
        # What each request asks for is not worth a look at all models.
        found = self._find_whole(name) or self._find_tuned(name)
        if found is not None:
            return found
        models = self.list()
        for model in models:
            if model.name == name:
                return model
        there = ", ".join(model.name for model in models) or "none yet"
        shown = name if len(name) <= 100 else name[:100] + "…"
        # Only what could be a model's name is put into a command for somebody to copy.
        pull = f" `mini-claude pull {name}` fetches one." if NAME.fullmatch(name) else ""
        raise ModelNotFoundError(
            f"model: {shown!r} is not installed.",
            hint=f"Installed: {there}.{pull}",
            param="model",
        )

    def _find_whole(self, name: str) -> InstalledModel | None:
        """A model that was not tuned, by where it would be; None where it is not."""
        with suppress(InvalidRequestError):  # a name that no such model can have
            folder = folder_name(name)
            for models, bundled in ((self.home_models, False), (self.bundled, True)):
                if models is not None:
                    with suppress(OSError):
                        return _describe(models / folder, bundled=bundled)
        return None

    def _find_tuned(self, name: str) -> InstalledModel | None:
        """A tuned model with its base, by the folder that its name tells; None where it is not."""
        match = TUNED_NAME.fullmatch(name)
        if match is None or self.adapters is None:
            return None
        with suppress(OSError, CheckpointError):
            model = _describe_tuned(self.adapters / match["id"])
            if model.name == name and model.tuned is not None:
                return _on_base(model, self._find_base(model.tuned.base))
        return None

    def _find_base(self, name: str) -> InstalledModel | None:
        whole, match = self._find_whole(name), TUNED_NAME.fullmatch(name)
        if whole is None and match is not None and self.adapters is not None:
            with suppress(OSError, CheckpointError):
                tuned = _describe_tuned(self.adapters / match["id"])
                return tuned if tuned.name == name else None
        return whole

    def needed_by(self, name: str) -> tuple[str, ...]:
        """The adapters that cannot answer without the model called `name`."""
        return tuple(
            other.name
            for other in self.list()
            if other.adapter is not None and other.tuned is not None and other.tuned.base == name
        )

    def removable(self, name: str) -> InstalledModel:
        """The model called `name`, which may be removed.

        Raises ModelNotFoundError, and ConflictError for a bundled model or one that adapters need.
        """
        model = self.find(name)
        if model.bundled:
            raise ConflictError(
                f"model: {name!r} came with Mini-Claude and cannot be removed.",
                hint="Choose another default model instead, with `serve --model NAME`.",
                param="model",
            )
        needed_by = self.needed_by(name)
        if needed_by:
            raise ConflictError(
                f"model: {name!r} is the base of {', '.join(needed_by)}, which cannot answer"
                " without it.",
                hint="Remove first what was tuned on it: `mini-claude models remove"
                f" {needed_by[0]}`.",
                param="model",
            )
        return model

    def remove(self, name: str) -> InstalledModel:
        """Delete a model's folder and say what it was. Raises what `removable` raises."""
        model = self.removable(name)
        doomed = model.path.parent / f"{REMOVING}{model.path.name}"
        delete(doomed)
        model.path.rename(doomed)  # gone for every reader at once, however long deleting takes
        delete(doomed)
        return model

    def _tuned(self, found: Mapping[str, InstalledModel]) -> Iterator[InstalledModel]:
        """The tuned models. found: the others, by name."""
        if self.adapters is None or not self.adapters.is_dir():
            return
        described: dict[str, InstalledModel] = {}
        for path in self.adapters.iterdir():
            # What is no tuned model, or is removed while we look, is passed over.
            with suppress(OSError, CheckpointError):
                if ID.fullmatch(path.name):
                    model = _describe_tuned(path)
                    described[model.name] = model
        for model in described.values():
            assert model.tuned is not None  # noqa: S101  # for the type checker
            base = found.get(model.tuned.base) or described.get(model.tuned.base)
            yield _on_base(model, base)


def _on_base(model: InstalledModel, base: InstalledModel | None) -> InstalledModel:
    context = base.context if base is not None and not model.context else model.context
    return replace(model, base=base, context=context)


def folder_model(path: Path) -> InstalledModel:
    """A model folder that is in no library, called like its folder. Raises OSError for one without
    config.json."""
    return _describe(path, bundled=False)


def _describe(path: Path, *, bundled: bool) -> InstalledModel:
    config = path / CONFIG
    status = config.stat()
    size, stamp = _measure(path)
    return InstalledModel(
        name=path.name.replace("--", "/", 1),
        path=path,
        bytes=size,
        context=_context_at(config, status.st_mtime_ns, status.st_ino, status.st_size),
        created=int(status.st_mtime),
        bundled=bundled,
        stamp=stamp,
    )


@lru_cache(maxsize=256)
def _context_at(config: Path, *state: int) -> int:
    """`_context`, read once for each state of the file."""
    return _context(config)


def _describe_tuned(path: Path) -> InstalledModel:
    tuned = read_tuned(path)
    whole = (path / CONFIG).is_file()
    if not whole and not (path / ADAPTER_CONFIG).is_file():
        raise FileNotFoundError(path / ADAPTER_CONFIG)
    size, stamp = _measure(path)
    return InstalledModel(
        name=tuned.name,
        path=path,
        bytes=size,
        context=_context(path / CONFIG) if whole else 0,
        created=tuned.created,
        bundled=False,
        stamp=stamp,
        tuned=tuned,
    )


def _measure(folder: Path) -> tuple[int, str]:
    """The bytes of a folder's files, and a text that is another one once any of them was written or
    replaced: by inode, size and both times to the nanosecond, for a second is long enough to
    rewrite a file of the same size."""
    files = []
    size = 0
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_file():
                found = entry.stat()
                size += found.st_size
                times = (found.st_mtime_ns, found.st_ctime_ns)
                files.append((entry.name, found.st_ino, found.st_size, *times))
    return size, sha256(repr(files).encode()).hexdigest()


def _context(config: Path) -> int:
    """Tokens, by the names that Llama, GPT-2 and our own format use; 0 for a broken file, which
    loading will complain about."""
    try:
        fields = read_json_object(config, MAX_CONFIG_BYTES)
    except CheckpointError:
        return 0
    values = [fields.get(key) for key in CONTEXT_KEYS]
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 0), 0)
