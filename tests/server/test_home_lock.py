"""One server per home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from miniclaude.errors import DiskFullError, HomeLockedError, StoreError
from miniclaude.server.home_lock import LOCK_FILE, home_lock

HOLD = """
import sys
from pathlib import Path
from miniclaude.server.home_lock import home_lock
with home_lock(Path(sys.argv[1])) as lock:
    lock.describe("http://127.0.0.1:4242")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_names_the_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(HomeLockedError) as refused, home_lock(tmp_path):
            pass
        message = str(refused.value)
        assert f"process {first.pid}, at http://127.0.0.1:4242" in message
        assert "--home" in message
        first.kill()
    with home_lock(tmp_path):
        """A killed server leaves its file, and no lock."""


def test_the_file_says_who_we_are(tmp_path: Path) -> None:
    home = tmp_path / "a" / "new" / "home"
    with home_lock(home) as lock:
        lock.describe("http://127.0.0.1:1")
        known = json.loads((home / LOCK_FILE).read_text())
    assert known == {"pid": os.getpid(), "url": "http://127.0.0.1:1"}
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
def test_a_full_disk_is_named_with_the_cure(tmp_path: Path) -> None:
    """The lock file is the first thing written in a new home."""
    (tmp_path / LOCK_FILE).symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match=r"home folder .*Free some space"), home_lock(tmp_path):
        pass


def test_a_holder_that_has_not_said_who_it_is(tmp_path: Path) -> None:
    with home_lock(tmp_path):
        (tmp_path / LOCK_FILE).write_text("")
        with pytest.raises(HomeLockedError, match="another process"), home_lock(tmp_path):
            pass


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--home"), home_lock(tmp_path / "file" / "home"):
        pass
