"""What the engine remembers of the requests that it is answering."""

from __future__ import annotations

from dataclasses import dataclass, field

from miniclaude.engine.detokenizer import Detokenizer
from miniclaude.engine.matching import Matcher
from miniclaude.engine.reading import Reader
from miniclaude.engine.request import ChosenToken, EngineFinish, GenerationRequest, Output
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

    def news(
        self,
        index: int,
        text: str,
        finish: EngineFinish | None = None,
        error: str | None = None,
    ) -> list[Output]:
        """What is told of an answer now: its text, cut where its log probabilities begin, and how
        it ended. Nothing, where there is none of it."""
        writing = self.writings[index]
        rest = finish is not None and not writing.text.stopped
        *before, (text, logprobs) = writing.telling.parts(text, rest=rest)
        outputs = [self.output(index, *part) for part in before]
        if text or logprobs or finish:
            outputs.append(self.output(index, text, logprobs, finish, error))
        return outputs

    def output(
        self,
        index: int,
        text: str,
        logprobs: tuple[ChosenToken, ...] = (),
        finish: EngineFinish | None = None,
        error: str | None = None,
    ) -> Output:
        """An Output with the counts filled in."""
        writing = self.writings[index]
        prompt = len(self.request.prompt)
        return Output(
            self.request.id,
            index,
            text,
            logprobs,
            finish,
            error,
            prompt_tokens=prompt,
            completion_tokens=len(writing.tokens) - prompt,
            cached_tokens=self.job.cached_tokens,
            stop_text=writing.text.filter.found if finish == "stop" else None,
        )
