"""Compiled loops are found again, and made where nothing can be kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ADDS = """
from miniclaude.data.compiled import compiled

@compiled
def add(one: int, other: int) -> int:
    return one + other

print(add(2, other=3))
"""


def run(script: Path) -> str:
    # Root may write anywhere: so the only folder that Numba may take is one that cannot be made.
    environment = os.environ | {"NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"}
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout + done.stderr


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    """Installed by an administrator and run by a user without a home, it must still work."""
    script = tmp_path / "adds.py"
    script.write_text(ADDS)
    assert run(script) == "5\n"
    assert sorted(tmp_path.iterdir()) == [script]
