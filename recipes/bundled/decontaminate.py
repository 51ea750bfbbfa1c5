"""Leave out of training what evaluation asks: documents that share a run of words with it.

    python -m recipes.bundled.decontaminate ROWS.jsonl … --against PROBES … --to FOLDER

A conversation goes when one of its messages shares 8 words in a row with an evaluation set: that
is most of a question of everyday length. A plain text, and a message of more than 200 words, goes
at 13 words in a row, as GPT-3's training text did (Brown et al. 2020, appendix C): eight words of a
long text can be a set phrase, and a chapter would be lost for it. A question of 5 to 7 words has no
such run and counts when a message of the user is the same, word for word; shorter ones ("Who are
you?") say nothing. System messages are not compared: every row with the same tools shares them.

Words are those of `miniclaude.data.shingles`: capitals and marks make no difference. Runs are
compared by 64-bit hashes, a batch of documents at a time, so memory holds the evaluation sets (ten
bytes a run) and one batch.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.example import Example
from miniclaude.data.rows import ending, read_rows
from miniclaude.data.shingles import byte_words
from miniclaude.errors import DatasetError, MiniClaudeError

SHORT_RUN, LONG_RUN = 8, 13
LONG_TEXT = 200
"""Words of a message above which only a long run counts."""
WHOLE = range(5, SHORT_RUN)
"""Words of a question that is compared as a whole."""
MOST_RUNS = 20_000_000
BATCH_WORDS = 1 << 18
KNOWN_WORDS = 1 << 20
SHOWN, SHOWN_TEXT = 5, 160
"""Documents shown in a summary, and characters of each."""
SUMMARY = "decontamination.json"

NO_TEXT = frozenset(
    {
        "role",
        "speaker",
        "from",
        "id",
        "kind",
        "name",
        "source",
        "split",
        "tools",
        "tool_calls",
        "category",
    }
)
"""Fields of an evaluation row that say nothing."""
ANSWERS = frozenset(
    {
        "answer",
        "answers",
        "target",
        "completion",
        "output",
        "choices",
        "options",
        "label",
        "response",
    }
)
"""Fields whose runs count, but which are no question."""

Hashes = NDArray[np.uint64]
Item = TypeVar("Item")
ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Piece:
    """One text of a document. long: it is compared by long runs. question: compared as a whole."""

    text: str
    long: bool = False
    question: bool = False


def pieces_of(document: str | Example) -> list[Piece]:
    """What is compared of a training document: a plain text, or the messages of a conversation."""
    if isinstance(document, str):
        return [Piece(document, long=True)]
    return [
        Piece(message.text, question=message.role == "user")
        for message in document.messages
        if message.role not in ("system", "tool")
    ]


def pieces_of_row(row: Mapping[str, object]) -> list[Piece]:
    """What is compared of a row: its `text`, its `messages`, or else every text that it holds."""
    text = row.get("text")
    if isinstance(text, str) and "messages" not in row:
        return [Piece(text, long=True)]
    return list(_texts(row, question=True))


def _texts(value: object, *, question: bool) -> Iterator[Piece]:
    if isinstance(value, str):
        yield Piece(value, question=question)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, question=question)
    elif isinstance(value, dict) and value.get("role") not in ("system", "tool"):
        asked = question and value.get("role") != "assistant"
        for name, item in value.items():
            if name not in NO_TEXT:
                yield from _texts(item, question=asked and name not in ANSWERS)


class WordHashes:
    """64-bit hashes of words, the same in every process."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def of(self, text: str) -> list[int]:
        """The hashes of a text's words, in order."""
        if len(self._known) > KNOWN_WORDS:
            self._known.clear()
        return [self._known.get(word) or self._hash(word) for word in byte_words(text)]

    def _hash(self, word: bytes) -> int:
        made = int.from_bytes(blake2b(word, digest_size=8).digest(), "little") or 1
        self._known[word] = made
        return made


def runs(words: Hashes, length: int) -> Hashes:
    """A hash for every run of so many words. words: [n]; returns [n - length + 1], or none."""
    count = max(len(words) - length + 1, 0)
    made = np.zeros(count, np.uint64)
    for place in range(length):
        made = made * ODD + words[place : place + count]
    return made ^ (made >> np.uint64(29))


class Evaluation:
    """The runs of evaluation sets, and in which of the sets each is.

    Raises DatasetError when a file cannot be read, there is none, or they hold too many runs.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.files = list(_files(paths))
        words = WordHashes()
        gathered: dict[int, list[Hashes]] = {SHORT_RUN: [], LONG_RUN: []}
        owners: dict[int, list[NDArray[np.uint16]]] = {SHORT_RUN: [], LONG_RUN: []}
        self._questions: dict[tuple[int, ...], int] = {}
        total = 0
        for number, path in enumerate(self.files):
            for _, row in read_rows(path):
                for piece in pieces_of_row(row):
                    said = words.of(piece.text)
                    if piece.question and len(said) in WHOLE:
                        self._questions.setdefault(tuple(said), number)
                    hashes = np.array(said, np.uint64)
                    for length in gathered:
                        made = runs(hashes, length)
                        total += len(made)
                        gathered[length].append(made)
                        owners[length].append(np.full(len(made), number, np.uint16))
                if total > MOST_RUNS:
                    raise DatasetError(
                        f"The evaluation sets up to {path} hold over {MOST_RUNS:,} runs of words.",
                        hint="Leave out files that are no evaluation sets.",
                    )
        self._runs: dict[int, tuple[Hashes, NDArray[np.uint16]]] = {}
        for length, parts in gathered.items():
            joined = np.concatenate([np.zeros(0, np.uint64), *parts])
            distinct, first = np.unique(joined, return_index=True)
            owner = np.concatenate([np.zeros(0, np.uint16), *owners[length]])[first]
            self._runs[length] = (distinct, owner)

    def asks(self, words: Sequence[int]) -> int | None:
        """The number of the file with a short question of just these words (their hashes)."""
        return self._questions.get(tuple(words)) if len(words) in WHOLE else None

    def find(self, made: Hashes, length: int) -> NDArray[np.int64]:
        """For each run of so many words, the number of the file that has it, or -1."""
        known, owner = self._runs[length]
        if not len(known):
            return np.full(len(made), -1)
        places = np.minimum(np.searchsorted(known, made), len(known) - 1)
        return np.where(known[places] == made, owner[places].astype(np.int64), -1)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files, and those in the folders, in order."""
    for path in paths:
        inside = sorted(one for one in path.rglob("*") if one.is_file() and ending(one.name))
        if path.is_dir() and not inside:
            raise DatasetError(
                f"{path} holds no file of rows.", hint="Name a folder of JSON Lines files."
            )
        yield from inside if path.is_dir() else [path]


