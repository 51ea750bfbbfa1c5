"""Training and validation without leakage: what asks nearly the same stands on one side.

A row's side is drawn by a hash of its opening's shingles, so it depends on nothing but the row and
the seed: the same prompt, and every longer version of the same conversation, lands on the same
side, and again after a resume. An opening that is nearly that of an earlier row (the
search of `similar.py`, Jaccard 0.8) follows that row instead. One that is near rows of both sides
would leak whichever side it took: it is set aside as `between_the_splits`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from miniclaude.data.duplicates import PlaceList, chunks
from miniclaude.data.example import Example, to_row
from miniclaude.data.rejection import Item, Rejection, shown
from miniclaude.data.shingles import LONGEST
from miniclaude.data.similar import Match, SimilarRows
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
    if fraction <= 0:
        yield from (("train", item) for item in items)
        return
    search = SimilarRows(NEAR, folder=folder, seed=seed, keep_similar=True)
    sides = array("b")  # of the openings in the search: 1 is validation
    places = PlaceList()
    try:
        for chunk in chunks(items):
            examples = [item for item in chunk if isinstance(item, Example)]
            openings = [opening(example) for example in examples]
            found = search.find([("", text) for text in openings])
            row = 0
            for item in chunk:
                if not isinstance(item, Example):
                    yield "train", item
                    continue
                matches = found.matches.get(row, [])
                seen = {sides[match.number]: match for match in matches}
                number = found.numbers[row]
                side = min(seen) if seen else int(found.draws[row] < fraction)
                if number >= 0:
                    sides.append(side)
                    places.append(item.place)
                row += 1
                if len(seen) > 1:
                    yield "train", _between(item, seen, places)
                else:
                    yield ("validation" if side else "train"), item
    finally:
        search.close()


def opening(example: Example) -> str:
    """What a row starts with: the user's first words, as many messages as it takes to tell
    something; of plain text, all."""
    if example.text:
        return example.text[:LONGEST]
    said: list[str] = []
    count = 0
    for message in example.messages:
        if message.role == "user":
            text = text_of(message)
            said.append(text)
            count += TELLING if len(text) > 60 else len(text.split())
            if count >= TELLING:
                break
    return "\n".join(said)[:LONGEST]


def _between(example: Example, seen: dict[int, Match], places: PlaceList) -> Rejection:
    train, validation = (places[seen[side].number] for side in (0, 1))
    return Rejection(
        example.place,
        "between_the_splits",
        f"it asks nearly what {train} (training) and {validation} (validation) ask.",
        "Nothing to do: on either side it would leak. It is left out of both.",
        shown(to_row(example)),
    )
