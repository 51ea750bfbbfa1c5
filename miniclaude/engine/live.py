"""What the engine remembers of the requests that it is answering."""

from __future__ import annotations

from dataclasses import dataclass, field

from miniclaude.engine.detokenizer import Detokenizer
from miniclaude.engine.matching import Matcher
from miniclaude.engine.reading import Reader
from miniclaude.engine.request import GenerationRequest
from miniclaude.engine.sampling import Draws
from miniclaude.engine.scheduler import Job
from miniclaude.engine.sketch import Sketch
from miniclaude.engine.speculation import Lookup
from miniclaude.engine.telling import Telling


@dataclass(slots=True, eq=False)
class Writing:
    """What is remembered of one answer. tokens: the prompt's and the answer's. matcher: where it is
    in its grammar, when it has one. lookup: for guesses of what comes next; None makes none.
    sketch: for those of a draft model. telling: its log probabilities that are still to be told."""

    tokens: list[int]
    draws: Draws
    text: Detokenizer
    matcher: Matcher | None = None
    lookup: Lookup | None = None
    sketch: Sketch | None = None
    telling: Telling = field(default_factory=Telling)


@dataclass(slots=True, eq=False)
class Live:
    """A request between `submit` and its end; the writings of its unfinished answers by index.
    reader: reads the prompt itself, where the request asks for that."""

    request: GenerationRequest
    job: Job
    writings: dict[int, Writing]
    reader: Reader | None = None
