"""raw → cleaning → formatting → augmentation → validation → training files.

    clean     read every source; repair, mask or reject each row by itself
    split     reject near-duplicates; hold out a validation split that shares nothing with training
    augment   vary the training rows where that raises their diversity
    write     train.jsonl, validation.jsonl, rejected.jsonl, and the report

Each step reads the files of the one before and writes its own, a row at a time; a step that is
finished is never done again (`work_folder.py`). The same sources, options and seed give the same
bytes, in one go or killed and resumed, in one process or several.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from miniclaude.data.accounts import Leakage, RejectionCounts
from miniclaude.data.augment import augment, request_of
from miniclaude.data.clean_processes import clean_rows
from miniclaude.data.duplicates import NearDuplicates
from miniclaude.data.example import Example
from miniclaude.data.item_lines import (
    item_line,
    read_items,
    read_lines,
    rejection_line,
    row_line,
    row_of_line,
)
from miniclaude.data.prepared import (
    MANIFEST,
    PAGE,
    REJECTED,
    REPORT,
    SPLITS,
    VERSION,
    PreparedDataset,
    content_fingerprint,
)
from miniclaude.data.reading import HubSource
from miniclaude.data.recipe import PrepareOptions, recipe_key
from miniclaude.data.rejection import Item, Rejection
from miniclaude.data.report import make_report
from miniclaude.data.report_page import write_page
from miniclaude.data.split import split
from miniclaude.data.validate import CountTokens, Measures
from miniclaude.data.work_folder import READY, WorkFolder, disk_errors, leftovers
from miniclaude.data.written_paraphrases import Writer, written_paraphrases
from miniclaude.errors import DatasetError
from miniclaude.model.new_file import sha256_of

Progress = Callable[[str, int, int | None], None]
"""Told now and then: the step, rows done in it, and rows in all where that is known."""

STEPS = ("clean", "split", "augment", "write")
TICK = 500  # rows between two words about progress
MOST_AUGMENTED = 10_000  # rows; a larger dataset has its variety from the rows themselves
MOST_AUGMENTED_BYTES = 128 << 20


def prepare(
    sources: Sequence[str | Path],
    folder: Path,
    options: PrepareOptions | None = None,
    progress: Progress | None = None,
    *,
    processes: int = 2,
    count_tokens: CountTokens | None = None,
    hub: HubSource | None = None,
    writer: Writer | None = None,
) -> PreparedDataset:
    """Prepare rows for training in `folder`, whose name is the dataset's.

    A folder that already holds this very dataset is opened, an older one is replaced. processes:
    how many share the cleaning of large sources. count_tokens: for the report. hub: how
    `hf://datasets/…` is reached. writer: a model that also puts requests in other words.

    Raises DatasetError when a source cannot be read or no row can be used, ConflictError while
    another process prepares it, DiskFullError (resumes when called again), StoreError.
    """
    options = options or PrepareOptions()
    if not sources:
        raise DatasetError("There is no source.", hint="Name a file, a folder or `seed`.")
    key = recipe_key(sources, options, written=writer is not None)
    tell = progress or (lambda step, done, total: None)
    existing = _existing(folder, key)
    if existing is not None and not leftovers(folder):
        return existing
    with WorkFolder(folder, key) as work:
        if existing is not None:  # killed after the last rename
            work.publish()
            return existing
        run = _Run(work, sources, options, tell, count_tokens)
        run.clean(processes, hub)
        if recipe_key(sources, options, written=writer is not None) != key:
            work.restart()
            raise DatasetError(
                f"A source was changed while it was read: {', '.join(map(str, sources))}.",
                hint="Run the same command again once nothing writes to it.",
                param="source",
            )
        run.split()
        run.augment(writer)
        run.write(key)
        work.publish()
    return PreparedDataset.open(folder)


def _existing(folder: Path, key: str) -> PreparedDataset | None:
    if not folder.is_dir():
        return None
    try:
        dataset = PreparedDataset.open(folder)
    except DatasetError:
        return None
    return dataset if dataset.manifest.get("key") == key else None


class _Run:
    """One preparation. Each method is a step; one that was finished before returns at once."""

    def __init__(
        self,
        work: WorkFolder,
        sources: Sequence[str | Path],
        options: PrepareOptions,
        tell: Progress,
        count_tokens: CountTokens | None,
    ) -> None:
        self.work = work
        self.sources = sources
        self.options = options
        self.tell = tell
        self.count_tokens = count_tokens

    def clean(self, processes: int, hub: HubSource | None) -> None:
        """→ items.jsonl: every row of every source, repaired or rejected, in order."""
        if self.work.report("clean") is None:
            with disk_errors(self.work.final):
                report = clean_rows(
                    self.sources,
                    self.options,
                    self.work.path / "items.jsonl",
                    lambda done, total: self.tell("clean", done, total),
                    processes=processes,
                    hub=hub,
                )
            self.work.finish("clean", report, "items.jsonl")

    def split(self) -> None:
        """items.jsonl → train.items, validation.items, rejected.items."""
        if self.work.report("split") is not None:
            return
        cleaned = self.work.report("clean") or {}
        rows = _int(cleaned["rows"])
        task = self._task(cleaned)
        duplicates = NearDuplicates(self.options.duplicates, folder=self.work.path)
        fraction = self.options.validation
        counts: Counter[str] = Counter()
        # Stages give one item for each, in order: what they leave as it was keeps its line.
        waiting: deque[tuple[Item, str]] = deque()
        read = read_lines(self.work.path / "items.jsonl")
        items = self._counted("split", _remembered(read, waiting), rows)
        judged = duplicates.run(_of_one_task(items, task))
        names = [f"{name}.items" for name in (*SPLITS, "rejected")]
        with disk_errors(self.work.final), ExitStack() as stack:
            files = {
                name: stack.enter_context(_lines(self.work.path / f"{name}.items"))
                for name in (*SPLITS, "rejected")
            }
            for side, item in split(judged, fraction, self.options.seed, folder=self.work.path):
                name = "rejected" if isinstance(item, Rejection) else side
                counts[name] += 1
                before, line = waiting.popleft()
                files[name].write(line if item is before else item_line(item) + "\n")
        if not counts["train"]:
            raise self._nothing_left(rows)
        report: dict[str, object] = {
            "task": task,
            "counts": {name: counts[name] for name in (*SPLITS, "rejected")},
            "stages": {duplicates.name: duplicates.report()},
        }
        self.work.finish("split", report, *names)
        self.work.discard("items.jsonl")

    def augment(self, writer: Writer | None) -> None:
        """train.items → augmented.items."""
        if self.work.report("augment") is not None:
            return
        path, out = self.work.path / "train.items", self.work.path / "augmented.items"
        counts = self._counts()
        reason = ""
        if not self.options.augment:
            reason = "It was switched off."
        elif (self.work.report("split") or {}).get("task") != "supervised":
            reason = "Only conversations are augmented."
        elif counts["train"] > MOST_AUGMENTED or path.stat().st_size > MOST_AUGMENTED_BYTES:
            reason = f"With more than {MOST_AUGMENTED:,} rows, variety comes from the rows."
        report: dict[str, object] = {"applied": False, "why_not": reason, "merged_rows": 0}
        if reason:
            self.work.finish("augment", report)
            return
        self.tell("augment", 0, counts["train"])
        rows = [item for item in read_items(path) if isinstance(item, Example)]
        written: dict[str, str] = {}
        if writer is not None:
            requests = [
                row.messages[at].text for row in rows if (at := request_of(row)) is not None
            ]
            written = asyncio.run(written_paraphrases(requests, writer))
        done = augment(rows, seed=self.options.seed, system=self.options.system, written=written)
        with disk_errors(self.work.final), _lines(out) as file:
            file.writelines(item_line(example) + "\n" for example in done.examples)
        self.tell("augment", counts["train"], counts["train"])
        self.work.finish("augment", {"applied": True, **done.report()}, out.name)
        self.work.discard("train.items")

    def write(self, key: str) -> None:
        """→ ready/: the dataset's own files."""
        if self.work.report("write") is not None:
            return
        ready = self.work.path / READY
        counts = self._counts()
        augmented = self.work.report("augment") or {}
        merged = _int(augmented["merged_rows"])
        train = "augmented.items" if augmented["applied"] else "train.items"
        total = sum(counts.values()) - merged
        measures = Measures(self.count_tokens)
        prompts = Leakage()
        written: Counter[str] = Counter()
        with disk_errors(self.work.final):
            ready.mkdir(exist_ok=True)
            for name, source in (("validation", "validation.items"), ("train", train)):
                with _lines(ready / f"{name}.jsonl") as file:
                    for item, line in read_lines(self.work.path / source):
                        if isinstance(item, Example):
                            measures.add(item)
                            prompts.add(name, item)
                            written[name] += 1
                            file.write(row_of_line(line, item.place))
                            if written.total() % TICK == 0:
                                self.tell("write", written.total(), total)
            rejected = RejectionCounts()
            with _lines(ready / REJECTED) as file:
                for item in read_items(self.work.path / "rejected.items"):
                    if isinstance(item, Rejection):
                        rejected.add(item)
                        written["rejected"] += 1
                        file.write(rejection_line(item) + "\n")
            self.tell("write", total, total)
            accounting = {
                "rows": _int((self.work.report("clean") or {})["rows"]),
                **{name: written[name] for name in (*SPLITS, "rejected")},
                "merged": merged,
            }
            report = make_report(
                name=self.work.final.name,
                sources=[str(source) for source in self.sources],
                task=str((self.work.report("split") or {})["task"]),
                accounting=accounting,
                steps={step: self.work.report(step) or {} for step in STEPS[:3]},
                rejections=rejected.as_dict(),
                measures=measures.as_dict(),
                leaked=prompts.shared,
            )
            text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
            (ready / REPORT).write_text(text, encoding="utf-8")
            write_page(ready / PAGE, report)
            self._write_manifest(ready, key, accounting, str(report["task"]))
        self.work.finish("write", {"rows": accounting})

    def _write_manifest(
        self, ready: Path, key: str, accounting: Mapping[str, int], task: str
    ) -> None:
        names = [f"{name}.jsonl" for name in SPLITS] + [REJECTED, REPORT, PAGE]
        manifest = {
            "version": VERSION,
            "name": self.work.final.name,
            "key": key,
            "task": task,
            "sources": [str(source) for source in self.sources],
            "options": self.options.as_dict(),
            "rows": dict(accounting),
            "fingerprint": content_fingerprint(ready),
            "files": {
                name: {"bytes": (ready / name).stat().st_size, "sha256": sha256_of(ready / name)}
                for name in names
            },
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
        (ready / MANIFEST).write_text(text, encoding="utf-8")

    def _counts(self) -> dict[str, int]:
        counts = (self.work.report("split") or {})["counts"]
        assert isinstance(counts, dict)  # noqa: S101  # `split` wrote it
        return counts

    def _task(self, read: Mapping[str, object]) -> str:
        """What most of the rows are for; the others are rejected."""
        tasks = read["tasks"]
        if not isinstance(tasks, dict) or not tasks:
            raise self._nothing_left(_int(read["rows"]))
        return str(max(sorted(tasks), key=lambda task: tasks[task]))

    def _counted(self, step: str, items: Iterable[Item], total: int) -> Iterator[Item]:
        number = 0
        for number, item in enumerate(items, start=1):
            if number % TICK == 0:
                self.tell(step, number, total)
            yield item
        self.tell(step, number, total)

    def _nothing_left(self, rows: int) -> DatasetError:
        """Why there is nothing to train on; with the first reasons, each where it occurred."""
        where = ", ".join(str(source) for source in self.sources)
        if not rows:
            return DatasetError(
                f"{where}: there are no rows.", hint="Check the path; one row is one example."
            )
        firsts: dict[str, Rejection] = {}
        for name in ("items.jsonl", "rejected.items"):
            path = self.work.path / name
            for item in read_items(path) if path.exists() else ():
                if isinstance(item, Rejection):
                    firsts.setdefault(item.error, item)
        lines = [f"{one.place}: {one.error}: {one.message}" for one in list(firsts.values())[:3]]
        return DatasetError(
            "\n".join([f"{where}: none of the {rows:,} rows can be trained on.", *lines]),
            hint=next((one.cure for one in firsts.values()), "Give it rows with answers."),
            param="source",
        )


def _remembered(
    lines: Iterable[tuple[Item, str]], waiting: deque[tuple[Item, str]]
) -> Iterator[Item]:
    for item, line in lines:
        waiting.append((item, line))
        yield item


def _of_one_task(items: Iterable[Item], task: str) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Example) and item.task != task:
            yield Rejection(
                item.place,
                "mixed_tasks",
                f"This row is for {item.task} training, most of the others are for {task}.",
                "Put it in a file of its own and prepare that as another dataset.",
                row_line(item)[:2_000],
            )
        else:
            yield item


def _lines(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="\n")


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101  # our own report
    return value
