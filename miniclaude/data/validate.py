"""What a dataset is like, in numbers: how long, how varied, which kinds, how many.

`Measures` is told every row once and keeps only counts, so that a dataset of any size can be
measured in bounded memory.

Distinct trigrams / trigrams (distinct-3, Li et al. 2016, arXiv:1510.03055) falls as a text grows,
whoever writes it: the longer one speaks, the more often one repeats "one of the". So the plain
ratio says little about a dataset without its size. Beside it stands the *windowed* one, the mean
over windows of 5,000 trigrams (the mean segmental type-token ratio of Johnson 1944, for trigrams),
which does not depend on how many rows there are; it is the one held against 0.8.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.augment import forms_of
from miniclaude.data.compiled import compiled
from miniclaude.data.example import Example
from miniclaude.data.kinds import FORMS, KINDS, kind_of
from miniclaude.data.shingles import compared, hash_shingles
from miniclaude.data.texts import text_of

CountTokens = Callable[[str], int]

GUIDE = (10, 200)
"""Tokens that a good answer for a small model has, from and to."""

DISTINCT = 0.8
"""Below this share of distinct trigrams (windowed), rows repeat each other."""

EDGES = (1, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 1_000)
"""Lower edges of the bars of the length distribution, in tokens."""

WINDOW = 5_000  # trigrams
MOST_HASHES = 1 << 18  # distinct trigrams kept at once: 2 MiB; with fewer, it errs by over 0.2 %
TABLE = 1 << 14  # slots of the table of hashes, at first
BATCH = 256  # rows whose trigrams are hashed together
LONGEST_COUNTED = 65_536  # tokens; longer answers count as this long


@dataclass(frozen=True, slots=True)
class Tier:
    """How far a dataset of `at_least` examples carries."""

    name: str
    at_least: int
    says: str


TIERS: tuple[Tier, ...] = (
    Tier("first try", 0, "Enough to see that everything works."),
    Tier("proof of concept", 100, "A model picks up a manner from this many."),
    Tier("meaningful", 1_000, "A model learns something that lasts from this many."),
    Tier("production", 10_000, "Enough to rely on, if the rows are good."),
)


def tier_of(examples: int) -> dict[str, object]:
    """The tier of a dataset of this many examples, and what is missing to the next one."""
    place = bisect_right([tier.at_least for tier in TIERS], examples) - 1
    following = TIERS[place + 1] if place + 1 < len(TIERS) else None
    return {
        "name": TIERS[place].name,
        "says": TIERS[place].says,
        "examples": examples,
        "next": following.name if following else None,
        "missing": following.at_least - examples if following else 0,
    }


def estimate_tokens(text: str) -> int:
    """Tokens of English text without a tokenizer: four characters each, at least one."""
    return (len(text) + 3) // 4 or 1


class DistinctCount:
    """The number of different hashes among many, exact up to 262,144 and estimated beyond.

    Adaptive sampling (Wegman; analysed by Flajolet 1990): when there are too many, only those
    whose first bits are zero are kept, and each stands for 2^bits.
    """

    def __init__(self, most: int = MOST_HASHES) -> None:
        self._most = most
        self._bits = 0
        self._kept = 0
        self._table = np.zeros(TABLE, np.uint64)  # [a power of 2], hashes plus one; 0 is free

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """hashes: [n]"""
        done = 0
        while True:
            room = min(self._most, len(self._table) // 2)
            taken, self._kept = _insert(hashes[done:], self._table, self._kept, room, self._bits)
            done += taken
            if done == len(hashes):
                return
            if len(self._table) < 2 * self._most:
                self._rebuild(2 * len(self._table))
            else:
                self._bits += 1
                self._rebuild(len(self._table))

    @property
    def count(self) -> int:
        """Different hashes so far."""
        return self._kept << self._bits

    @property
    def exact(self) -> bool:
        """Whether `count` is no estimate."""
        return self._bits == 0

    def _rebuild(self, size: int) -> None:
        """A table of this size of those hashes that still belong to the sample."""
        kept = self._table[self._table != 0] - np.uint64(1)
        self._table = np.zeros(size, np.uint64)
        _, self._kept = _insert(kept, self._table, 0, size, self._bits)


@compiled
def _insert(
    hashes: NDArray[np.uint64], table: NDArray[np.uint64], kept: int, most: int, bits: int
) -> tuple[int, int]:
    """Put hashes whose first `bits` are zero into a table with open addresses until there would be
    more than `most`. Returns how many hashes were looked at, and how many are in the table."""
    last = np.uint64(len(table) - 1)
    one = np.uint64(1)
    for place in range(len(hashes)):
        marked = hashes[place] + one  # the one hash that this makes 0 is not counted
        if marked == 0 or (bits and hashes[place] >> np.uint64(64 - bits)):
            continue
        slot = hashes[place] & last
        while table[slot] != 0 and table[slot] != marked:
            slot = (slot + one) & last
        if table[slot] == 0:
            if kept == most:
                return place, kept
            table[slot] = marked
            kept += 1
    return len(hashes), kept


def _distinct(hashes: NDArray[np.uint64]) -> int:
    """How many of a window's hashes are different. hashes: [n]"""
    table = np.zeros(TABLE, np.uint64)
    return _insert(hashes, table, 0, len(table) // 2, 0)[1]


class Trigrams:
    """Distinct trigrams, plain and windowed; see the top of this file. They are the rows' shingles
    (`shingles.py`): of what was asked and of what was answered."""

    def __init__(self) -> None:
        self.total = 0
        self._distinct = DistinctCount()
        self._window: list[NDArray[np.uint64]] = []
        self._filled = 0
        self._ratios: list[float] = []

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """More of them, in the order of the dataset. hashes: [n]"""
        self.total += len(hashes)
        self._distinct.add(hashes)
        self._window.append(hashes)
        self._filled += len(hashes)
        if self._filled >= WINDOW:
            joined = np.concatenate(self._window)
            whole = len(joined) // WINDOW * WINDOW
            for window in joined[:whole].reshape(-1, WINDOW):  # [windows, 5000]
                self._ratios.append(_distinct(window) / WINDOW)
            self._window, self._filled = [joined[whole:]], len(joined) - whole

    def as_dict(self) -> dict[str, object]:
        """plain and windowed: ratios; windows: how many were whole. Fewer trigrams than one
        window are measured as they are."""
        different = self._distinct.count
        plain = different / self.total if self.total else 1.0
        windowed = float(np.mean(self._ratios)) if self._ratios else plain
        return {
            "trigrams": self.total,
            "distinct": different,
            "estimated": not self._distinct.exact,
            "plain": round(plain, 4),
            "windowed": round(windowed, 4),
            "windows": len(self._ratios),
            "window_trigrams": WINDOW,
        }


class Facts(Protocol):
    """Whatever has the fields of `RowFacts`."""

    @property
    def kind(self) -> str: ...
    @property
    def forms(self) -> list[str]: ...
    @property
    def answers(self) -> list[int]: ...
    @property
    def prompt(self) -> int | None: ...
    @property
    def turns(self) -> int: ...


class RowFacts(NamedTuple):
    """What is counted of a row. answers: their lengths in tokens; prompt: that of all the others,
    None of plain text; turns: messages of the user."""

    kind: str
    forms: list[str]
    answers: list[int]
    prompt: int | None
    turns: int


def row_facts(example: Example, count: CountTokens = estimate_tokens) -> RowFacts:
    """The facts of a row; count: tokens of a text."""
    answers: list[int] = []
    prompt = turns = 0
    for index, message in enumerate(example.messages):
        text = text_of(message)
        if not text:
            continue
        if message.role != "assistant":
            prompt += count(text)
            turns += message.role == "user"
        elif index not in example.unlearned:
            answers.append(count(text))
    answers += [count(answer.text) for answer in (*example.chosen, *example.rejected)]
    if example.text:
        return RowFacts(kind_of(example), [], [count(example.text)], None, 0)
    return RowFacts(kind_of(example), forms_of(example), answers, prompt, turns)


class Measures:
    """Everything a report says about the rows themselves. count_tokens: by the tokenizer of the
    model to be taught; without one, lengths are estimates."""

    def __init__(self, count_tokens: CountTokens | None = None) -> None:
        self._count = count_tokens or estimate_tokens
        self._estimated = count_tokens is None
        self._rows = 0
        self._answers: Counter[int] = Counter()
        self._prompts: Counter[int] = Counter()
        self._turns: Counter[int] = Counter()
        self._kinds: Counter[str] = Counter()
        self._forms: Counter[str] = Counter()
        self._trigrams = Trigrams()
        self._texts: list[str] = []

    def add(self, example: Example) -> None:
        """One more row."""
        self.add_facts([row_facts(example, self._count)])
        self._texts += compared(example)
        if len(self._texts) >= 2 * BATCH:
            self._hash()

    def add_facts(self, rows: Sequence[Facts]) -> None:
        """More rows, whose shingles `add_trigrams` is told."""
        self._rows += len(rows)
        self._kinds.update([row.kind for row in rows])
        self._forms.update([form for row in rows for form in row.forms])
        answers = [length for row in rows for length in row.answers]
        prompts = [row.prompt for row in rows if row.prompt is not None]
        self._answers.update([min(length, LONGEST_COUNTED) for length in answers])
        self._prompts.update([min(length, LONGEST_COUNTED) for length in prompts])
        self._turns.update([row.turns for row in rows if row.prompt is not None])

    def add_trigrams(self, hashes: NDArray[np.uint64]) -> None:
        """The shingles of some rows. hashes: [n]"""
        self._trigrams.add(hashes)

    def as_dict(self) -> dict[str, object]:
        """As JSON values; complete after the last row."""
        self._hash()
        kinds = dict(self._kinds.most_common())
        missing = [kind for kind in KINDS if kind not in kinds]
        covered = len(KINDS) - len(missing) + sum(form in self._forms for form in FORMS)
        return {
            "rows": self._rows,
            "lengths_estimated": self._estimated,
            "answers": _lengths(self._answers),
            "prompts": _lengths(self._prompts),
            "turns": {str(turns): count for turns, count in sorted(self._turns.items())},
            "kinds": kinds,
            "missing_kinds": missing,
            "forms": {form: self._forms[form] for form in FORMS},
            "type_coverage": round(covered / (len(KINDS) + len(FORMS)), 4),
            "trigrams": self._trigrams.as_dict(),
        }

    def _hash(self) -> None:
        if self._texts:
            self._trigrams.add(hash_shingles(self._texts).hashes)
        self._texts = []


def _lengths(counts: Counter[int]) -> dict[str, object]:
    """A distribution of lengths in tokens: bars of `EDGES`, quantiles, and the share in `GUIDE`."""
    total = counts.total()
    bars = [0] * len(EDGES)
    for length, count in counts.items():
        bars[max(bisect_right(EDGES, length) - 1, 0)] += count
    inside = sum(count for length, count in counts.items() if GUIDE[0] <= length <= GUIDE[1])
    return {
        "count": total,
        "mean": round(sum(n * count for n, count in counts.items()) / total, 1) if total else 0,
        "median": _quantile(counts, 0.5),
        "p10": _quantile(counts, 0.1),
        "p90": _quantile(counts, 0.9),
        "longest": max(counts, default=0),
        "in_guide": round(inside / total, 4) if total else 0,
        "edges": list(EDGES),
        "bars": bars,
    }


def _quantile(counts: Counter[int], share: float) -> int:
    """The length that `share` of all are not longer than."""
    wanted, seen = share * counts.total(), 0
    for length in sorted(counts):
        seen += counts[length]
        if seen >= wanted:
            return length
    return 0
