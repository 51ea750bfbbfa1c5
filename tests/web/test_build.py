"""`web/build.py`: when it builds, which Node it takes, what it says when it cannot."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.web.live import ROOT


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module; it belongs to no package."""
    spec = importlib.util.spec_from_file_location("page_build", ROOT / "web" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "page_build", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build(script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, working on a copy of the page's sources."""
    web = tmp_path / "web"
    skip = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "web", web, ignore=skip)
    monkeypatch.setattr(script, "WEB", web)
    monkeypatch.setattr(script, "STATIC", tmp_path / "static")
    monkeypatch.setattr(script, "STAMP", tmp_path / "made" / "page")
    return script


def _fake_command(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        ("v18.20.0", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0", True),
        ("nonsense", False),
    ],
)
def test_only_a_node_that_vite_runs_on_is_taken(
    build: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: str,
    taken: bool,
) -> None:
    commands = tmp_path / "bin"
    _fake_command(commands, "node", f"echo {version}")
    _fake_command(commands, "npm", "true")
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setattr(build.sysconfig, "get_path", lambda _: str(tmp_path))
    assert (build.find_node() is not None) is taken


def test_a_node_without_npm_is_no_use(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _fake_command(tmp_path / "bin", "node", "echo v24.0.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(build.sysconfig, "get_path", lambda _: str(tmp_path))
    assert build.find_node() is None


def _npm(build: ModuleType, tmp_path: Path, script: str) -> object:
    _fake_command(tmp_path / "bin", "npm", f'echo "$*" >> {tmp_path}/calls\n{script}')
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return build.Node(str(tmp_path / "bin" / "npm"), path)


WORKING = """
case "$*" in
  ci*) mkdir -p node_modules ;;
  "run build") mkdir -p ../static && echo page > ../static/index.html ;;
esac
"""


def test_it_builds_once_and_again_only_when_a_source_changed(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = _npm(build, tmp_path, WORKING)
    monkeypatch.setattr(build, "find_node", lambda: node)
    assert build.main([]) == 0
    assert build.main([]) == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["ci --no-audit --no-fund", "run typecheck", "run lint", "run build"]
    (build.WEB / "src" / "main.tsx").write_text("// changed")
    assert not build.is_current()
    assert build.main([]) == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[4:] == ["run typecheck", "run lint", "run build"]


def test_a_failed_step_prints_what_npm_said_and_leaves_no_stamp(
    build: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing = 'case "$*" in\n  ci*) mkdir -p node_modules ;;\n  *) echo "TS1234"; exit 2 ;;\nesac'
    node = _npm(build, tmp_path, failing)
    monkeypatch.setattr(build, "find_node", lambda: node)
    assert build.main([]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: the page could not be built: `npm run typecheck` failed")
    assert "TS1234" in said
    assert not build.is_current()


def test_the_lock_file_names_no_registry() -> None:
    """It must install from whichever registry the reader's npm is set up for."""
    lock = (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert "omit-lockfile-registry-resolved=true" in (ROOT / "web" / ".npmrc").read_text()


def test_the_pages_own_unit_tests_pass(script: ModuleType) -> None:
    """Vitest, where the page's packages are installed (`make web` installs them)."""
    node = script.find_node()
    if node is None or not (ROOT / "web" / "node_modules" / "vitest").is_dir():
        pytest.skip("the page's packages are not installed (make web)")
    node.run("run", "test")
