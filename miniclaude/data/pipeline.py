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
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from miniclaude.data.accounts import Leakage, RejectionCounts, prompt_key
from miniclaude.data.augment import augment, request_of
from miniclaude.data.clean_processes import clean_rows, worth_sharing
from miniclaude.data.clean_rows import detected
from miniclaude.data.item_lines import read_item, read_items, rejection_line, row_line
from miniclaude.data.judged_rows import read_chunks, read_judged
from miniclaude.data.prepared import (
    MANIFEST,
    PAGE,
    REJECTED,
    REPORT,
    SPLITS,
    VERSION,
    PreparedDataset,
    content_fingerprint,
    read_split,
)
from miniclaude.data.recipe import PrepareOptions, recipe_key
from miniclaude.data.rejection import Rejection
from miniclaude.data.report import make_report
from miniclaude.data.report_page import write_page
from miniclaude.data.sort_rows import RowSorter
from miniclaude.data.validate import CountTokens, Measures
from miniclaude.data.work_folder import READY, WorkFolder, disk_errors, leftovers
from miniclaude.data.written_paraphrases import OpenWriter, paraphrased
from miniclaude.errors import DatasetError
from miniclaude.model.new_file import sha256_of

if TYPE_CHECKING:
    from miniclaude.model.hub_data import HubSource

Progress = Callable[[str, int, int | None], None]
"""Told now and then: the step, rows done in it, and rows in all where that is known."""

