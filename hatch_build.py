"""Builds the page when a wheel is built; an editable install is served by `make web`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before files are collected. Source distributions carry the page's sources instead."""

    def dependencies(self) -> list[str]:
        """Node from PyPI, only when the page must be built and the machine has no Node."""
        page = _page_builder(Path(self.root))
        if self.target_name != "wheel" or page.is_current() or page.find_node():
            return []
        return [page.NODE_FROM_PYPI]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless the install is editable or the page is there already."""
        page = _page_builder(Path(self.root))
        if self.target_name != "wheel" or version == "editable" or page.is_current():
            return
        node = page.find_node()
        if node is None:
            raise page.BuildError(f"the page needs Node {page.MINIMUM} with npm to be built.")
        page.build_page(node)


def _page_builder(root: Path) -> ModuleType:
    """The module `web/build.py`, which is no package's."""
    name = "page_builder"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, root / "web" / "build.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(f"{root / 'web' / 'build.py'} is missing.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
