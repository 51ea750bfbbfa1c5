"""What a job leaves to read: its metrics as a table, and the reports its work wrote."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from pathlib import Path

from miniclaude.store.file_folder import FileFolder
from miniclaude.store.files import MAX_NAME, StoredFile, new_file_id
from miniclaude.store.job_events import JobEvents
from miniclaude.store.jobs import Job
from miniclaude.store.new_events import MAX_EVENTS

METRICS_NAME = "step_metrics.csv"
MAX_RESULT_BYTES = 100_000_000
MAX_REPORTS = 16
CHUNK = 1 << 20


class ResultFiles:
    """Puts results where uploaded files are, so that `/files` serves them."""

    def __init__(self, events: JobEvents, folder: FileFolder) -> None:
        self._events = events
        self._folder = folder

    async def collect(self, job: Job, reports: Sequence[Path]) -> list[StoredFile]:
        """The files' rows, their bytes in place; the caller stores the rows. Raises StoreError."""
        events = await self._events.since(job.owner, job.id, 0, MAX_EVENTS)
        steps = [event.data for event in events if event.type == "metrics" and event.data]
        names = list(dict.fromkeys(name for row in steps for name in row))
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, fieldnames=names)
        table.writeheader()
        table.writerows(steps)
        sources: list[tuple[str, bytes | Path]] = [(METRICS_NAME, text.getvalue().encode())]
        sources += [(path.name, path) for path in reports[:MAX_REPORTS] if path.is_file()]
        made: list[StoredFile] = []
        try:
            for name, content in sources:
                made.append(await asyncio.to_thread(self._write, job, name, content))
        except BaseException:
            self.discard(made)  # it is tried again, and a full disk must not become fuller by that
            raise
        return made

    def discard(self, files: Sequence[StoredFile]) -> None:
        """Remove the bytes of files whose rows were not stored."""
        for file in files:
            self._folder.remove(file.id)

    def _write(self, job: Job, name: str, content: bytes | Path) -> StoredFile:
        file_id = new_file_id()
        with self._folder.write(file_id, MAX_RESULT_BYTES) as writer:
            if isinstance(content, bytes):
                writer.write(content)
            else:
                with content.open("rb") as source:
                    while chunk := source.read(CHUNK):
                        writer.write(chunk)
        return StoredFile.written(
            file_id, writer, place=job.place, name=name[:MAX_NAME], purpose="fine-tune-results"
        )
