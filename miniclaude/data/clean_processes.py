"""The first step of the pipeline, shared by several processes where the sources are large.

Whoever is free judges the next block of rows; of JSON Lines it parses no others. The blocks are put
together in order, as soon as they are there, so the file is the same however many processes there
were, and what has to see all rows in order can go on meanwhile.

A helper process is given its order as one line of JSON, puts its blocks into a file of its own, and
answers with lines of JSON: the rows read so far, and last its report or an error. It ends when this
process is gone.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO

from miniclaude.data.clean_rows import Part, Tell, detected
from miniclaude.data.recipe import PrepareOptions, source_bytes
from miniclaude.data.stage import merge_reports
from miniclaude.errors import DatasetError, MiniClaudeError

if TYPE_CHECKING:
    from miniclaude.model.hub_data import HubSource

LARGE = 4 << 20
"""Bytes of sources from which a second process is worth its start of half a second."""
CLAIMS = "claims"
WAIT = 0.005  # seconds


def clean_rows(
    sources: Sequence[str | Path],
    options: PrepareOptions,
    out: Path,
    tell: Tell,
    *,
    processes: int = 1,
    hub: HubSource | None = None,
    formats: Sequence[dict[str, object]] = (),
    each: Callable[[bytes], None] | None = None,
) -> dict[str, object]:
    """Write every row of the sources to `out`, in order: kept, repaired or rejected; a file of
    judged rows. formats: of the sources, where they were `detected` before. each: is told
    every block of it, too, as soon as it is written; not all of them when a helper dies, for then
    this process begins anew, alone.

    Returns the report: rows, tasks (how many rows are for which), formats, stages.
    Raises DatasetError when a source cannot be read.
    """
    formats = list(formats) or [detected(source, options, hub) for source in sources]
    size = source_bytes(sources)
    reports: list[dict[str, object]] | None
    folder = out.parent / f"{out.name}.parts"
    with out.open("wb") as file, _few_collections():
        joined = _Joined(file, each or (lambda block: None))
        if not worth_sharing(sources, processes, hub):
            part = Part(count().__next__, size)
            for _, block in part.blocks(sources, options, tell, hub):
                joined.write(block)
            reports = [part.report()]
        else:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                reports = _share(sources, options, joined, folder, tell, size, processes)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            if reports is None:
                return clean_rows(sources, options, out, tell, formats=formats)
    return {**merge_reports(reports), "formats": formats}


@contextmanager
def _few_collections() -> Iterator[None]:
    """Rows make no cycles, and some thousand objects of them are held at a time: to look for cycles
    as often as usual would take a tenth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def worth_sharing(sources: Sequence[str | Path], processes: int, hub: HubSource | None) -> bool:
    """Whether several processes are allowed, and would be done sooner than one."""
    return processes > 1 and hub is None and source_bytes(sources) >= LARGE


class _Joined:
    """The file of all blocks. next: the number of the block that is written next."""

    def __init__(self, file: BinaryIO, each: Callable[[bytes], None]) -> None:
        self._file = file
        self._each = each
        self.next = 0

    def write(self, block: bytes) -> None:
        """The next block."""
        self._file.write(block)
        self._each(block)
        self.next += 1


def _share(
    sources: Sequence[str | Path],
    options: PrepareOptions,
    joined: _Joined,
    folder: Path,
    tell: Tell,
    size: int,
    processes: int,
) -> list[dict[str, object]] | None:
    """Judge all rows together with helpers, whose files lie in `folder`; the reports of all parts,
    None when a helper died."""
    order = {"sources": [str(source) for source in sources], "options": options.as_dict()}
    parts = [_PartFile(folder / str(number)) for number in range(processes)]
    claims = Claims(folder / CLAIMS)
    helpers = [_Helper({**order, "folder": str(folder), "number": n}) for n in range(1, processes)]
    try:
        part = Part(claims.next, size)
        for number, block in part.blocks(sources, options, tell):
            if number == joined.next:
                joined.write(block)
            else:
                parts[0].add(number, block)
            _join(joined, parts)
        while any(helper.running for helper in helpers):
            if not _join(joined, parts):
                time.sleep(WAIT)
        reports = [part.report(), *(helper.result() for helper in helpers)]
        _join(joined, parts)
    finally:
        for helper in helpers:
            helper.end()
        for part_file in parts:
            part_file.close()
    known = [report for report in reports if report is not None]
    return known if len(known) == len(reports) else None


