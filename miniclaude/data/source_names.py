"""What a dataset's sources are called where people read of them: without their folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from miniclaude.data.prepared import PreparedDataset
from miniclaude.data.seed import NAMES, resolve_source
from miniclaude.errors import DatasetError


class SourceNames:
    """The sources of a dataset by their last names; `plain` puts those into any text."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.names = [source if source in NAMES else Path(source).name for source in sources]
        named = dict(zip(sources, self.names, strict=True))
        for source in sources:
            try:
                named[str(resolve_source(source))] = named[source]
            except DatasetError:  # the packaged rows are not there
                continue
        # The longest first: one path may be the beginning of another.
        self._named = sorted(named.items(), key=lambda pair: -len(pair[0]))

    @classmethod
    def of(cls, dataset: PreparedDataset) -> SourceNames:
        """Those of a prepared dataset."""
        return cls(dataset.sources)

    def plain(self, text: str) -> str:
        """The text with names where it had paths."""
        for path, name in self._named:
            text = text.replace(path, name)
        return text

    def plain_json(self, value: object) -> object:
        """The same for every text in a JSON value."""
        if isinstance(value, str):
            return self.plain(value)
        if isinstance(value, Mapping):
            return {key: self.plain_json(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.plain_json(item) for item in value]
        return value
