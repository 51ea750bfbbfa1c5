"""The seed dataset that comes with Mini-Claude, by the name `seed`."""

from __future__ import annotations

from pathlib import Path

from miniclaude.errors import DatasetError

NAMES = frozenset({"seed", "mini-claude-seed"})
"""What a source is called that means the packaged file."""

FILE = "mini-claude-seed.jsonl"


def seed_file() -> Path:
    """The packaged rows. Raises DatasetError when the package came without them."""
    path = Path(__file__).resolve().parent / "seed" / FILE
    if not path.is_file():
        raise DatasetError(
            f"The seed dataset is missing: {path}.",
            hint="Install Mini-Claude again; the file belongs to the package.",
            param="source",
        )
    return path


def resolve_source(source: str | Path) -> str | Path:
    """The packaged file for the name `seed`, unless a file of that name lies here; every other
    source as it is."""
    if str(source) in NAMES and not Path(source).exists():
        return seed_file()
    return source