def _join(joined: _Joined, parts: Sequence[_PartFile]) -> bool:
    """Write all blocks whose turn it is; whether there was any."""
    first = joined.next
    while any(part.ready(joined.next) for part in parts):
        owner = next(part for part in parts if part.ready(joined.next))
        joined.write(owner.take())
    return joined.next > first


class Claims:
    """The blocks of rows, one after the other, each given to one process only; the number of the
    next stands in a file that all of them share."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.touch()

    def next(self) -> int:
        """The number of a block that nobody else is given."""
        with self._path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed
            number = int(file.read() or b"0")
            file.seek(0)
            file.write(b"%d" % (number + 1))
            return number


class _PartFile:
    """The blocks of one process, each behind a line with its number and its length in bytes; one
    may write while another reads."""

    def __init__(self, path: Path) -> None:
        self._written = path.open("ab")
        self._read = path.open("rb")
        self._number = -1  # of the block that is read next; -1 when it is not known yet
        self._length = 0
        self._at = 0

    def add(self, number: int, block: bytes) -> None:
        """A block at the end, readable at once."""
        self._written.write(b"%d %d\n" % (number, len(block)))
        self._written.write(block)
        self._written.flush()

    def ready(self, number: int) -> bool:
        """Whether this block is read next, and is there as a whole."""
        if self._number < 0:
            self._read.seek(self._at)
            head = self._read.readline()
            if not head.endswith(b"\n"):
                return False
            self._number, self._length = map(int, head.split())
            self._at += len(head)
        size = os.fstat(self._read.fileno()).st_size
        return self._number == number and self._at + self._length <= size

    def take(self) -> bytes:
        """The block that is read next."""
        self._read.seek(self._at)
        block = self._read.read(self._length)
        self._number = -1
        self._at += self._length
        return block

    def close(self) -> None:
        """Close both ends."""
        self._written.close()
        self._read.close()


class _Helper:
    """A process with a part of the work."""

    def __init__(self, order: dict[str, object]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "miniclaude.data.clean_processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._said: dict[str, object] = {}
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        assert self._process.stdin is not None  # noqa: S101  # it is a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.close()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def result(self) -> dict[str, object] | None:
        """Its report, once it has ended; None when it died. Raises DatasetError when it could not
        read a source."""
        self._listener.join()
        if self._process.wait() != 0:
            return None
        error, report = self._said.get("error"), self._said.get("report")
        if isinstance(error, dict):
            raise DatasetError(**error)
        return report if isinstance(report, dict) else None

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        for line in self._process.stdout:
            with suppress(ValueError):
                self._said = json.loads(line)

    def end(self) -> None:
        """Stop it, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _still_here(done: int, total: int | None) -> None:
    """Said now and then, so that a helper notices that nobody listens any more, and ends."""
    if done % 10_000 == 0:
        _say({"done": done})


def main() -> None:
    """A helper process: one order in, its blocks into a file, its report out."""
    order = json.loads(sys.stdin.readline())
    folder = Path(order["folder"])
    gc.freeze()
    part = Part(Claims(folder / CLAIMS).next, 0)
    file = _PartFile(folder / str(order["number"]))
    options = PrepareOptions(**order["options"])
    try:
        with _few_collections():
            for number, block in part.blocks(order["sources"], options, _still_here):
                file.add(number, block)
    except MiniClaudeError as error:
        said = {"message": error.message, "hint": error.hint}
        _say({"error": {**said, "param": error.param, "code": error.code}})
    else:
        _say({"report": part.report()})


if __name__ == "__main__":
    main()
