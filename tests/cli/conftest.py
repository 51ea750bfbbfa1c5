"""Homes for the command-line tests."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C, and what they start
    would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder called `tiny`."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("cli") / "tiny")


@pytest.fixture
def home(tmp_path: Path, tiny_folder: Path) -> Path:
    """A home with the model `tiny` in it."""
    shutil.copytree(tiny_folder, tmp_path / "home" / "models" / "tiny")
    return tmp_path / "home"
