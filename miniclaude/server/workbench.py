"""What the models page works with: the library, its trash, errands and exports, and what was chosen
there. Nothing here is asked over HTTP by whoever may only ask models."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from miniclaude.errors import InvalidRequestError, NotFoundError, UnsupportedFieldError
from miniclaude.jobs.errand import Errand, Order
from miniclaude.jobs.errands import Errands
from miniclaude.model.hub import Needs, find_needs
from miniclaude.model.install import check_name, check_not_bundled
from miniclaude.model.library import InstalledModel, Library
from miniclaude.model.trash import Removed, Trash
from miniclaude.settings import ServerSettings

UNDO_SECONDS = 30.0
"""How long a removed model can be brought back."""

PACKED = ("int8", "int4")
GGUF_TYPES = ("q8_0", "q4_0", "f16", "bf16", "f32")
FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Export:
    """name: of a file or folder among the exports. bytes: of all its files. created: Unix
    seconds."""

    name: str
    bytes: int
    created: float
    is_file: bool


@dataclass(slots=True)
class Workbench:
    """One server's. `open` it when the home's lock is held, `aclose` it at the end."""

    settings: ServerSettings
    library: Library
    errands: Errands
    trash: Trash
    _deleting: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    async def open(cls, settings: ServerSettings, library: Library) -> Workbench:
        """Deletes what an earlier server's trash still holds."""
        trash = Trash(library)
        await asyncio.to_thread(trash.empty)
        return cls(settings, library, Errands(settings.exports_folder), trash)

    async def remove(self, name: str) -> Removed:
        """Take a model away; it is deleted in UNDO_SECONDS. Raises what `Trash.remove` raises."""
        removed = await asyncio.to_thread(self.trash.remove, name)
        task = asyncio.create_task(self._delete_later(removed.id))
        self._deleting.add(task)
        task.add_done_callback(self._deleting.discard)
        return removed

    async def needs(self, repo: str, revision: str) -> Needs:
        """What pulling it would take, by the hub that the server is configured for."""
        token = self.settings.hf_token
        return await asyncio.to_thread(
            find_needs,
            repo,
            self.library,
            endpoint=self.settings.hf_endpoint,
            token=None if token is None else token.get_secret_value(),
            revision=revision,
        )

    def free_bytes(self) -> int:
        """On the disk of the home folder."""
        folder = self.settings.home
        return shutil.disk_usage(folder).free

    def begin(
        self,
        kind: Literal["pull", "quantize", "export"],
        model: str,
        to: str | None,
        name: str | None,
        revision: str | None,
    ) -> Errand:
        """Start an errand. Raises InvalidRequestError, UnsupportedFieldError, ConflictError and
        ModelNotFoundError for what could never be done."""
        folders = {
            "models": str(self.library.home_models),
            "adapters": str(self.settings.adapters_folder),
        }
        if kind == "pull":
            check_not_bundled(self.library, model, "Pull another one.")
            token = self.settings.hf_token
            order = Order(
                kind,
                model,
                **folders,
                endpoint=self.settings.hf_endpoint,
                token=None if token is None else token.get_secret_value(),
                revision=revision or "main",
            )
        elif kind == "quantize":
            found = self.library.find(model)
            chosen = _one_of(to, PACKED)
            copy = self._copy_name(found, chosen, name)
            order = Order(kind, model, **folders, to=chosen, name=copy)
        else:
            self.library.find(model)
            chosen = _one_of(to, (*GGUF_TYPES, FOLDER))
            target = str(self.errands.place(model, chosen))
            order = Order(kind, model, **folders, to=chosen, target=target)
        return self.errands.begin(order)

    def exports(self) -> list[Export]:
        """What was exported and is still there, the newest first."""
        folder = self.settings.exports_folder
        if not folder.is_dir():
            return []
        found = [_describe(path) for path in folder.iterdir() if path.name[0] != "."]
        return sorted(found, key=lambda export: -export.created)

    def export_path(self, name: str) -> Path:
        """Where the export called `name` lies. Raises NotFoundError; names are compared, never put
        into a path."""
        for export in self.exports():
            if export.name == name:
                return self.settings.exports_folder / export.name
        raise NotFoundError(
            f"There is no export {name[:100]!r}.", hint="GET /library lists them.", param="name"
        )

    def delete_export(self, name: str) -> None:
        """Raises NotFoundError."""
        path = self.export_path(name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    async def aclose(self) -> None:
        """End errands; what lies in the trash is deleted now."""
        await self.errands.aclose()
        for task in self._deleting:
            task.cancel()
        await asyncio.gather(*self._deleting, return_exceptions=True)
        await asyncio.to_thread(self.trash.empty)

    async def _delete_later(self, removed_id: str) -> None:
        await asyncio.sleep(UNDO_SECONDS)
        await asyncio.to_thread(self.trash.delete, removed_id)

    def _copy_name(self, model: InstalledModel, to: str, name: str | None) -> str:
        """What the packed copy is called."""
        if model.adapter is not None:
            raise UnsupportedFieldError(
                f"model: {model.name!r} is an adapter; only a whole model is quantised.",
                hint="Quantise its base, on which it then answers too; or export it as GGUF.",
                param="model",
            )
        if name is None and model.tuned is not None:
            raise InvalidRequestError(
                "name: a copy of a tuned model needs a name of its own.",
                hint="Give it one.",
                param="name",
            )
        chosen = name or f"{model.name}-{to}"
        check_name(self.library, chosen, option="name")
        return chosen


def _one_of(to: str | None, known: tuple[str, ...]) -> str:
    if to not in known:
        raise InvalidRequestError(
            f"to: {to!r} is not a format that this can be written in.",
            hint=f"Use one of {', '.join(known)}.",
            param="to",
        )
    return to


def _describe(path: Path) -> Export:
    status = path.stat()
    files = [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return Export(path.name, size, status.st_mtime, path.is_file())
