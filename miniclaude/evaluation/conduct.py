"""Asking: checks with the tools they offer, references, sampled replies and whole conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from miniclaude.errors import MiniClaudeError
from miniclaude.evaluation.rules import Answered, Called
from miniclaude.evaluation.speaking import Asked, Reply, Speaker, Told, Tools
from miniclaude.evaluation.suite import LONGEST, Check, Reference
from miniclaude.messages import Message, TextPart, text_message
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.tool_format import PLAIN

ROUNDS = 3
"""How often a model may call tools before it must answer."""
SHOWN_RESULT = 2_000
"""Characters of a tool's result that the model reads."""


def quiet() -> None:
    """Tells nobody."""


def answer_checks(
    checks: Sequence[Check],
    speaker: Speaker,
    tools: Tools,
    *,
    seed: int = 0,
    told: Told = quiet,
) -> list[Answered]:
    """The answer to each check, in order; tools are really run, and the final answer is the one
    after them. A check that never comes to an answer has an empty one. told: after the first
    answer of each."""
    talks = [_Talk(check) for check in checks]
    _bring_to_an_answer(talks, speaker, tools, seed, told)
    return [talk.answered for talk in talks]


def _bring_to_an_answer(
    talks: Sequence[_Talk], speaker: Speaker, tools: Tools, seed: int, told: Told
) -> None:
    """Ask, run what is called, tell it, ask again; the last time no tool is offered."""
    waiting = list(enumerate(talks))
    for number in range(ROUNDS + 1):
        last = number == ROUNDS
        asked = [
            Asked(
                tuple(talk.messages),
                talk.check.max_tokens,
                tuple(tools[name].tool for name in talk.check.tools) if not last else (),
                seed + place if talk.check.sampled else None,
            )
            for place, talk in waiting
        ]
        replies = speaker.replies(asked, quiet if number else told)
        still = []
        for (place, talk), one in zip(waiting, replies, strict=True):
            if talk.take(one, tools) and not last:
                still.append((place, talk))
        waiting = still
        if not waiting:
            break


class _Talk:
    """One check on its way."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.messages = list(check.messages)
        self.calls: list[Called] = []
        self.answered = Answered(check.request, "", ended=False)

    def take(self, reply: Reply, tools: Tools) -> bool:
        """Note an answer; with calls, run them. Whether the model is to be asked again."""
        offered = {tools[name].tool.name: tools[name] for name in self.check.tools}
        if not reply.calls:
            self.answered = Answered(
                self.check.request, reply.text, reply.ended, tuple(self.calls), reply.problem
            )
            return False
        parts = (TextPart(reply.text),) if reply.text else ()
        # Ids are unique in the conversation, whatever the model called them.
        taken = {call.id for message in self.messages for call in message.tool_calls}
        free = (name for name in map("call_{}".format, count()) if name not in taken)
        calls = tuple(replace(call, id=name) for call, name in zip(reply.calls, free, strict=False))
        self.messages.append(Message("assistant", parts, calls))
        for call in calls:
            known = offered.get(call.name)
            result = known.run(call.arguments) if known else f"Error: there is no tool {call.name}."
            self.calls.append(Called(call.name, call.arguments, result))
            said = (TextPart(result[:SHOWN_RESULT]),)
            self.messages.append(Message("tool", said, (), call.id))
        self.answered = Answered(self.check.request, "", ended=False, calls=tuple(self.calls))
        return True


def answer_references(
    references: Sequence[Reference], speaker: Speaker, told: Told = quiet
) -> list[str]:
    """The likeliest answer to each."""
    asked = [Asked(one.messages, one.max_tokens) for one in references]
    return [reply.text for reply in speaker.replies(asked, told)]


def sample_replies(
    openings: Sequence[str], count: int, speaker: Speaker, *, seed: int = 0, told: Told = quiet
) -> list[tuple[str, Reply]]:
    """`count` replies, drawn, each with its opening; the openings take turns."""
    chosen = [openings[number % len(openings)] for number in range(count)] if openings else []
    asked = [
        Asked((text_message("user", opening),), LONGEST, seed=seed + number)
        for number, opening in enumerate(chosen)
    ]
    return list(zip(chosen, speaker.replies(asked, told), strict=True))


def talk_through(
    scripts: Sequence[Sequence[str]],
    speaker: Speaker,
    tools: Tools,
    *,
    seed: int | None = None,
    told: Told = quiet,
) -> list[list[Message]]:
    """Each script as a conversation: the model answers every turn of the user, reading what was
    said before, calls of tools and what they returned too. As in a chat, a model whose template has
    a place for tools is offered those that suit the turn, and all after a turn that called one; and
    the oldest turns are left out where the context has no room for all. seed: None for the
    likeliest answers. told: for each turn."""
    whole: list[list[Message]] = [[] for _ in scripts]
    template = speaker.tokenizer.template
    known = {} if template is None or speaker.tokenizer.tool_format is PLAIN else tools
    called: set[int] = set()
    for turn in range(max(map(len, scripts), default=0)):
        talks: dict[int, _Talk] = {}
        for place, script in enumerate(scripts):
            if turn < len(script):
                offered = tuple(
                    name
                    for name, one in known.items()
                    if place in called or one.suits(script[turn])
                )
                whole[place].append(text_message("user", script[turn]))
                latest = tuple(_latest(whole[place], offered, speaker, tools))
                check = Check("", "", latest, {}, offered, sampled=seed is not None)
                talks[place] = _Talk(check)
        _bring_to_an_answer(list(talks.values()), speaker, tools, (seed or 0) + 1000 * turn, told)
        called = {place for place, talk in talks.items() if talk.answered.calls}
        for place, talk in talks.items():
            said = TextPart(talk.answered.text if talk.answered.text.strip() else "(nothing)")
            on_the_way = talk.messages[len(talk.check.messages) :]
            whole[place] += [*on_the_way, Message("assistant", (said,))]
    return whole


def _latest(
    messages: list[Message], offered: Sequence[str], speaker: Speaker, tools: Tools
) -> list[Message]:
    """The last turns, as many as leave room for an answer."""
    room = speaker.facts.context - min(LONGEST, speaker.facts.context // 2)
    shown = tuple(tools[name].tool for name in offered)
    starts = [place for place, message in enumerate(messages) if message.role == "user"]
    for start in starts[:-1]:
        try:
            if len(encode_chat(speaker.tokenizer, messages[start:], tools=shown)) <= room:
                return messages[start:]
        except MiniClaudeError:
            continue
    return messages[starts[-1] :]
