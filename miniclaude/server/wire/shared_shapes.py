"""What several protocols answer alike, as shapes: for the OpenAPI document."""

from __future__ import annotations

from miniclaude.server.wire.page_answers import Answer


class TokenAlternative(Answer):
    """A token that could have come. logprob: natural logarithm of its probability. bytes: its
    text's, which need not be whole characters."""

    token: str
    logprob: float
    bytes: list[int]


class TokenChoice(TokenAlternative):
    """The token that came. top_logprobs: the likeliest, as many as were asked for."""

    top_logprobs: list[TokenAlternative]


class ProtocolError(Answer):
    """What is wrong, and what to do. param: the field at fault."""

    message: str
    type: str
    param: str | None
    code: str | None
