"""The first step of the pipeline, shared by several processes where the sources are large.

Each process judges every n-th block of rows; of JSON Lines it parses no others. The blocks are then
put together in order, so the file is the same however many there were.

A helper process is given its order as one line of JSON and answers with lines of JSON: the rows
read so far, and last its report or an error. It ends when this process is gone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from miniclaude.data.clean_rows import Part, Tell, detected
from miniclaude.data.reading import HubSource
from miniclaude.data.recipe import PrepareOptions, source_bytes
from miniclaude.data.stage import merge_reports
from miniclaude.errors import DatasetError, MiniClaudeError

LARGE = 4 << 20
"""Bytes of sources from which a second process is worth its start of half a second."""


def clean_rows(
    sources: Sequence[str | Path],
    options: PrepareOptions,
    out: Path,
    tell: Tell,
    *,
    processes: int = 1,
    hub: HubSource | None = None,
) -> dict[str, object]:
    """Write every row of the sources to `out`, in order: kept, repaired or rejected; a file of
    judged rows.

    Returns the report: rows, tasks (how many rows are for which), formats, stages.
    Raises DatasetError when a source cannot be read.
    """
    formats = [detected(source, options, hub) for source in sources]
    size = source_bytes(sources)
    reports: list[dict[str, object]] | None = None
    if processes > 1 and size >= LARGE and hub is None:
        reports = _share(sources, options, out, tell, size, processes)
    if reports is None:
        part = Part(0, 1, size)
        with out.open("wb") as file:
            file.writelines(part.blocks(sources, options, tell, hub))
        reports = [part.report()]
    return {**merge_reports(reports), "formats": formats}


def _share(
    sources: Sequence[str | Path],
    options: PrepareOptions,
    out: Path,
    tell: Tell,
    size: int,
    processes: int,
) -> list[dict[str, object]] | None:
    """The reports of all parts, once their blocks are together in `out`; None when a helper died,
    and its work must be done by this process."""
    files = [out.with_name(f"{out.name}.{number}") for number in range(processes)]
    order = {"sources": [str(source) for source in sources], "options": options.as_dict()}
    helpers = [
        _Helper({**order, "number": number, "of": processes, "out": str(file)})
        for number, file in enumerate(files)
        if number
    ]
    try:
        part = Part(0, processes, size)
        _write_blocks(files[0], part.blocks(sources, options, tell))
        reports = [part.report()]
        for helper in helpers:
            report = helper.result()
            if report is None:
                return None
            reports.append(report)
        with out.open("wb") as joined, ExitStack() as stack:
            opened = [stack.enter_context(file.open("rb")) for file in files]
            number = 0
            while block := _next_block(opened[number % processes]):
                joined.write(block)
                number += 1
    finally:
        for helper in helpers:
            helper.end()
        for file in files:
            file.unlink(missing_ok=True)
    return reports


class _Helper:
    """A process with a part of the work."""

    def __init__(self, order: dict[str, object]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "miniclaude.data.clean_processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None  # noqa: S101  # it is a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.close()

    def result(self) -> dict[str, object] | None:
        """Its report; None when it died. Raises DatasetError when it could not read a source."""
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        said: dict[str, object] = {}
        for line in self._process.stdout:
            with suppress(ValueError):
                said = json.loads(line)
        if self._process.wait() != 0:
            return None
        error, report = said.get("error"), said.get("report")
        if isinstance(error, dict):
            raise DatasetError(**error)
        return report if isinstance(report, dict) else None

    def end(self) -> None:
        """Stop it, if it still runs."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _write_blocks(path: Path, blocks: Iterable[bytes]) -> None:
    """Blocks, each after a line with its length in bytes."""
    with path.open("wb") as file:
        for block in blocks:
            file.write(b"%d\n" % len(block))
            file.write(block)


def _next_block(file: BinaryIO) -> bytes:
    """The next block; empty at the end."""
    length = file.readline()
    return file.read(int(length)) if length else b""


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
    part = Part(order["number"], order["of"], 0)
    options = PrepareOptions(**order["options"])
    try:
        _write_blocks(Path(order["out"]), part.blocks(order["sources"], options, _still_here))
    except MiniClaudeError as error:
        said = {"message": error.message, "hint": error.hint}
        _say({"error": {**said, "param": error.param, "code": error.code}})
    else:
        _say({"report": part.report()})


if __name__ == "__main__":
    main()
