"""Near-duplicates: the first of each kind is kept, every later one names the row it repeats.

What counts as one is defined in `shingles.py`, how it is found in `similar.py`; `repeats` below is
the same search by comparing all pairs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from miniclaude.data.example import Example, Place, to_row
from miniclaude.data.rejection import Item, Rejection, shown
from miniclaude.data.repeated import NEARLY, SAME
from miniclaude.data.shingles import compared, jaccard, shingles
from miniclaude.data.similar import SimilarRows, Sketches, sketch, sketched_ahead
from miniclaude.messages import TextPart

CHUNK_ROWS = 512
CHUNK_CHARACTERS = 1 << 20


class NearDuplicates:
    """The stage. It sees the whole stream: one process runs it. Where the rows' sketches are known
    already, `find` is told those instead, within a `with` statement that closes its file."""

    name = "duplicates"

    def __init__(
        self, threshold: float = 0.9, *, seed: int = 0, folder: Path | None = None
    ) -> None:
        """threshold: the Jaccard similarity from which on a row is a duplicate. folder: where the
        temporary file lies, about as large as the data set."""
        self.threshold = threshold
        self._seed = seed
        self._search = SimilarRows(threshold, folder=folder, seed=seed)
        self._places = PlaceList()
        self._rows = 0
        self._same = 0
        self._near = 0

    def run(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items in order; a row that repeats an earlier one leaves as `duplicate_row`, or
        `near_duplicate_row`. Raises DatasetError beyond 200 million rows, DiskFullError."""
        with self:
            for chunk, sketches in sketched_ahead(chunks(items), self._sketch):
                places = [item.place for item in chunk if isinstance(item, Example)]
                repeated = self.find(places, sketches)
                row = 0
                for item in chunk:
                    if not isinstance(item, Example):
                        yield item
                        continue
                    earlier = repeated.get(row)
                    row += 1
                    if earlier is None:
                        yield item
                    else:
                        yield self.reject(item.place, to_row(item), *earlier)

    def _sketch(self, chunk: list[Item]) -> Sketches:
        texts = [compared(item) for item in chunk if isinstance(item, Example)]
        return sketch(texts, self.threshold, self._seed)

    def __enter__(self) -> NearDuplicates:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the disk space back."""
        self._search.close()

    def find(self, places: Sequence[Placed], sketches: Sketches) -> dict[int, tuple[Place, float]]:
        """Those of the next rows that repeat an earlier one: which, and how similar it is."""
        found = self._search.find_sketched(sketches)
        for place, number in zip(places, found.numbers, strict=True):
            if number >= 0:
                self._places.append(place)
        self._rows += len(places)
        return {
            row: (self._places[matches[0].number], matches[0].similarity)
            for row, matches in found.matches.items()
        }

    def reject(self, place: Place, row: object, earlier: Place, similarity: float) -> Rejection:
        """The rejection of a row that repeats an earlier one. row: as `example.to_row` has it."""
        if similarity == 1.0:
            self._same += 1
            error, message = "duplicate_row", f"{SAME}{earlier}."
        else:
            self._near += 1
            error = "near_duplicate_row"
            message = f"{NEARLY}{earlier}: {similarity:.0%} of the shingles in common."
        cure = "Nothing to do: the first one is kept."
        return Rejection(place, error, message, cure, shown(row))

    def report(self) -> dict[str, object]:
        """Counts of rows, and of those that repeat an earlier one."""
        return {
            "rows": self._rows,
            "same words": self._same,
            "near-duplicates": self._near,
            "pairs compared": self._search.compared,
            "threshold": self.threshold,
        }


class Placed(Protocol):
    """What stands somewhere: a `Place`, or a row that knows its own."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def unit(self) -> str: ...


class PlaceList:
    """The places of many rows, 16 bytes each."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], int] = {}
        self._names: list[tuple[str, str]] = []
        self._kind = array("I")
        self._line = array("Q")

    def append(self, place: Placed) -> None:
        """Add one at the end."""
        name = (place.file, place.unit)
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = len(self._names)
            self._names.append(name)
        self._kind.append(kind)
        self._line.append(place.line)

    def __getitem__(self, number: int) -> Place:
        file, unit = self._names[self._kind[number]]
        return Place(file, self._line[number], unit)


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items, up to 512 at once, fewer where they are long."""
    rest = iter(items)
    while chunk := list(islice(rest, 1)):
        held = 0
        while len(chunk) < CHUNK_ROWS and held < CHUNK_CHARACTERS:
            item = next(rest, None)
            if item is None:
                break
            chunk.append(item)
            if isinstance(item, Example):
                held += characters(item)
        yield chunk


def characters(example: Example) -> int:
    """Characters of an example's texts."""
    total = len(example.text)
    for message in example.messages + example.chosen + example.rejected:
        for part in message.parts:
            if type(part) is TextPart:
                total += len(part.text)
    return total


def repeats(examples: Sequence[Example], threshold: float) -> dict[int, int]:
    """For each example that repeats an earlier one, the first of those: by comparing all pairs.
    The slow reference of the search."""
    kept: list[tuple[int, frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]] = []
    found: dict[int, int] = {}
    for row, example in enumerate(examples):
        asked, answered = compared(example)
        answer = shingles(answered)
        both = shingles(asked) | answer
        if not both:
            continue
        for number, other, other_answer in kept:
            if jaccard(both, other) >= threshold and jaccard(answer, other_answer) >= threshold:
                found[row] = number
                break
        else:
            kept.append((row, both, answer))
    return found
