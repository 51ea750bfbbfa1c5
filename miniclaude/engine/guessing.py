"""Who guesses an engine's next tokens, and how well: prompt lookup where a text repeats, a draft
model, where there is one, for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from miniclaude.engine.draft import Drafter
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.live import Writing
from miniclaude.engine.request import GenerationRequest
from miniclaude.engine.sampling import Draws
from miniclaude.engine.scheduler import Answer, Chunk
from miniclaude.engine.sketch import Sketch
from miniclaude.engine.speculation import Lookup, Pace, draws_along, with_guesses
from miniclaude.model.config import ModelConfig


class Guessing:
    """config: of the model that is guessed for. pace: what its steps take. counts: tokens that were
    `lookup_proposed`, `lookup_accepted`, `draft_proposed`, `draft_accepted` since somebody last
    cleared it."""

    def __init__(
        self, config: ModelConfig, limits: EngineLimits, drafter: Drafter | None = None
    ) -> None:
        self.config = config
        self.limits = limits
        self.drafter = drafter
        self.pace = Pace()
        self.counts: Counter[str] = Counter()

    def begin(self, request: GenerationRequest) -> tuple[Lookup | None, Sketch | None]:
        """The memories for one of a request's answers. Nothing is guessed of one whose tokens a
        grammar or a reader looks at one by one, nor where a key depends on the text's length:
        guesses, right or wrong, make that longer."""
        if not self.limits.draft_tokens or self.config.rotates_by_length:
            return None, None
        if request.grammar is not None or request.reading:
            return None, None
        return Lookup(), None if self.drafter is None else self.drafter.begin(request.adapter)

    def add(self, chunks: list[Chunk], writing: Callable[[Answer], Writing]) -> list[Chunk]:
        """The step's chunks with guesses, where they pay."""

        def lookup(answer: Answer) -> tuple[Lookup | None, list[int]]:
            own = writing(answer)
            return own.lookup, own.tokens

        chunks = with_guesses(chunks, lookup, self.limits, self.pace)
        return chunks if self.drafter is None else self.drafter.add(chunks, writing, self.pace)

    def draws(self, writing: Writing, chunk: Chunk) -> list[Draws]:
        """The state of an answer's draws at each of a chunk's places."""
        chances = () if writing.sketch is None else writing.sketch.chances
        return draws_along(writing.draws, chunk.draft, chances)

    def checked(self, writing: Writing, chunk: Chunk, right: int) -> None:
        """Tell who guessed how many of a chunk's guesses stood."""
        if not chunk.draft:
            return
        source = "lookup"
        if self.drafter and writing.sketch and writing.sketch.guesses:
            source = "draft"
            self.drafter.stood(writing.sketch, right)
        elif writing.lookup is not None:
            writing.lookup.stood(right)
        self.counts[f"{source}_proposed"] += len(chunk.draft)
        self.counts[f"{source}_accepted"] += right
