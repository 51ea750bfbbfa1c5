"""`/datasets`: what models are taught from, looked at, mended and made; `/preparations`: in the
making."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from miniclaude.data.browse import MOST_ROWS, RowPage, kept_row, kept_rows, rejected_rows
from miniclaude.data.export import WRITERS, exported_lines
from miniclaude.data.prepared import (
    MANIFEST,
    PAGE,
    REJECTED,
    PreparedDataset,
    Split,
    list_datasets,
)
from miniclaude.data.source_names import SourceNames
from miniclaude.errors import InvalidRequestError
from miniclaude.jobs.datasets import Datasets, judge, judged_json
from miniclaude.jobs.preparing import Preparation
from miniclaude.server.body import read_json
from miniclaude.server.error_handlers import describe
from miniclaude.server.routes.conversations import OWNER
from miniclaude.server.services import fine_tuning_of, services_of
from miniclaude.server.sse import DONE, EventStream, sse
from miniclaude.server.wire.datasets import (
    NewDataset,
    NewVersion,
    Which,
    WrittenRow,
    dataset_json,
    preparation_json,
)
from miniclaude.server.wire.validation import validate

router = APIRouter()

Line = Annotated[int, Query(ge=0, le=1_000_000_000)]
Text = Annotated[str, Query(max_length=200)]
Part = Literal["all", "train", "validation", "rejected"]


def _datasets(request: Request) -> Datasets:
    return fine_tuning_of(request).datasets


@router.get("/datasets")
async def list_all(request: Request) -> dict[str, Any]:
    """The newest first. Beside them, how large an upload may be."""
    tuning = fine_tuning_of(request)

    def look() -> list[dict[str, Any]]:
        found = list_datasets(tuning.datasets.folder)
        found.sort(key=lambda one: (one.folder / MANIFEST).stat().st_mtime_ns, reverse=True)
        return [dataset_json(dataset) for dataset in found]

    return {
        "object": "list",
        "data": await to_thread(look),
        "max_file_bytes": tuning.max_file_bytes,
    }


@router.post("/datasets", status_code=202)
async def create_dataset(request: Request) -> dict[str, Any]:
    """Begin to prepare uploads as a dataset. Returns the preparation."""
    datasets = _datasets(request)
    body = validate(NewDataset, await read_json(request))
    made = await datasets.prepare(OWNER, body.name, body.sources, body.options())
    return preparation_json(made)


@router.get("/datasets/{name}")
async def get_dataset(request: Request, name: str) -> dict[str, Any]:
    """A dataset with its report."""

    def look(datasets: Datasets) -> dict[str, Any]:
        dataset = datasets.find(name)
        report = SourceNames.of(dataset).plain_json(dataset.report)
        return {**dataset_json(dataset), "report": report}

    return await to_thread(look, _datasets(request))


@router.delete("/datasets/{name}", status_code=204)
async def delete_dataset(request: Request, name: str) -> None:
    """Remove it; what it was made from stays. Refused while an unfinished job needs it."""
    await _datasets(request).delete(name)


@router.get("/datasets/{name}/rows")
async def list_rows(
    request: Request,
    name: str,
    which: Which = "train",
    after: Line = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 25,
    q: Text = "",
    error: Annotated[str, Query(max_length=100)] = "",
) -> dict[str, Any]:
    """A page of rows, each cut short. after: the `next` of the page before. q: what their texts
    hold; error: why they were rejected."""

    from miniclaude.data.source_rows import changed_rows  # loads what computes

    def look(datasets: Datasets) -> RowPage:

        dataset = datasets.find(name)
        if which == "rejected":
            return rejected_rows(dataset, after=after, limit=limit, query=q, error=error)
        if which == "changed":
            return changed_rows(dataset, after=after, limit=limit, query=q)
        return kept_rows(dataset, which, after=after, limit=limit, query=q)

    page = await to_thread(look, _datasets(request))
    return {"object": "list", "data": page.rows, "next": page.next}


@router.get("/datasets/{name}/rows/{which}/{number}")
async def get_row(
    request: Request, name: str, which: Literal["train", "validation", "rejected"], number: int
) -> dict[str, Any]:
    """A whole row, by its line; of a rejected one also the row that it repeats."""

    def look(datasets: Datasets) -> dict[str, Any]:
        if which == "rejected":
            return datasets.rejected(name, _line(number))
        row = kept_row(datasets.find(name), which, _line(number))
        return {"number": number, "row": row}

    return await to_thread(look, _datasets(request))


@router.get("/datasets/{name}/rows/{which}/{number}/tokens")
async def get_tokens(
    request: Request,
    name: str,
    which: Split,
    number: int,
    model: Annotated[str | None, Query(max_length=256)] = None,
) -> dict[str, Any]:
    """The tokens that a model sees of a row, and which of them it would learn. model: the default
    one."""
    chosen = model or services_of(request).default_model
    datasets = _datasets(request)
    return await to_thread(datasets.tokens, name, which, _line(number), chosen)


@router.post("/datasets/{name}/check")
async def check_row(request: Request, name: str) -> dict[str, Any]:
    """What the pipeline would make of a row: as it would be kept, or the error and its cure."""
    datasets = _datasets(request)
    body = validate(WrittenRow, await read_json(request))
    return await to_thread(lambda: judged_json(judge(datasets.find(name), body.row)))


@router.post("/datasets/{name}/versions", status_code=202)
async def create_version(request: Request, name: str) -> dict[str, Any]:
    """Begin to prepare the next version: the same sources and these rows behind them. Returns the
    preparation."""
    datasets = _datasets(request)
    body = validate(NewVersion, await read_json(request))
    return preparation_json(await datasets.mend(OWNER, name, body.rows))


@router.get("/datasets/{name}/content")
async def get_content(
    request: Request, name: str, part: Part = "all", format: str = "openai"
) -> Response:
    """The rows as a file of JSON Lines to be saved, in the form of OpenAI, Alpaca or ShareGPT; rows
    that the form has no place for are not in it. `rejected`: those left out, and why."""
    if format not in WRITERS:
        raise InvalidRequestError(
            f"format: {format[:40]!r} is unknown.",
            hint=f"Use {', '.join(WRITERS)}.",
            param="format",
        )
    dataset = await to_thread(_datasets(request).find, name)
    if part == "rejected":
        return _saved(dataset, REJECTED)
    headers = {"content-disposition": f'attachment; filename="{name}-{part}.jsonl"'}
    return StreamingResponse(
        exported_lines(dataset, format, part), 200, headers, "application/octet-stream"
    )


@router.get("/datasets/{name}/report")
async def get_report(request: Request, name: str) -> FileResponse:
    """The report as a page of its own, always to be saved and never shown."""
    return _saved(await to_thread(_datasets(request).find, name), PAGE)


@router.get("/preparations")
async def list_preparations(request: Request) -> dict[str, Any]:
    """Those since the server's start, the newest first; at most 20."""
    found = _datasets(request).preparations.list(OWNER)
    return {"object": "list", "data": [preparation_json(one) for one in found]}


