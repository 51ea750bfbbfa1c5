"""Models that were removed a moment ago and can still come back.

A folder moves to `.trash/<id>` beside where it stood: on the same disk, so at once, and out of
every list, which pass over names with a dot.
"""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from miniclaude.errors import ConflictError, NotFoundError
from miniclaude.model.library import InstalledModel, Library
from miniclaude.model.new_folder import delete, is_there
from miniclaude.model.staging import clear_up

TRASH = ".trash"


@dataclass(frozen=True, slots=True)
class Removed:
    """id: what it is restored by. place: where it lies now."""

    id: str
    model: InstalledModel
    place: Path


class Trash:
    """What one process removed. Nothing is remembered across processes: `empty` deletes what an
    earlier one left."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._removed: dict[str, Removed] = {}
        self._lock = threading.Lock()

    def remove(self, name: str) -> Removed:
        """Take a model out of the library. Raises what `Library.removable` raises."""
        with self._lock:
            model = self._library.removable(name)
            removed = Removed(token_hex(8), model, model.path.parent / TRASH / token_hex(8))
            removed.place.parent.mkdir(exist_ok=True)
            model.path.rename(removed.place)
            self._removed[removed.id] = removed
            return removed

    def restore(self, removed_id: str) -> InstalledModel:
        """Put it back. Raises NotFoundError when it is too late, ConflictError when another has its
        place, and then it stays in the trash."""
        with self._lock:
            removed = self._removed.get(removed_id)
            if removed is None or not is_there(removed.place):
                raise NotFoundError(
                    "This model cannot be brought back: it has been deleted.",
                    hint="Pull it again, or train it again.",
                    param="removed_id",
                )
            if is_there(removed.model.path):
                raise ConflictError(
                    f"model: another one is called {removed.model.name!r} by now.",
                    hint="Remove that one first.",
                    param="removed_id",
                )
            removed.place.rename(removed.model.path)
            del self._removed[removed_id]
            return self._library.find(removed.model.name)

    def delete(self, removed_id: str) -> None:
        """Delete one for good; nothing happens where it was restored."""
        with self._lock:
            removed = self._removed.pop(removed_id, None)
        if removed is not None:
            with suppress(OSError):
                delete(removed.place)

    def empty(self) -> None:
        """Delete everything that was removed, by whomever, and what killed processes left."""
        with self._lock:
            self._removed.clear()
        for folder in (self._library.home_models, self._library.adapters):
            if folder is not None:
                shutil.rmtree(folder / TRASH, ignore_errors=True)
                clear_up(folder)
