"""The library of models, as the models page sends and reads it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from miniclaude.jobs.errand import Errand
from miniclaude.model.hub import Needs
from miniclaude.model.install import read_manifest
from miniclaude.model.library import InstalledModel
from miniclaude.model.outline import BYTES, read_outline
from miniclaude.server.wire.validation import NullIsAbsent, StrictBody
from miniclaude.server.workbench import Export

Json = dict[str, Any]
Name = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Revision = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$")]
STORED_BYTES = {"float32": 4, "float64": 8, "int8": 1, "float8": 1, "int4": 0.5}
"""Of one weight, by the dtype that config.json names; two for all others that are usual."""


class Repository(NullIsAbsent):
    """model: `org/name` on the hub. revision: branch, tag or commit; absent, main."""

    model: Name
    revision: Revision = "main"


class NewTask(NullIsAbsent):
    """kind: pull a model of the hub, or quantise or export one that is here. to: int8 or int4; for
    an export a GGUF number type, or `folder`. name: of the quantised copy. revision: of a pull."""

    kind: Literal["pull", "quantize", "export"]
    model: Name
    to: Annotated[str, StringConstraints(max_length=16)] | None = None
    name: Name | None = None
    revision: Revision | None = None


class DefaultModel(StrictBody):
    """model: who answers when none is named."""

    model: Name


class ModelName(StrictBody):
    """model: by name, as `GET /library` shows it."""

    model: Annotated[str, Field(min_length=1, max_length=512)]


def model_json(
    model: InstalledModel,
    *,
    default: str,
    loaded: set[str],
    needed_by: list[str],
    lineage: Json | None,
) -> Json:
    """A model folder. parameters, dtype: null where its files do not say. memory: bytes by number
    format, with one full conversation; of an adapter what it adds to its base."""
    outline = read_outline(model.path, model.stamp)
    adapter = model.adapter is not None
    memory: Json = {} if outline is None else outline.memory(model.context)
    if adapter and outline is not None:
        memory = {"float32": 4 * outline.parameters}
    return {
        "id": model.name,
        "kind": "adapter" if adapter else "model",
        "bytes": model.bytes,
        "parameters": None if outline is None else outline.parameters,
        "dtype": None if outline is None else outline.dtype,
        "packed": outline is not None and outline.packed,
        "context": model.context,
        "memory": memory,
        "created": model.created,
        "bundled": model.bundled,
        "default": model.name == default,
        "loaded": model.name in loaded,
        "needed_by": needed_by,
        "source": _source(model),
        "lineage": lineage,
    }


def needs_json(needs: Needs, free: int) -> Json:
    """What a pull would take. memory: bytes of the weights by number format, about."""
    numbers = int(needs.weight_bytes / STORED_BYTES.get(needs.dtype, 2))
    return {
        "model": needs.repo,
        "revision": needs.revision,
        "files": needs.files,
        "bytes": needs.bytes,
        "bytes_here": needs.here,
        "free": free,
        "parameters": numbers,
        "dtype": needs.dtype or None,
        "memory": {name: int(numbers * size) for name, size in BYTES.items()},
        "installed": needs.installed,
    }


def task_json(errand: Errand) -> Json:
    """A task and how far it has come."""
    return {
        "id": errand.id,
        "kind": errand.kind,
        "model": errand.model,
        "to": errand.to or None,
        "status": errand.status,
        "done": errand.done,
        "total": errand.total,
        "file": errand.file,
        "notes": list(errand.notes),
        "result": errand.result,
        "error": errand.error,
        "created_at": errand.created_at,
        "finished_at": errand.finished_at,
    }


def export_json(export: Export) -> Json:
    """An export. `file`: whether it can be downloaded; a folder lies in the home's `exports`."""
    return {
        "name": export.name,
        "bytes": export.bytes,
        "created": int(export.created),
        "file": export.is_file,
    }


def _source(model: InstalledModel) -> str | None:
    """Where it was pulled from, or what it was made of; a folder's path stays on this machine."""
    source = read_manifest(model.path).get("source")
    if not isinstance(source, dict):
        return None
    found = source.get("repo") or source.get("quantized from")
    return str(found)[:400] if found else None