JUDGED = "judged.rows"
SORTED = ("train.jsonl", "validation.jsonl", "rejected.items")
TASKS = {"preference": "preference", "kto": "kto", "text": "text"}
"""What rows of a format are for, where it is not supervised training."""
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
    writer: OpenWriter | None = None,
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
        """→ judged.rows: every row of every source, repaired or rejected, in order.

        Several processes leave time to sort the rows meanwhile, for the task that the sources'
        formats tell. Where it is that of most rows, as nearly always, `split` is done with it."""
        if self.work.report("clean") is not None:
            return
        formats = [detected(source, self.options, hub) for source in self.sources]
        sorter: RowSorter | None = None

        def sort(block: bytes) -> None:
            if sorter is not None:
                for chunk in read_chunks(BytesIO(block)):
                    sorter.add(chunk)

        with disk_errors(self.work.final), ExitStack() as stack:
            if worth_sharing(self.sources, processes, hub):
                tasks = Counter(TASKS.get(str(one["format"]), "supervised") for one in formats)
                sorter = stack.enter_context(self._sorter(tasks.most_common(1)[0][0]))
            report = clean_rows(
                self.sources,
                self.options,
                self.work.path / JUDGED,
                lambda done, total: self.tell("clean", done, total),
                processes=processes,
                hub=hub,
                formats=formats,
                each=sort,
            )
            done = sorter.report() if sorter and sorter.rows == report["rows"] else None
        if done is not None and done["task"] == self._task(report):
            self._finish_split(done, {"clean": report})  # nothing reads the judged rows any more
        else:
            self.work.finish({"clean": report}, JUDGED)

    def split(self) -> None:
        """judged.rows → train.jsonl, validation.jsonl, rejected.items."""
        if self.work.report("split") is not None:
            return
        cleaned = self.work.report("clean") or {}
        rows = _int(cleaned["rows"])
        with disk_errors(self.work.final), self._sorter(self._task(cleaned)) as sorter:
            for chunk in read_judged(self.work.path / JUDGED):
                sorter.add(chunk)
                self.tell("split", sorter.rows, rows)
            report = sorter.report()
        self._finish_split(report)

    @contextmanager
    def _sorter(self, task: str) -> Iterator[RowSorter]:
        """What sorts the rows into the files of the split."""
        with ExitStack() as stack:
            files = [stack.enter_context((self.work.path / n).open("wb")) for n in SORTED]
            named = dict(zip((*SPLITS, "rejected"), files, strict=True))
            yield stack.enter_context(RowSorter(named, self.options, task, folder=self.work.path))

    def _finish_split(
        self, report: dict[str, object], before: Mapping[str, dict[str, object]] | None = None
    ) -> None:
        """before: the reports of steps that are finished with it."""
        finished = {**(before or {}), "split": report}
        cleaned = finished.get("clean") or self.work.report("clean") or {}
        if not self._counts(report)["train"]:
            raise self._nothing_left(_int(cleaned["rows"]))
        self.work.finish(finished, *SORTED)
        self.work.discard(JUDGED)

    def augment(self, writer: OpenWriter | None) -> None:
        """train.jsonl → augmented.jsonl."""
        if self.work.report("augment") is not None:
            return
        path, out = self.work.path / "train.jsonl", self.work.path / "augmented.jsonl"
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
            self.work.finish({"augment": report})
            return
        self.tell("augment", 0, counts["train"])
        rows = list(read_split(path))
        written: dict[str, str] = {}
        if writer is not None:
            requests = [
                row.messages[at].text for row in rows if (at := request_of(row)) is not None
            ]
            written = asyncio.run(paraphrased(requests, writer))
        done = augment(rows, seed=self.options.seed, system=self.options.system, written=written)
        with disk_errors(self.work.final), _lines(out) as file:
            file.writelines(row_line(example) + "\n" for example in done.examples)
        self.tell("augment", counts["train"], counts["train"])
        self.work.finish({"augment": {"applied": True, **done.report()}}, out.name)
        self.work.discard("train.jsonl")

    def write(self, key: str) -> None:
        """→ ready/: the dataset's own files."""
        if self.work.report("write") is not None:
            return
        ready = self.work.path / READY
        counts = self._counts()
        augmented = self.work.report("augment") or {}
        merged = _int(augmented["merged_rows"])
        total = sum(counts.values()) - merged
        sources: dict[str, Path] = {name: self.work.path / f"{name}.jsonl" for name in SPLITS}
        if augmented["applied"]:
            sources["train"] = self.work.path / "augmented.jsonl"
        measured: object = (self.work.report("split") or {})["measured"]
        if augmented["applied"] or self.count_tokens is not None:
            measured = self._measure(sources, total)
        assert isinstance(measured, dict)  # noqa: S101  # `split` wrote it
        with disk_errors(self.work.final):
            ready.mkdir(exist_ok=True)
            for name, source in sources.items():
                shutil.copyfile(source, ready / f"{name}.jsonl")
            rejected = RejectionCounts()
            with _lines(ready / REJECTED) as file:
                for item in read_items(self.work.path / "rejected.items"):
                    if isinstance(item, Rejection):
                        rejected.add(item)
                        file.write(rejection_line(item) + "\n")
            self.tell("write", total, total)
            accounting: dict[str, int] = {
                "rows": _int((self.work.report("clean") or {})["rows"]),
                **{name: _int(measured[name]) for name in SPLITS},
                "rejected": rejected.total,
                "merged": merged,
            }
            report = make_report(
                name=self.work.final.name,
                sources=[str(source) for source in self.sources],
                task=str((self.work.report("split") or {})["task"]),
                accounting=accounting,
                steps={step: self.work.report(step) or {} for step in STEPS[:3]},
                rejections=rejected.as_dict(),
                measures=measured["measures"],
                leaked=measured["leaked"],
            )
            text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
            (ready / REPORT).write_text(text, encoding="utf-8")
            write_page(ready / PAGE, report)
            self._write_manifest(ready, key, accounting, str(report["task"]))
        self.work.finish({"write": {"rows": accounting}})

    def _measure(self, sources: Mapping[str, Path], total: int) -> dict[str, object]:
        """What `sort_rows` has measured, of these files and with the tokenizer's own lengths."""
        measures = Measures(self.count_tokens)
        prompts = Leakage()
        counts: Counter[str] = Counter(dict.fromkeys(sources, 0))
        for name, source in sources.items():
            for example in read_split(source):
                measures.add(example)
                prompts.add(name, prompt_key(example))
                counts[name] += 1
                if counts.total() % TICK == 0:
                    self.tell("write", counts.total(), total)
        return {**counts, "measures": measures.as_dict(), "leaked": prompts.shared}

    def _write_manifest(
        self, ready: Path, key: str, accounting: Mapping[str, int], task: str
    ) -> None:
        names = [f"{name}.jsonl" for name in SPLITS] + [REJECTED, REPORT, PAGE]
        hashes = {name: sha256_of(ready / name) for name in names}
        manifest = {
            "version": VERSION,
            "name": self.work.final.name,
            "key": key,
            "task": task,
            "sources": [str(source) for source in self.sources],
            "options": self.options.as_dict(),
            "rows": dict(accounting),
            "fingerprint": content_fingerprint(hashes),
            "files": {
                name: {"bytes": (ready / name).stat().st_size, "sha256": hashed}
                for name, hashed in hashes.items()
            },
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
        (ready / MANIFEST).write_text(text, encoding="utf-8")

    def _counts(self, report: Mapping[str, object] | None = None) -> dict[str, int]:
        counts = (report or self.work.report("split") or {})["counts"]
        assert isinstance(counts, dict)  # noqa: S101  # `split` wrote it
        return counts

    def _task(self, read: Mapping[str, object]) -> str:
        """What most of the rows are for; the others are rejected."""
        tasks = read["tasks"]
        if not isinstance(tasks, dict) or not tasks:
            raise self._nothing_left(_int(read["rows"]))
        return str(max(sorted(tasks), key=lambda task: tasks[task]))

    def _nothing_left(self, rows: int) -> DatasetError:
        """Why there is nothing to train on; with the first reasons, each where it occurred."""
        where = ", ".join(str(source) for source in self.sources)
        if not rows:
            return DatasetError(
                f"{where}: there are no rows.", hint="Check the path; one row is one example."
            )
        firsts: dict[str, Rejection] = {}
        for item in self._rejections():
            firsts.setdefault(item.error, item)
        lines = [f"{one.place}: {one.error}: {one.message}" for one in list(firsts.values())[:3]]
        return DatasetError(
            "\n".join([f"{where}: none of the {rows:,} rows can be trained on.", *lines]),
            hint=next((one.cure for one in firsts.values()), "Give it rows with answers."),
            param="source",
        )

    def _rejections(self) -> Iterator[Rejection]:
        """What was rejected so far: by `split` and before it, or only before."""
        path = self.work.path / "rejected.items"
        if path.exists():
            yield from (item for item in read_items(path) if isinstance(item, Rejection))
            return
        for chunk in read_judged(self.work.path / JUDGED):
            for line, kept in zip(chunk.lines, chunk.kept, strict=True):
                if kept is None and isinstance(item := read_item(line.decode()), Rejection):
                    yield item


def _lines(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="\n")


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101  # our own report
    return value
