"""What the engine is asked and what it answers: plain values that travel as JSON.

The engine runs in a worker process of its own, so these types are the whole vocabulary
between it and the server. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

EngineFinish = Literal["stop", "length", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn; the defaults are the OpenAI API's.

    temperature: 0 is greedy. top_k: 0 is off. top_p, min_p: in [0, 1], 1 and 0 are off.
    repetition_penalty: divides positive and multiplies negative logits of every token of prompt
    and answer (Keskar et al. 2019, CTRL); 1 is off. frequency_penalty, presence_penalty: OpenAI's,
    over the answer's tokens. logit_bias: added to the logits. seed: None draws one.
    stop: strings at which the answer ends; they are not part of it, and may span tokens.
    max_tokens: at least 1. logprobs: None is off, else how many alternatives (0-20) to report.
    n: how many answers.
    """

    max_tokens: int
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: dict[int, float] = field(default_factory=dict)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    n: int = 1
    ignore_eos: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What to tell of the prompt itself.

    embedding: the mean of its last hidden states, scaled to length 1. logprobs: None is off, else
    how many alternatives (0-20) to report for each token of the prompt after the first.
    """

    embedding: bool = False
    logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """A low-rank adapter to answer with. folder: where it is. version: another when its files are,
    so that what was loaded of older ones is not taken for it."""

    folder: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class CallMark:
    """Where the calls of tools begin in an answer: at the first `text` in it; an empty one is its
    very beginning. at_start: only an answer that begins with `text`, but for spaces, calls at
    all."""

    text: str
    at_start: bool = False


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A prompt, as token ids, and how to go on from it. `id` is unique among live requests.

    continues: the answer goes on in the middle of the prompt's text (raw completion): the space
    before its first word, which some vocabularies drop at the start of a text, is kept.
    reading: with it `max_tokens` may be 0, for a prompt that is only read.
    grammar: what the answers must look like (`grammar.py`). shown: special tokens that are part of
    the answers' text, though others are not. user: whose it is: what was computed of one user's
    texts is never used for another's, and users take turns (`turns.py`). adapter: None is the model
    as it was loaded. ends: tokens that end the answer; none: the model's own. calls: from there on
    no stop string is looked for, for nobody sees that text; None is nowhere.
    """

    id: str
    prompt: tuple[int, ...]
    sampling: Sampling
    continues: bool = False
    reading: Reading | None = None
    grammar: str | None = None
    shown: tuple[int, ...] = ()
    user: str = ""
    adapter: AdapterRef | None = None
    ends: tuple[int, ...] = ()
    calls: CallMark | None = None


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """One token with its log probability, as `logprobs` reports it."""

    id: int
    token_bytes: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class ChosenToken:
    """The sampled token and its likeliest alternatives."""

    chosen: TokenInfo
    top: tuple[TokenInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """A step's news of choice `index` of request `id`.

    text: what can be shown now: whole characters only, and nothing that may yet become a stop
    string. finish: None until the choice ends. error: the reason when finish is `error`.
    prompt_tokens, completion_tokens: counts so far for this choice. cached_tokens: how many of the
    prompt's were computed earlier, for another request of the same user. stop_text: the stop string
    that ended it. prompt_logprobs: of more of the prompt's tokens, in order, the first token left
    out. embedding: of the whole prompt; empty until it is read.
    """

    id: str
    index: int
    text: str
    logprobs: tuple[ChosenToken, ...] = ()
    finish: EngineFinish | None = None
    error: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    stop_text: str | None = None
    prompt_logprobs: tuple[ChosenToken, ...] = ()
    embedding: tuple[float, ...] = ()
