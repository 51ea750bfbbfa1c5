"""Prepared datasets and their preparation, as the page reads them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from miniclaude.data.formats import READERS
from miniclaude.data.prepared import MANIFEST, PreparedDataset
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.source_names import SourceNames
from miniclaude.errors import InvalidRequestError
from miniclaude.jobs.datasets import version_of
from miniclaude.jobs.preparing import Preparation
from miniclaude.server.error_handlers import describe
from miniclaude.server.wire.fine_tuning import Seed
from miniclaude.server.wire.sampling import Finite
from miniclaude.server.wire.validation import NullIsAbsent
from miniclaude.store.conversations import unix_now

MAX_SOURCES = 16
MAX_MENDED = 1_000

Json = dict[str, Any]
DatasetName = Annotated[str, StringConstraints(min_length=1, max_length=96)]
SourceName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class NewDataset(NullIsAbsent):
    """`POST /datasets`. sources: ids of uploads, or `seed`. format, columns: where the rows do not
    tell them. validation: share held out. augment: add variety."""

    name: DatasetName
    sources: Annotated[list[SourceName], Field(min_length=1, max_length=MAX_SOURCES)]
    format: Annotated[str, StringConstraints(max_length=40)] | None = None
    columns: Annotated[dict[Column, Column], Field(max_length=64)] | None = None
    validation: Annotated[Finite, Field(ge=0, le=0.5)] = 0.1
    augment: bool = True
    system: Annotated[str, StringConstraints(max_length=4_000)] = ""
    seed: Seed = 1

    def options(self) -> PrepareOptions:
        """Raises InvalidRequestError for an unknown form."""
        if self.format is not None and self.format not in READERS:
            raise InvalidRequestError(
                f"format: {self.format!r} is unknown.",
                hint=f"Use one of {', '.join(READERS)}, or leave it out.",
                param="format",
            )
        return PrepareOptions(
            format=self.format,
            columns=self.columns or {},
            augment=self.augment,
            system=self.system,
            validation=self.validation,
            seed=self.seed,
        )


class WrittenRow(NullIsAbsent):
    """`POST /datasets/{name}/check`: a row to be judged, in any form that can be read."""

    row: dict[str, Any]


class NewVersion(NullIsAbsent):
    """`POST /datasets/{name}/versions`: rows to be added, in any form that can be read."""

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_MENDED)]


Which = Literal["train", "validation", "rejected", "changed"]


def dataset_json(dataset: PreparedDataset) -> Json:
    """A dataset without its rows. format, columns: how its rows were said to be read, and mended
    ones are; null and none where each row tells it."""
    base, version = version_of(dataset.name)
    options = dataset.manifest.get("options")
    chosen: Json = options if isinstance(options, dict) else {}
    files = dataset.manifest["files"]
    return {
        "name": dataset.name,
        "object": "dataset",
        "base": base,
        "version": version,
        "task": dataset.task,
        "created_at": int((dataset.folder / MANIFEST).stat().st_mtime),
        "bytes": sum(facts["bytes"] for facts in files.values()),  # type: ignore[attr-defined]
        "rows": dataset.manifest["rows"],
        "sources": SourceNames.of(dataset).names,
        "fingerprint": dataset.fingerprint,
        "format": chosen.get("format"),
        "columns": chosen.get("columns") or {},
    }


def preparation_json(preparation: Preparation) -> Json:
    """A preparation as it stands. now: by the clock that its other times are by."""
    error = preparation.error
    return {
        "id": preparation.id,
        "object": "preparation",
        "name": preparation.name,
        "sources": preparation.sources,
        "status": preparation.status,
        "began": preparation.began,
        "ended": preparation.ended,
        "now": unix_now(),
        "steps": [
            {
                "name": step.name,
                "done": step.done,
                "total": step.total,
                "began": step.began,
                "ended": step.ended,
            }
            for step in preparation.steps
        ],
        "reports": preparation.reports,
        "error": None if error is None else describe(error)["error"],
    }
