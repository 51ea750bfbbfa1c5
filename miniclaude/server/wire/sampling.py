"""The sampling fields that chat and raw completions have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, WithJsonSchema, field_validator

from miniclaude.errors import InvalidRequestError
from miniclaude.providers.base import Settings
from miniclaude.server.wire.validation import NullIsAbsent

MAX_CHOICES = 16
MAX_STOPS = 16
MAX_BIASES = 1024

Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
StopText = Annotated[str, StringConstraints(min_length=1, max_length=256)]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=256)]


_TEXT = {"type": "string", "minLength": 1, "maxLength": 256}
STOP_SCHEMA = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": MAX_STOPS}]}
"""A lone text stands for a list of one."""


def end_user(user: str | None) -> str:
    """Whose request it is, by the `user` field of its body: never the owner of conversations, whose
    names have no slash."""
    return f"user/{user or ''}"


class CallerFields(NullIsAbsent):
    """Who asks. safety_identifier: OpenAI's newer word for `user`. prompt_cache_key: a hint that
    changes no answer, which Codex sends with each request; what is worth keeping we find out
    ourselves."""

    user: Annotated[str, StringConstraints(max_length=512)] | None = None
    safety_identifier: Annotated[str, StringConstraints(max_length=512)] | None = None
    prompt_cache_key: Annotated[str, StringConstraints(max_length=512)] | None = None

    @property
    def end_user(self) -> str:
        """Whose request it is; of two names none is left out, for what was computed for one user
        is never used for another."""
        if self.user and self.safety_identifier:
            return f"users/{len(self.user)}/{self.user}/{self.safety_identifier}"
        return end_user(self.user or self.safety_identifier)


class StreamOptions(NullIsAbsent):
    """include_usage: send one more chunk with the token counts. include_obfuscation: padding
    against traffic analysis, which we never add, so only `false` is accepted."""

    include_usage: bool = False
    include_obfuscation: bool = False

    @field_validator("include_obfuscation")
    @classmethod
    def _never_padded(cls, value: bool) -> bool:
        if value:
            raise ValueError("must be false: chunks are not padded here")
        return value


class SamplingFields(NullIsAbsent):
    """How to draw; ranges are the OpenAI API's, and `top_k`, `min_p` and `repetition_penalty`
    the usual extensions. A `top_k` of -1 is vLLM's way to say 0."""

    temperature: Annotated[Finite, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Finite, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=1_000_000)] | None = None
    min_p: Annotated[Finite, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[Finite, Field(gt=0, le=10)] | None = None
    frequency_penalty: Annotated[Finite, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[Finite, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[
        Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")],
        Annotated[Finite, Field(ge=-100, le=100)],
    ] = Field(default_factory=dict, max_length=MAX_BIASES)
    seed: Seed | None = None
    stop: Annotated[
        tuple[StopText, ...], Field(max_length=MAX_STOPS), WithJsonSchema(STOP_SCHEMA)
    ] = ()
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] = 1

    @field_validator("logit_bias")
    @classmethod
    def _each_once(cls, value: dict[str, float]) -> dict[str, float]:
        tokens: set[int] = set()
        for token in map(int, value):
            if token in tokens:
                raise ValueError(f"has the token {token} twice")
            tokens.add(token)
        return value

    @field_validator("stop", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        """A lone string is a list of one; a list becomes the tuple that strict mode asks for."""
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list):
            raise ValueError("must be text, or a list of texts")
        return tuple(value)

    def settings(self, max_tokens: int | None, logprobs: int | None) -> Settings:
        """These fields as the providers know them."""
        return Settings(
            max_tokens=max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=0 if self.top_k == -1 else self.top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            logit_bias={int(token): bias for token, bias in self.logit_bias.items()},
            seed=self.seed,
            stop=self.stop,
            logprobs=logprobs,
            n=self.n,
        )


def check_stream_options(stream: bool, options: StreamOptions | None) -> None:
    """Raises InvalidRequestError for stream_options without a stream."""
    if options is not None and not stream:
        raise InvalidRequestError(
            "stream_options: only a stream has them.",
            hint="Set stream to true, or leave stream_options out.",
            param="stream_options",
        )