@router.get("/preparations/{preparation_id}")
async def get_preparation(request: Request, preparation_id: str) -> dict[str, Any]:
    """One of them."""
    return preparation_json(_datasets(request).preparations.get(OWNER, preparation_id))


@router.post("/preparations/{preparation_id}/cancel")
async def cancel_preparation(request: Request, preparation_id: str) -> dict[str, Any]:
    """End it and keep nothing of it."""
    return preparation_json(await _datasets(request).preparations.cancel(OWNER, preparation_id))


@router.get("/preparations/{preparation_id}/events")
async def watch_preparation(request: Request, preparation_id: str) -> EventStream:
    """The whole preparation, now and after every change, until it has ended."""
    preparations = _datasets(request).preparations
    preparations.get(OWNER, preparation_id)
    frames = _frames(preparations.watch(OWNER, preparation_id))
    return EventStream(frames, services_of(request).stopping, beats=True)


async def _frames(states: AsyncGenerator[Preparation, None]) -> AsyncGenerator[str, None]:
    async with aclosing(states):
        try:
            async for state in states:
                yield sse(preparation_json(state))
        except Exception as error:  # the status is sent; the stream itself must tell
            yield sse(describe(error))
        else:
            yield DONE


def _saved(dataset: PreparedDataset, file: str) -> FileResponse:
    return FileResponse(
        dataset.folder / file,
        media_type="application/octet-stream",
        filename=f"{dataset.name}-{file}",
    )


def _line(number: int) -> int:
    if not 1 <= number <= 1_000_000_000:
        raise InvalidRequestError(
            f"number: {number} is no row.", hint="Rows are counted from 1.", param="number"
        )
    return number
