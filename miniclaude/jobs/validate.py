"""Looking at a job's files before it is queued, as the OpenAI API does: a bad row fails the job at
once, by file, line, error name and cure, and not hours later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from miniclaude.data.reading import read_examples
from miniclaude.data.rejection import Item, Rejection
from miniclaude.data.seed import NAMES as SEED
from miniclaude.errors import DatasetError
from miniclaude.jobs.order import JobOrder, JobResult, Source, Tell
from miniclaude.training.tasks import FITTING, HOLDS

MAX_SHOWN = 20
"""Bad rows that are told of, each in an event of its own."""

MAX_BAD = 1_000
"""Bad rows after which nobody reads on."""


def validate_files(order: JobOrder, tell: Tell) -> JobResult:
    """Read every file whole. Raises DatasetError naming the first bad row, or the file that has
    no row or those of another kind than the method needs."""
    method = str(order.spec.get("objective", "supervised"))
    for field, sources in (
        ("training_file", order.training),
        ("validation_file", order.validation),
    ):
        for source in sources:
            if source.path in SEED or Path(source.path).is_dir():
                continue  # a dataset: it was validated when it was prepared
            count = _validate(source, field, method, tell)
            tell({"event": "message", "message": f"{source.name}: {count:,} examples."})
    return JobResult("finished")


def _validate(source: Source, field: str, method: str, tell: Tell) -> int:
    code = f"invalid_{field}"
    first: Rejection | None = None
    bad = good = 0
    for item in _read(source, field, code):
        if not isinstance(item, Rejection):
            if item.task not in FITTING[method]:
                raise DatasetError(
                    f"{_place(item, source)} holds {HOLDS[item.task]}; the method {method!r} learns"
                    f" from {HOLDS[FITTING[method][0]]}.",
                    hint="Choose the method for these rows, or rows for this method.",
                    param=field,
                    code=code,
                )
            good += 1
            continue
        bad += 1
        first = first or item
        if bad <= MAX_SHOWN:
            tell({"event": "message", "level": "error", "message": _told(item, source)})
        if bad == MAX_BAD:
            break
    if first is not None:
        more = f" So are {bad - 1:,} others." if bad > 1 else ""
        raise DatasetError(
            f"{_told(first, source)}{more}",
            hint="Correct the file and upload it again; `mini-claude data prepare` keeps bad rows"
            " aside and goes on with the good ones.",
            param=field,
            code=code,
        )
    return good


def _read(source: Source, field: str, code: str) -> Iterator[Item]:
    """The file's rows; what is wrong with the file as a whole is said by its own name."""
    try:
        yield from read_examples(source.path)
    except DatasetError as error:
        raise DatasetError(
            error.message.replace(source.path, source.name),
            hint=error.hint,
            param=field,
            code=code,
        ) from None


def _told(item: Rejection, source: Source) -> str:
    return f"{_place(item, source)}: {item.error}: {item.message} {item.cure}".strip()


def _place(item: Item, source: Source) -> str:
    """Where a row is in the person's own words: their name for the file, not ours."""
    return f"{source.name}, {item.place.unit} {item.place.line}"
