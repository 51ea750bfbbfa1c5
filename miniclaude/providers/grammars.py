"""What a chat request asks of its answer's form, for a local model's engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from miniclaude.engine.grammar import (
    ANY_OBJECT,
    MAX_GRAMMAR,
    choice_grammar,
    json_grammar,
    misread,
    regex_grammar,
)
from miniclaude.engine.grammar_check import TOO_LARGE_BOUNDS
from miniclaude.engine.json_schema import enforceable, schema_size
from miniclaude.engine.request import CallMark
from miniclaude.engine.schema_check import Schema, large_bounds, patterns
from miniclaude.engine.tool_grammar import CallableTool, shown_tokens, tool_grammar
from miniclaude.errors import InvalidRequestError, UnsupportedFieldError
from miniclaude.messages import Tool
from miniclaude.providers.base import ChatRequest, Structure
from miniclaude.tokenizer.plain_tools import NO_PARAMETERS
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.tokenizer.tool_format import ToolFormat


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How an answer is bound and read. grammar, shown: as a GenerationRequest has them. calls: how
    calls of tools are written in it, where it may hold any. must_call: it begins with one. param:
    the field that asked for it. patterns: the regular expressions in it, and where they stand.
    bounds: where the large bounds of numbers do."""

    grammar: str | None = None
    shown: tuple[int, ...] = ()
    calls: ToolFormat | None = None
    must_call: bool = False
    param: str = "response_format"
    patterns: Mapping[str, str] = field(default_factory=dict)
    bounds: tuple[str, ...] = ()

    @property
    def call_mark(self) -> CallMark | None:
        """Where its calls begin, as a GenerationRequest has it."""
        if self.calls is None:
            return None
        if self.must_call:
            return CallMark("")
        mark = self.calls.mark
        return CallMark(mark) if mark else CallMark(self.calls.beginning, at_start=True)


FREE = AnswerForm()
"""Any text, read as text."""


WRITERS = ThreadPoolExecutor(2, thread_name_prefix="grammar")
"""A schema can take seconds to read, and nobody can stop a thread: few requests at a time do, and
none of them in the threads that encode everybody's prompts."""


async def answer_form_beside(request: ChatRequest, tokenizer: Tokenizer) -> AnswerForm:
    """What `answer_form` gives, made in another thread. One that is given up before its turn is not
    made at all."""
    return await asyncio.get_running_loop().run_in_executor(
        WRITERS, answer_form, request, tokenizer
    )


def answer_form(request: ChatRequest, tokenizer: Tokenizer) -> AnswerForm:
    """The form of the request's answers. Raises InvalidRequestError naming the part of the request
    that is too large, not implemented or wrong."""
    structure, spaced = request.structure, tokenizer.strips_leading_space
    if request.tools and request.tool_choice != "none":
        return _calling(request, tokenizer)
    if structure is None:
        return FREE
    param = structure.param
    match structure.kind:
        case "regex":
            grammar = regex_grammar(structure.pattern, spaced=spaced, param=param)
        case "choice":
            grammar = choice_grammar(structure.choices, spaced=spaced, param=param)
        case _:
            schema = _schema(structure)
            grammar = json_grammar(schema, spaced=spaced, param=param)
            places, bounds = patterns(schema, param), large_bounds(schema, param)
            return AnswerForm(grammar, param=param, patterns=places, bounds=bounds)
    return AnswerForm(grammar, param=param)


def _calling(request: ChatRequest, tokenizer: Tokenizer) -> AnswerForm:
    structure, choice = request.structure, request.tool_choice
    if structure is not None and structure.kind not in ("json_object", "json_schema"):
        raise UnsupportedFieldError(
            f"{structure.param}: it cannot be combined with tools.",
            hint="Leave one of them out, or set tool_choice to 'none'.",
            param=structure.param,
        )
    named = choice not in ("auto", "required")
    used = [tool for tool in request.tools if not named or tool.name == choice]
    _check_sizes(used)
    offered = [CallableTool(tool.name, _arguments(tool)) for tool in used]
    if not offered:
        raise InvalidRequestError(
            f"tool_choice: there is no tool {choice!r} among the tools.",
            hint="Name one of them.",
            param="tool_choice",
        )
    form, special = tokenizer.tool_format, tokenizer.special.ids
    grammar = tool_grammar(
        offered,
        form,
        special,
        required=choice != "auto",
        several=request.parallel_tool_calls and not named,
        spaced=tokenizer.strips_leading_space,
        otherwise=None if structure is None else _schema(structure),
    )
    places: dict[str, str] = {}
    bounds: list[str] = []
    for tool, offer in zip(used, offered, strict=True):
        places |= patterns(offer.schema, tool.param)
        bounds += large_bounds(offer.schema, tool.param)
    return AnswerForm(
        grammar,
        shown_tokens(form, special),
        form,
        must_call=choice != "auto",
        param="tools",
        patterns=places,
        bounds=tuple(bounds),
    )


def _check_sizes(tools: Sequence[Tool]) -> None:
    """Refuse before any of them is read what would be too long a grammar together: each may be
    large, and reading over a hundred large ones takes half a minute. Raises InvalidRequestError."""
    size = sum(schema_size(tool.parameters, tool.param) for tool in tools)
    if size > MAX_GRAMMAR:
        raise InvalidRequestError(
            f"tools: their schemas have {size:,} characters together; at most {MAX_GRAMMAR:,} are"
            " accepted.",
            hint="Offer fewer tools, or smaller schemas.",
            param="tools",
            code="schema_too_large",
        )


def _schema(structure: Structure) -> Schema:
    if structure.kind == "json_object":
        return ANY_OBJECT
    return enforceable(cast("dict[str, Any]", structure.schema), structure.param)


def _arguments(tool: Tool) -> Schema:
    param = tool.param
    kind = tool.parameters.get("type", "object")
    if kind != "object":
        raise InvalidRequestError(
            f"{param}.type: the arguments of a function are an object, not {str(kind)[:40]!r}.",
            hint='Give it {"type": "object", "properties": …}.',
            param=f"{param}.type",
        )
    schema = enforceable(tool.parameters or NO_PARAMETERS, param, lenient=not tool.strict)
    return {**schema, "type": "object"}


@contextmanager
def blamed(form: AnswerForm) -> Iterator[None]:
    """Names the field that a grammar came from, or the place of an expression in it, where the
    engine, which does not know it, finds fault with the grammar."""
    try:
        yield
    except InvalidRequestError as error:
        if error.code != "invalid_grammar":
            raise
        param = next(_faulty(form, error.message), form.param)
        raise InvalidRequestError(
            f"{param}: {error.message}", hint=error.hint, param=param, code=error.code
        ) from error


def _faulty(form: AnswerForm, said: str) -> Iterator[str]:
    """The places that the engine's words speak of."""
    for text, place in form.patterns.items():
        if misread(text) in said or (text and f"/{text}/" in said):
            yield place
    if TOO_LARGE_BOUNDS in said:
        yield from form.bounds
