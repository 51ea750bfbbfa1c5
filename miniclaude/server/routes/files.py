"""`/files`: rows to learn from are uploaded here, and results are fetched."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse

from miniclaude.errors import NotFoundError
from miniclaude.server.disconnect import unless_stopping
from miniclaude.server.routes.conversations import OWNER
from miniclaude.server.services import fine_tuning_of, services_of
from miniclaude.server.upload import read_upload
from miniclaude.server.wire.files import PURPOSE, check_upload, file_json, list_json
from miniclaude.store.files import MAX_PAGE, StoredFile, new_file_id

router = APIRouter(prefix="/files")

After = Annotated[str | None, Query(max_length=100)]


@router.post("")
async def create_file(request: Request) -> dict[str, Any]:
    """Store an upload; its bytes go to the disk as they come. Rows are validated when a job is
    made of them."""
    tuning = fine_tuning_of(request)
    file_id = new_file_id()

    async def receive() -> StoredFile:
        with tuning.folder.write(file_id, tuning.max_file_bytes) as writer:
            upload = await read_upload(request, writer)
            name = check_upload(upload, writer.bytes)
            await to_thread.run_sync(writer.finish)
        return StoredFile.written(file_id, writer, place=tuning.place, name=name, purpose=PURPOSE)

    file = await unless_stopping(services_of(request).stopping, receive)
    try:
        return file_json(await tuning.files.add(OWNER, file))
    except BaseException:
        tuning.folder.remove(file_id)
        raise


@router.get("")
async def list_files(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
    after: After = None,
    order: Literal["asc", "desc"] = "desc",
    purpose: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = None,
) -> dict[str, Any]:
    """The newest first, unless asked otherwise. after: the last id of the page before."""
    files, has_more = await fine_tuning_of(request).files.list(
        OWNER, limit=limit, after=after, order=order, purpose=purpose
    )
    return list_json([file_json(file) for file in files], has_more=has_more)


@router.get("/{file_id}")
async def get_file(request: Request, file_id: str) -> dict[str, Any]:
    """What is known of a file."""
    return file_json(await fine_tuning_of(request).files.get(OWNER, file_id))


@router.get("/{file_id}/content")
async def get_content(request: Request, file_id: str) -> FileResponse:
    """A file's bytes, always to be saved and never shown: they are somebody's upload."""
    tuning = fine_tuning_of(request)
    file = await tuning.files.get(OWNER, file_id)
    path = tuning.folder.path(file.id)
    if file.place != tuning.place or not path.is_file():
        raise NotFoundError(
            f"The bytes of {file_id} are not on this machine.",
            hint="They are where the file was uploaded, unless they were removed by hand.",
            param="file_id",
        )
    return FileResponse(path, media_type="application/octet-stream", filename=file.name)


@router.delete("/{file_id}")
async def delete_file(request: Request, file_id: str) -> dict[str, Any]:
    """Remove a file. Refused while a job that is not finished needs it."""
    tuning = fine_tuning_of(request)
    file = await tuning.files.delete(OWNER, file_id)
    await to_thread.run_sync(tuning.folder.remove, file.id)
    return {"id": file.id, "object": "file", "deleted": True}
