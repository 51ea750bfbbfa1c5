"""Training and validation without leakage: what asks nearly the same stands on one side.

A row's side is drawn by a hash of its opening's shingles, so it depends on nothing but the row and
the seed: the same prompt, and every longer version of the same conversation, lands on the same
side, and again after a resume. An opening that is nearly that of an earlier row (the
search of `similar.py`, Jaccard 0.8) follows that row instead. One that is near rows of both sides
would leak whichever side it took: it is set aside as `between_the_splits`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from miniclaude.data.duplicates import Placed, PlaceList, chunks
from miniclaude.data.example import Example, Place, to_row
from miniclaude.data.rejection import Item, Rejection, shown
from miniclaude.data.shingles import LONGEST
from miniclaude.data.similar import SimilarRows, Sketches, sketch
from miniclaude.data.texts import text_of

Side = Literal["train", "validation"]

NEAR = 0.8
"""The Jaccard similarity from which on two openings are kept on one side."""
TELLING = 5
"""Words that an opening must have to tell conversations apart. "Hi" does not, so the user's next
words are taken with it."""


def split(
    items: Iterable[Item], fraction: float, seed: int = 0, *, folder: Path | None = None
) -> Iterator[tuple[Side, Item]]:
    """Each item with its side, in order; rejections with "train", untouched.

    fraction: of the openings, for validation. folder: for a temporary file, as large as the
    openings. Raises DatasetError beyond 200 million rows, DiskFullError.
    """
    with Sides(fraction, seed, folder=folder) as sides:
        for chunk in chunks(items):
            examples = [item for item in chunk if isinstance(item, Example)]
            found = iter(
                sides.find(
                    [example.place for example in examples],
                    sketch_openings([opening(example) for example in examples], seed),
                )
            )
            for item in chunk:
                if not isinstance(item, Example):
                    yield "train", item
                    continue
                side = next(found)
                if isinstance(side, tuple):
                    yield "train", between(item, *side)
                else:
                    yield side, item


def sketch_openings(openings: Sequence[str], seed: int) -> Sketches:
    """What `Sides` must know of some openings."""
    return sketch([("", text) for text in openings], NEAR, seed)


class Sides:
    """The rows' sides, by the sketches of their openings; used within a `with` statement, which
    closes its file."""

    def __init__(self, fraction: float, seed: int, *, folder: Path | None = None) -> None:
        self._fraction = fraction
        self._search = SimilarRows(NEAR, folder=folder, seed=seed, keep_similar=True)
        self._sides = array("b")  # of the openings in the search: 1 is validation
        self._places = PlaceList()

    def __enter__(self) -> Sides:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the disk space back."""
        self._search.close()

    def find(
        self, places: Sequence[Placed], openings: Sketches
    ) -> Iterator[Side | tuple[Place, Place]]:
        """The side of each of the next rows; for one that is near both, the rows of training and
        of validation that it is near to."""
        if self._fraction <= 0:
            for _ in places:
                yield "train"
            return
        found = self._search.find_sketched(openings)
        for row, (place, number) in enumerate(zip(places, found.numbers, strict=True)):
            matches = found.matches.get(row, ())
            seen = {self._sides[match.number]: match for match in matches}
            side = min(seen) if seen else int(found.draws[row] < self._fraction)
            if number >= 0:
                self._sides.append(side)
                self._places.append(place)
            if len(seen) > 1:
                yield self._places[seen[0].number], self._places[seen[1].number]
            else:
                yield "validation" if side else "train"


def opening(example: Example) -> str:
    """What a row starts with: the user's first words, as many messages as it takes to tell
    something; of plain text, all."""
    if example.text:
        return example.text[:LONGEST]
    return opening_of([text_of(one) for one in example.messages if one.role == "user"])


def opening_of(asked: Sequence[str]) -> str:
    """The first words among what the user says, message by message."""
    count = 0
    for number, text in enumerate(asked, start=1):
        count += TELLING if len(text) > 60 else len(text.split())
        if count >= TELLING:
            return "\n".join(asked[:number])[:LONGEST]
    return "\n".join(asked)[:LONGEST]


def between(example: Example, train: Place, validation: Place) -> Rejection:
    """The rejection of a row that is near to one of training and one of validation."""
    return Rejection(
        example.place,
        "between_the_splits",
        f"it asks nearly what {train} (training) and {validation} (validation) ask.",
        "Nothing to do: on either side it would leak. It is left out of both.",
        shown(to_row(example)),
    )
