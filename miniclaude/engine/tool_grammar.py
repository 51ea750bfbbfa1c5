"""Which answers call tools rightly: a grammar from the tools' schemas and the model's own form.

No torch here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from miniclaude.engine.grammar import HEADER, checked, json_rule, literal
from miniclaude.engine.schema_check import Schema
from miniclaude.tokenizer.tool_format import ANY_ID, ID_PATTERN, ToolFormat


@dataclass(frozen=True, slots=True)
class CallableTool:
    """A tool as a grammar needs it; the schema as `enforceable` gave it."""

    name: str
    schema: Schema


def tool_grammar(
    tools: Sequence[CallableTool],
    form: ToolFormat,
    special: Mapping[str, int],
    *,
    required: bool,
    several: bool,
    spaced: bool,
    otherwise: Schema | None = None,
) -> str:
    """An answer that calls one of the tools, or several of them, with arguments by their schemas.

    required: there is no other answer. Else it may be any text; but once it has written the mark
    of a call, wherever that is, it goes on as one. otherwise: what an answer that calls nothing
    must look like, where not any text will do. special: text of the special tokens → id.
    Raises InvalidRequestError naming `tools` when the schemas are too long together.
    """
    mark = form.mark
    calls = _sequence(form.before[len(mark) :], special) + " call"
    if several and form.middle is not None:
        calls += f" ({_sequence(form.middle, special)} call)*"
    calls += " " + _sequence(form.after, special)
    rules = []
    space = '" "? ' if spaced else ""
    whole = f"{_sequence(mark, special)} {calls}"
    if required:
        rules.append(f"start: {space}{whole}")
    elif otherwise is not None:
        rules += [f"start: {space}(answer | {whole})", f"answer: {json_rule(otherwise)}"]
    elif mark in special:
        rules += [f"start: TEXT | TEXT? <[{special[mark]}]> {calls}", r"TEXT: /(?s:.)*/"]
    elif mark:
        rules += [f"start: TEXT | head {calls}", f"head[lazy]: TEXT {literal(mark)}"]
        rules.append(r"TEXT: /(?s:.)*/")
    else:
        first = re.escape(form.before[0])
        rules += [f"start: {space}(TEXT | {calls})", rf"TEXT: /([^{first}\s](?s:.)*)?/"]
    between = _sequence(form.between, special)
    rules.append(
        "call: "
        + " | ".join(f"{literal(tool.name)} {between} arguments{n}" for n, tool in enumerate(tools))
    )
    rules += [f"arguments{n}: {json_rule(tool.schema)}" for n, tool in enumerate(tools)]
    return checked(HEADER + "\n".join(rules), "tools")


def shown_tokens(form: ToolFormat, special: Mapping[str, int]) -> tuple[int, ...]:
    """The special tokens that calls are written with: the reader of the answer must see them."""
    texts = (form.before, form.between, form.after, form.middle or "")
    found = {piece for text in texts for piece in _pieces(text, special) if piece in special}
    return tuple(sorted(special[piece] for piece in found))


def _sequence(text: str, special: Mapping[str, int]) -> str:
    """A text of the form, as a rule's items."""
    items = []
    for piece in _pieces(text, special):
        if piece in special:
            items.append(f"<[{special[piece]}]>")
        elif piece == ANY_ID:
            items.append(f"/{ID_PATTERN}/")
        else:
            items.append(literal(piece))
    return " ".join(items)


def _pieces(text: str, special: Collection[str]) -> Iterator[str]:
    """The text cut at its special tokens and ids."""
    longest_first = sorted([*special, ANY_ID], key=len, reverse=True)
    pattern = "|".join(map(re.escape, longest_first))
    yield from filter(None, re.split(f"({pattern})", text))
