"""What a chat request asks of its answer's form, as a grammar for a local model's engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from miniclaude.engine.grammar import ANY_OBJECT, choice_grammar, json_grammar, regex_grammar
from miniclaude.engine.json_schema import enforceable
from miniclaude.errors import InvalidRequestError
from miniclaude.providers.base import Structure
from miniclaude.tokenizer.tokenizer import Tokenizer


def grammar_of(structure: Structure | None, tokenizer: Tokenizer) -> str | None:
    """The grammar, or None where any text will do. Raises InvalidRequestError naming the part of
    the request that is too large, not implemented or wrong."""
    if structure is None:
        return None
    spaced, param = tokenizer.strips_leading_space, structure.param
    match structure.kind:
        case "json_object":
            return json_grammar(ANY_OBJECT, spaced=spaced, param=param)
        case "json_schema":
            schema = enforceable(cast("dict[str, Any]", structure.schema), param)
            return json_grammar(schema, spaced=spaced, param=param)
        case "regex":
            return regex_grammar(structure.pattern, spaced=spaced, param=param)
        case "choice":
            return choice_grammar(structure.choices, spaced=spaced, param=param)


@contextmanager
def blamed(param: str) -> Iterator[None]:
    """Names the field that a grammar came from where the engine, which does not know it, finds
    fault with the grammar."""
    try:
        yield
    except InvalidRequestError as error:
        if error.code != "invalid_grammar":
            raise
        raise InvalidRequestError(
            f"{param}: {error.message}", hint=error.hint, param=param, code=error.code
        ) from None