@dataclass(slots=True)
class Summary:
    """What was done. read, dropped: documents. by_set: dropped, by the evaluation file that first
    matched. examples: the beginnings of the first few texts that did."""

    read: int = 0
    dropped: int = 0
    by_set: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "read": self.read,
            "dropped": self.dropped,
            "by_evaluation_file": dict(self.by_set),
            "examples": self.examples,
        }


class Decontaminator(Generic[Item]):
    """Passes documents on, except those that share words with evaluation; counts in `summary`."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.summary = Summary()
        self._evaluation = evaluation
        self._words = WordHashes()

    def kept(self, documents: Iterable[tuple[Item, list[Piece]]]) -> Iterator[Item]:
        """Each document whose pieces share nothing, in order, a batch at a time."""
        batch: list[tuple[Item, list[Piece]]] = []
        hashes: list[list[list[int]]] = []
        size = 0
        for item, pieces in documents:
            made = [self._words.of(piece.text) for piece in pieces]
            batch.append((item, pieces))
            hashes.append(made)
            size += sum(map(len, made))
            if size >= BATCH_WORDS:
                yield from self._judged(batch, hashes)
                batch, hashes, size = [], [], 0
        yield from self._judged(batch, hashes)

    def _judged(
        self, batch: list[tuple[Item, list[Piece]]], hashes: list[list[list[int]]]
    ) -> Iterator[Item]:
        """The documents of a batch that stay."""
        found: dict[int, tuple[int, Piece]] = {}
        flat: dict[int, list[int]] = {SHORT_RUN: [], LONG_RUN: []}
        held: dict[int, list[tuple[int, Piece, int]]] = {SHORT_RUN: [], LONG_RUN: []}
        for number, (_, pieces) in enumerate(batch):
            for piece, words in zip(pieces, hashes[number], strict=True):
                owner = self._evaluation.asks(words) if piece.question else None
                if owner is not None:
                    found.setdefault(number, (owner, piece))
                length = LONG_RUN if piece.long or len(words) > LONG_TEXT else SHORT_RUN
                if len(words) >= length:
                    flat[length] += words
                    held[length].append((number, piece, len(words)))
        for length, joined in flat.items():
            owners = self._evaluation.find(runs(np.array(joined, np.uint64), length), length)
            start = 0
            for number, piece, count in held[length]:
                # Runs that reach into the next text are left out.
                matched = owners[start : start + count - length + 1].max()
                if matched >= 0:
                    found.setdefault(number, (int(matched), piece))
                start += count
        for number, (item, _) in enumerate(batch):
            self.summary.read += 1
            if number not in found:
                yield item
                continue
            owner, piece = found[number]
            self.summary.dropped += 1
            self.summary.by_set[str(self._evaluation.files[owner])] += 1
            if len(self.summary.examples) < SHOWN:
                self.summary.examples.append(piece.text[:SHOWN_TEXT])


def clean_files(files: Sequence[Path], evaluation: Evaluation, to: Path) -> dict[str, Summary]:
    """Write each file's rows that stay to the folder, under the file's name with `.jsonl`, and a
    summary. Raises DatasetError for a file that cannot be read, and for two of one name."""
    names = [f"{path.name.partition('.')[0]}.jsonl" for path in files]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DatasetError(
            f"Two of the files would be written as {twice[0]}.",
            hint="Clean them one after the other, into two folders.",
        )
    to.mkdir(parents=True, exist_ok=True)
    summaries: dict[str, Summary] = {}
    for path, name in zip(files, names, strict=True):
        decontaminator: Decontaminator[Mapping[str, object]] = Decontaminator(evaluation)
        rows = ((row, pieces_of_row(row)) for _, row in read_rows(path))
        with (to / name).open("w", encoding="utf-8") as file:
            for row in decontaminator.kept(rows):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        summaries[str(path)] = decontaminator.summary
    report = {path: summary.as_dict() for path, summary in summaries.items()}
    (to / SUMMARY).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return summaries


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="recipes.bundled.decontaminate", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="training rows, of any usual kind")
    parser.add_argument(
        "--against",
        type=Path,
        nargs="+",
        required=True,
        help="evaluation files, or folders of them",
    )
    parser.add_argument("--to", type=Path, required=True, help="folder for the rows that stay")
    options = parser.parse_args(arguments)
    try:
        summaries = clean_files(options.files, Evaluation(options.against), options.to)
    except MiniClaudeError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        return 1
    for path, summary in summaries.items():
        print(f"{path}: {summary.dropped:,} of {summary.read:,} documents left out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
