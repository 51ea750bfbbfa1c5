"""Conversations as Markdown, for people to read."""

from __future__ import annotations

from collections.abc import Sequence

from miniclaude.evaluation.speaking import Speaking
from miniclaude.messages import Message

MARKS = str.maketrans({mark: "\\" + mark for mark in "\\`*_{}[]<>#|"})


def write_transcript(
    facts: Speaking, talks: Sequence[Sequence[Message]], seed: int | None = None
) -> str:
    """All conversations, one section each. What was said is text: none of it is read as marks.
    Calls of tools stand where they were made, with what they returned. seed: with which the
    answers were drawn; None for the likeliest ones."""
    drawn = "the likeliest answers" if seed is None else f"sampled answers, seed {seed}"
    lines = [f"# {_text(facts.name)} in conversation", "", f"{facts.dtype}, {drawn}, unedited.", ""]
    for number, talk in enumerate(talks, start=1):
        lines += [f"## {number}. {_text(talk[0].text)[:70]}", ""]
        results = iter([message.text for message in talk if message.role == "tool"])
        for message in talk:
            speaker = "User" if message.role == "user" else "Assistant"
            said = [_text(line) for line in message.text.strip().splitlines()]
            if message.role != "tool" and (said or not message.tool_calls):
                lines += [f"**{speaker}:** " + "  \n".join(said or [""]), ""]
            for call in message.tool_calls:
                asked = f"{_text(call.name)} {_text(call.arguments)}"
                lines += [f"**Calls** {asked} → {_text(next(results, ''))}", ""]
    return "\n".join(lines).rstrip() + "\n"


def _text(text: str) -> str:
    """One line, as Markdown that shows it as it is."""
    return "".join(c for c in text if c.isprintable()).translate(MARKS)
