"""What an answer must look like, written as a grammar that travels with the request.

A grammar is text in llguidance's variant of Lark. It is written here, from a JSON schema, a regular
expression or a list of choices, and compiled in the engine's process (`matching.py`). No torch
here.

spaced: whether the vocabulary drops the space before the first word of a text (SentencePiece's
habit, `strips_leading_space`). Its models begin an answer with one, so the grammar must, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from miniclaude.engine.schema_check import Schema
from miniclaude.errors import InvalidRequestError
from miniclaude.tokenizer.bpe import utf8

MAX_GRAMMAR = 262_144
"""Characters of a grammar; a compilation's time and memory grow with them."""

HEADER = '%llguidance {"no_forcing": true}\n'
"""no_forcing: the model chooses how to cut the text into tokens, also where only one text may
follow, so that no tokenizer is needed for it."""

WHITESPACE = {"whitespace_pattern": r" |\n {0,32}"}
"""Between the parts of JSON: nothing, a space, or a new line with its indentation. Any more and a
weak model would write nothing else."""

ANY_OBJECT: Schema = {"type": "object"}


def json_grammar(schema: Schema, *, spaced: bool, param: str = "response_format") -> str:
    """Any JSON value that the schema allows, its properties in the schema's order.

    Raises InvalidRequestError naming `param` when the grammar has more than MAX_GRAMMAR characters.
    """
    start = 'start: " "? answer\nanswer: ' if spaced else "start: "
    return checked(HEADER + start + json_rule(schema), param)


def json_rule(schema: Schema) -> str:
    """The right-hand side of a rule for the values that a schema allows."""
    options = {**WHITESPACE, **schema.get("x-guidance", {})}
    return "%json " + json.dumps({**schema, "x-guidance": options})


def regex_grammar(pattern: str, *, spaced: bool, param: str = "structured_outputs.regex") -> str:
    r"""Any text that the whole of a regular expression matches, in the syntax of Rust's `regex`;
    `\d` is an ASCII digit.

    Raises InvalidRequestError naming `param` when it is empty, too long or no text.
    """
    if not pattern:
        raise InvalidRequestError(
            f"{param}: it is empty.", hint="Send a regular expression.", param=param
        )
    utf8(pattern)
    from llguidance import regex_to_lark  # as a text that cannot end the pattern

    text = regex_to_lark(pattern, "d")
    return checked(f"{HEADER}start: {literal(' ') if spaced else ''} /{text}/", param)


def choice_grammar(
    choices: Sequence[str], *, spaced: bool, param: str = "structured_outputs.choice"
) -> str:
    """Exactly one of the texts. Raises InvalidRequestError naming `param` when there are none, one
    is empty, or they are too long together."""
    if not choices or not all(choices):
        raise InvalidRequestError(
            f"{param}: it must hold at least one text, and no empty one.",
            hint="Send the texts to choose from.",
            param=param,
        )
    for choice in choices:
        utf8(choice)
    options = " | ".join(map(literal, choices))
    return checked(f"{HEADER}start: {literal(' ') if spaced else ''} ({options})", param)


def misread(pattern: str) -> str:
    """What is said of a regular expression that cannot be read; by this its place is found."""
    return f"the regular expression {pattern} is not understood"


def literal(text: str) -> str:
    """A text that must be written just so, quoted for a rule."""
    return json.dumps(text, ensure_ascii=False)


def checked(grammar: str, param: str) -> str:
    """The grammar. Raises InvalidRequestError naming `param` when it is too long."""
    if len(grammar) > MAX_GRAMMAR:
        raise InvalidRequestError(
            f"{param}: as a grammar it has {len(grammar):,} characters; at most {MAX_GRAMMAR:,}"
            " are accepted.",
            hint="Ask for less structure at once.",
            param=param,
            code="grammar_too_large",
        )
    return grammar
