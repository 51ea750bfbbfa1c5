"""Which home folder this is: several servers, each with its own, may share one PostgreSQL, and a
job runs where its files are."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from miniclaude.errors import StoreError

PLACE_FILE = "place"
_PLACE = re.compile(r"[0-9a-f]{32}")


def place_of(home: Path) -> str:
    """The id of a home folder, made the first time it is asked for. The caller holds the home's
    lock. Raises StoreError when it cannot be read or written."""
    path = home / PLACE_FILE
    try:
        if path.exists():
            place = path.read_text("ascii").strip()
            if not _PLACE.fullmatch(place):
                raise StoreError(
                    f"{path} does not hold an id of 32 hexadecimal digits.",
                    hint="Restore it from a backup; if it is removed, jobs that are not finished"
                    " stay as they are.",
                )
            return place
        place = secrets.token_hex(16)
        path.write_text(place, "ascii")
        return place
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path} cannot be read or written: {error}.", hint="Check the home folder."
        ) from error
