"""What a dataset is made of and how: from it, and nothing else, follow the rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from miniclaude.data.seed import resolve_source
from miniclaude.errors import SettingsError

EDGE = 1 << 20  # bytes at each end of a file that are hashed to recognise it
RECIPE_VERSION = 2
"""Raised when the same rows and options would give other rows than before."""


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """How rows are prepared.

    format, columns: as for `read_examples`; None detects. augment: vary requests, join exchanges
    and back-fill system prompts in the training split. system: the prompt to back-fill, one of the
    built-in ones when empty. validation: share of the rows held out, 0 to 0.5. duplicates: the
    Jaccard similarity from which a row is a near-duplicate of an earlier one. seed: of every
    random choice. Raises SettingsError naming the option out of its range.
    """

    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    augment: bool = True
    system: str = ""
    validation: float = 0.1
    duplicates: float = 0.9
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.validation <= 0.5:
            raise SettingsError(
                f"validation: {self.validation} is not a share from 0 to 0.5.",
                hint="0.1 holds out every tenth row.",
                param="validation",
            )
        if not 0 <= self.seed < 1 << 31:
            raise SettingsError(
                f"seed: {self.seed} is not from 0 to {(1 << 31) - 1}.",
                hint="Any such number does; the same one gives the same rows.",
                param="seed",
            )
        if not 0.5 <= self.duplicates <= 1:
            raise SettingsError(
                f"duplicates: {self.duplicates} is not a similarity from 0.5 to 1.",
                hint="0.9 finds rows that differ in a word or two.",
                param="duplicates",
            )

    def as_dict(self) -> dict[str, object]:
        """As JSON values, for the manifest."""
        return {**asdict(self), "columns": dict(sorted(self.columns.items()))}


def recipe_key(
    sources: Sequence[str | Path], options: PrepareOptions, *, written: bool = False
) -> str:
    """SHA-256 of the options and of what tells these sources from others and from themselves
    before a change: name, size, time of change, first and last MiB. written:
    whether a model puts requests in other words."""
    facts = [_facts(resolve_source(source)) for source in sources]
    recipe = {
        "version": RECIPE_VERSION,
        "options": options.as_dict(),
        "sources": facts,
        "written": written,
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def source_bytes(sources: Sequence[str | Path]) -> int:
    """Bytes of all sources that are files or folders here; 0 when one of them is neither, or is
    compressed, so that rows cannot be foreseen from bytes."""
    total = 0
    for source in sources:
        files = _files(resolve_source(source))
        if not files or any(path.suffix in (".gz", ".xz", ".parquet", ".arrow") for path in files):
            return 0
        total += sum(path.stat().st_size for path in files)
    return total


def _files(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        return sorted(inner for inner in path.rglob("*") if inner.is_file())
    return [path] if path.is_file() else []


def _facts(source: str | Path) -> list[object]:
    facts: list[object] = [str(source)]
    for path in _files(source):
        stat = path.stat()
        digest = hashlib.sha256()
        with path.open("rb") as file:
            digest.update(file.read(EDGE))
            if stat.st_size > 2 * EDGE:
                file.seek(-EDGE, 2)
            digest.update(file.read(EDGE))
        facts.append([str(path.absolute()), stat.st_size, stat.st_mtime_ns, digest.hexdigest()])
    return facts
