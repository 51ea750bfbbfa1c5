"""Builds the page when a wheel is built; an editable install is served by `make web`."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before files are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Nothing to do for an editable install."""
        if version == "editable":
            return
