"""`POST /embeddings`, in the OpenAI API's shape."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, WithJsonSchema, field_validator

from miniclaude.providers.abilities import EmbeddingRequest, Embeddings, check_dimensions
from miniclaude.server.sse import to_json
from miniclaude.server.wire.completions import Prompt, prompts_schema, read_prompts
from miniclaude.server.wire.sampling import ModelName, end_user
from miniclaude.server.wire.validation import NullIsAbsent

MAX_INPUTS = 2048
MAX_DIMENSIONS = 65_536


class EmbeddingBody(NullIsAbsent):
    """An embedding request. dimensions: a vector is cut to so many numbers and scaled to length 1
    again."""

    model: ModelName
    input: Annotated[tuple[Prompt, ...], WithJsonSchema(prompts_schema(MAX_INPUTS, 1))]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1, le=MAX_DIMENSIONS)] | None = None
    user: Annotated[str, StringConstraints(max_length=512)] | None = None

    @field_validator("input", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> tuple[Prompt, ...]:
        """The four forms: text, texts, token ids, lists of token ids; none of them empty."""
        inputs = read_prompts(value, MAX_INPUTS)
        if "" in inputs:
            raise ValueError("holds a text that is empty")
        return inputs

    def embedding_request(self, model: str) -> EmbeddingRequest:
        """As the providers know it; `model` is the bare name."""
        return EmbeddingRequest(model, self.input, end_user(self.user), self.dimensions)


def embeddings_text(body: EmbeddingBody, found: Embeddings) -> str:
    """The answer as JSON. Raises InvalidRequestError for more dimensions than the model has.

    Written vector by vector: thousands of them written in one go would keep all other threads from
    running for as long as that takes."""
    entries = ",".join(
        to_json({"object": "embedding", "index": index, "embedding": _vector_json(body, vector)})
        for index, vector in enumerate(found.vectors)
    )
    usage = {"prompt_tokens": found.prompt_tokens, "total_tokens": found.prompt_tokens}
    rest = to_json({"model": body.model, "usage": usage})
    return f'{{"object":"list","data":[{entries}],{rest[1:]}'


def _vector_json(body: EmbeddingBody, vector: Sequence[float]) -> list[float] | str:
    if body.dimensions is not None:
        vector = shortened(vector, body.dimensions)
    if body.encoding_format == "float":
        return list(vector)
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def shortened(vector: Sequence[float], dimensions: int) -> Sequence[float]:
    """The first `dimensions` numbers, scaled to length 1. Raises InvalidRequestError when there
    are not as many."""
    check_dimensions(dimensions, len(vector))
    kept = vector[:dimensions]
    length = math.hypot(*kept)
    return [number / length for number in kept] if length else kept
