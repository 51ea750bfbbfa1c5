"""The model folders on this machine: what is there, by name. No torch.

A model is called `name` or `org/name`; its folder is `name` or `org--name`, so that a name can
never reach outside the library. Folders that begin with a dot are work in progress.
"""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from miniclaude.errors import (
    CheckpointError,
    ConflictError,
    InvalidRequestError,
    ModelNotFoundError,
)
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object

PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
NAME = re.compile(rf"{PART}(?:/{PART})?")
CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "context")


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model folder. bytes: size of its files. context: tokens, 0 when config.json won't say.
    created: Unix seconds. bundled: it came with the package and cannot be removed."""

    name: str
    path: Path
    bytes: int
    context: int
    created: int
    bundled: bool


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
    """Models in the home folder, and those that came with the package. A model in the home folder
    hides a bundled one of the same name."""

    def __init__(self, home_models: Path, bundled: Path | None = None) -> None:
        self.home_models = home_models
        self.bundled = bundled

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
        return sorted(found.values(), key=lambda model: model.name)

    def find(self, name: str) -> InstalledModel:
        """The model called `name`. Raises ModelNotFoundError, listing what is there."""
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

    def remove(self, name: str) -> InstalledModel:
        """Delete a model's folder and say what it was.

        Raises ModelNotFoundError, and ConflictError for a bundled model.
        """
        model = self.find(name)
        if model.bundled:
            raise ConflictError(
                f"model: {name!r} came with Mini-Claude and cannot be removed.",
                hint="Choose another default model instead, with `serve --model NAME`.",
                param="model",
            )
        doomed = self.home_models / f".removing-{model.path.name}"
        shutil.rmtree(doomed, ignore_errors=True)
        model.path.rename(doomed)  # gone for every reader at once, however long deleting takes
        shutil.rmtree(doomed)
        return model


def _describe(path: Path, *, bundled: bool) -> InstalledModel:
    config = path / "config.json"
    return InstalledModel(
        name=path.name.replace("--", "/", 1),
        path=path,
        bytes=sum(file.stat().st_size for file in path.iterdir() if file.is_file()),
        context=_context(config),
        created=int(config.stat().st_mtime),
        bundled=bundled,
    )


def _context(config: Path) -> int:
    """Tokens, by the names that Llama, GPT-2 and our own format use; 0 for a broken file, which
    loading will complain about."""
    try:
        fields = read_json_object(config, MAX_CONFIG_BYTES)
    except CheckpointError:
        return 0
    values = [fields.get(key) for key in CONTEXT_KEYS]
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 0), 0)
