"""All generators by name, and rows drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from miniclaude.errors import DatasetError
from recipes.bundled.generators import (
    arithmetic,
    calculator,
    calendar_questions,
    clock,
    countries,
    extraction,
    formats,
    identity,
    lists,
    memory,
    ordering,
    passages,
    sentences,
    spelling,
    today,
    tools,
    units,
    words,
    world,
)
from recipes.bundled.generators.wording import Row

Generate = Callable[[Random], Row]

calculator.NOT_NEEDED.extend(
    (
        calendar_questions.generate,
        countries.generate,
        identity.generate,
        lists.generate,
        memory.generate,
        passages.generate,
        spelling.generate,
        words.generate,
        world.generate,
    )
)

GENERATORS: dict[str, tuple[Generate, int]] = {
    "calculator": (calculator.generate, 16),
    "today": (today.generate, 2),
    "tools": (tools.generate, 6),
    "arithmetic": (arithmetic.generate, 9),
    "calendar": (calendar_questions.generate, 5),
    "clock": (clock.generate, 4),
    "units": (units.generate, 4),
    "ordering": (ordering.generate, 6),
    "spelling": (spelling.generate, 5),
    "words": (words.generate, 6),
    "sentences": (sentences.generate, 5),
    "passages": (passages.generate, 14),
    "lists": (lists.generate, 6),
    "extraction": (extraction.generate, 6),
    "formats": (formats.generate, 5),
    "memory": (memory.generate, 8),
    "countries": (countries.generate, 5),
    "world": (world.generate, 5),
    "identity": (identity.generate, 4),
}
"""Each generator, and how many of a hundred or so rows are its own."""


def generate(name: str, rows: int, seed: int) -> Iterator[Row]:
    """So many rows of a generator, or of `all` by their weights; the same seed gives the same.

    Raises DatasetError for a name that is none of them.
    """
    if name != "all" and name not in GENERATORS:
        raise DatasetError(
            f"There is no generator {name!r}.",
            hint=f"Use `all` or one of {', '.join(GENERATORS)}.",
            param="generator",
        )
    chosen = list(GENERATORS.values()) if name == "all" else [GENERATORS[name]]
    shares = [share for _, share in chosen]
    random = Random(f"{name} {seed}")  # noqa: S311  # drawn text, not a secret
    for _ in range(rows):
        [(made, _)] = random.choices(chosen, shares)
        yield made(random)
