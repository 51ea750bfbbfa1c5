"""Messages to token ids, for serving (`encode_chat`) and for training
(`encode_training_example`), through the one template stored with the checkpoint.

What people write is text and stays text: the special tokens in a conversation are those that
the template wrote (see `special_tokens.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from miniclaude.errors import (
    ChatTemplateError,
    InvalidRequestError,
    MiniClaudeError,
    UnsupportedFieldError,
)
from miniclaude.messages import Message, Tool
from miniclaude.tokenizer.content_marks import ContentMarks
from miniclaude.tokenizer.prepared_chat import PreparedChat
from miniclaude.tokenizer.template import Rendering
from miniclaude.tokenizer.tokenizer import Tokenizer, check_text

Span = tuple[int, int]
"""Half-open range of character positions."""

Variables = dict[str, object]
"""What one rendering of a template is given."""

LEARN_ALL: frozenset[int] = frozenset()
GROUP = 64
GROUP_CHARACTERS = 1 << 18
"""How many conversations are encoded together, unless their text is longer."""


class Conversation(Protocol):
    """What a training example is made of; unlearned: indexes of the assistant messages that are
    shown and not learnt."""

    @property
    def messages(self) -> Sequence[Message]: ...

    @property
    def tools(self) -> Sequence[Tool]: ...

    @property
    def unlearned(self) -> frozenset[int]: ...


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """A conversation as ids, and which of them the assistant said (its end of turn too)."""

    ids: list[int]
    mask: list[bool]


def encode_chat(
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    tools: Sequence[Tool] = (),
    *,
    thinking: bool = True,
) -> list[int]:
    """The conversation as ids, ending where the assistant should begin to speak. thinking: False
    tells the template that it should do so without thinking; some, as Qwen 3's, can say so.

    Raises InvalidRequestError for messages the template refuses or makes nothing of, images and
    lone surrogates; PayloadTooLargeError beyond 16 Mi characters; ChatTemplateError when there is
    no template, or it fails.
    """
    chat = PreparedChat(tokenizer, messages, tools)
    variables = chat.variables(chat.messages, prompt=True)
    if not thinking:
        variables["enable_thinking"] = False  # where it is absent, templates do as they do unasked
    [rendering] = chat.template.render(chat.source, [variables])
    ids = tokenizer.activated_ids(tokenizer.special.activate(rendering.unwrap()))
    if not ids:
        raise InvalidRequestError(
            "The model's chat template makes nothing of these messages.",
            hint="Add a message of the user.",
            param="messages",
        )
    return ids


def encode_training_example(
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    tools: Sequence[Tool] = (),
    unlearned: frozenset[int] = LEARN_ALL,
) -> TrainingExample:
    """The whole conversation as ids, and the mask of what the assistant said.

    ids: exactly those of the conversation rendered as a whole. mask: true for every token that
    holds some of an answer, from where `encode_chat` would have ended to the end-of-turn token.
    Answers that the template leaves out of a longer conversation are not in either.
    unlearned: indexes of the assistant messages that are shown and not learnt.
    Raises as `encode_chat`; InvalidRequestError when no assistant speaks, or nothing of it is to
    be learnt; UnsupportedFieldError for calls that the template does not write.
    """
    [encoded] = _encode(tokenizer, [_Learning(tokenizer, messages, tools, unlearned)])
    if isinstance(encoded, MiniClaudeError):
        raise encoded
    return encoded


def encode_training_examples(
    tokenizer: Tokenizer, conversations: Iterable[Conversation]
) -> Iterator[TrainingExample | MiniClaudeError]:
    """`encode_training_example` of each, in order, several at a time; what it would raise for a
    conversation stands in that one's place.

    Many conversations share one exchange with the process that renders a model folder's
    template, and one call of the tokenizer.
    """
    group: list[_Learning | MiniClaudeError] = []
    characters = 0
    for one in conversations:
        try:
            group.append(_Learning(tokenizer, one.messages, one.tools, one.unlearned))
        except MiniClaudeError as error:
            group.append(error)
        characters += sum(len(message.text) for message in one.messages)
        if len(group) == GROUP or characters > GROUP_CHARACTERS:
            yield from _encode(tokenizer, group)
            group, characters = [], 0
    yield from _encode(tokenizer, group)


class _Learning:
    """One conversation on its way to a training example.

    An answer is the difference of two renderings: the conversation up to it, ready for the
    answer, and the same with the answer. Where a template treats a turn otherwise once more
    turns follow, the content itself is marked and looked for in a second round.

    whole: the activated text. spans: where in it the assistant says what is to be learnt.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        unlearned: frozenset[int],
    ) -> None:
        spoken = [n for n, message in enumerate(messages) if message.role == "assistant"]
        learnt = [n for n in spoken if n not in unlearned]
        if not learnt:
            raise InvalidRequestError(
                "All messages of the assistant have weight 0, so there is nothing to learn."
                if spoken
                else "The conversation has no message of the assistant, so there is nothing to"
                " learn.",
                hint="Give at least one message of the assistant a weight of 1."
                if spoken
                else "Add at least one message with the role assistant.",
                param="messages",
                code="no_trainable_token" if spoken else "example_missing_assistant_message",
            )
        self.chat = PreparedChat(tokenizer, messages, tools)
        calls = any("tool_calls" in message for message in self.chat.messages)
        if calls and "tool_calls" not in self.chat.source:
            raise UnsupportedFieldError(
                "This model's chat template does not write the assistant's tool calls.",
                hint="Leave the conversation out, or choose a model that was trained on calls.",
                param="messages",
            )
        self._special = tokenizer.special
        self._turns = [self.chat.places[n] for n in learnt]
        self._before: dict[int, str] = {}
        self._missing: list[int] = []
        self._marks: ContentMarks | None = None
        self.whole = ""
        self.spans: list[Span] = []

    def calls(self) -> list[Variables]:
        """The first round's renderings: the whole, then up to and with each answer."""
        chat, messages = self.chat, self.chat.messages
        calls = [chat.variables(messages, prompt=False)]
        for n in self._turns:
            calls.append(chat.variables(messages[:n], prompt=True))
            if n + 1 < len(messages):
                calls.append(chat.variables(messages[: n + 1], prompt=False))
        return calls

    def take(self, renderings: Sequence[Rendering]) -> None:
        """Place the answers by the first round; raises what made the whole fail."""
        whole = self._special.activate(renderings[0].unwrap())
        check_text(whole)
        self.whole = whole
        # A part that cannot be rendered alone (an answer before any question) has no text.
        parts = iter([self._special.activate(part.text or "") for part in renderings[1:]])
        for n in self._turns:
            before = self._before[n] = next(parts)
            after = next(parts) if n + 1 < len(self.chat.messages) else whole
            if before and after.startswith(before) and whole.startswith(after):
                end = self._special.end_of_last(after[len(before) :])
                self.spans.append((len(before), len(before) + end if end else len(after.rstrip())))
            else:
                self._missing.append(n)

    def marked_calls(self) -> list[Variables]:
        """The second round's renderings, for the answers not found in the first: their content
        between marks, with and without its outer whitespace."""
        if not self._missing:
            return []
        marks = self._marks = ContentMarks()
        calls = []
        for trimmed in (False, True):
            marked = [
                {**message, "content": marks.put(n, message["content"], trimmed)}
                if n in self._missing
                else message
                for n, message in enumerate(self.chat.messages)
            ]
            calls.append(self.chat.variables(marked, prompt=False))
        return calls

    def take_marked(self, renderings: Sequence[Rendering]) -> None:
        """Place the other answers."""
        if self._marks is not None:
            outside, inside = [self._special.activate(part.text or "") for part in renderings]
            whole = self.whole
            found = self._marks.find(outside, whole) or self._marks.find(inside, whole)
            for n in self._missing:
                if n not in found:
                    continue
                start, end = found[n]
                if self._before[n] and whole.startswith(self._before[n]):
                    start = len(self._before[n])
                if start is not None:
                    end += self._special.end_of_leading(whole[end:])
                    self.spans.append((start, end))
            self.spans.sort()


def _encode(
    tokenizer: Tokenizer, group: Sequence[_Learning | MiniClaudeError]
) -> list[TrainingExample | MiniClaudeError]:
    """Each conversation as a training example, or what is wrong with it."""
    results: list[TrainingExample | MiniClaudeError | None] = [
        one if isinstance(one, MiniClaudeError) else None for one in group
    ]
    for calls_of, take in (
        (_Learning.calls, _Learning.take),
        (_Learning.marked_calls, _Learning.take_marked),
    ):
        left = {
            n: one
            for n, one in enumerate(group)
            if isinstance(one, _Learning) and results[n] is None
        }
        rendered = _render(tokenizer, [(one.chat.source, calls_of(one)) for one in left.values()])
        for (n, one), renderings in zip(left.items(), rendered, strict=True):
            try:
                if isinstance(renderings, MiniClaudeError):
                    raise renderings
                take(one, renderings)
            except MiniClaudeError as error:
                results[n] = error
    whole = {n: one for n, one in left.items() if results[n] is None}
    encoded = tokenizer.encode_activated([one.whole for one in whole.values()])
    for (n, one), (ids, offsets) in zip(whole.items(), encoded, strict=True):
        mask = covered(offsets, one.spans)
        results[n] = TrainingExample(ids, mask) if any(mask) else _nothing_shown()
    return [result for result in results if result is not None]


def _render(
    tokenizer: Tokenizer, wanted: Sequence[tuple[str, list[Variables]]]
) -> list[list[Rendering] | MiniClaudeError]:
    """The renderings of each, given source and variables; those of one source at a time.

    When they exceed the bounds together, each is tried alone, so that one cannot fail others.
    """
    template = tokenizer.template
    results: list[list[Rendering] | MiniClaudeError] = [[] for _ in wanted]
    if template is None:
        return results
    for source in {source for source, _ in wanted}:
        places = [n for n, (other, calls) in enumerate(wanted) if other == source and calls]
        try:
            renderings = iter(template.render(source, [c for n in places for c in wanted[n][1]]))
            for n in places:
                results[n] = [next(renderings) for _ in wanted[n][1]]
        except ChatTemplateError as error:
            for n in places:
                alone = [error] if len(places) == 1 else _render(tokenizer, [wanted[n]])
                results[n] = alone[0]
    return results


def _nothing_shown() -> ChatTemplateError:
    return ChatTemplateError(
        "The chat template shows nothing of what the assistant said.",
        hint="Use a template that writes the content of assistant messages.",
    )


def covered(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """Which ranges overlap one of the spans; both in ascending order."""
    mask: list[bool] = []
    place, last = 0, len(spans)
    for start, end in offsets:
        while place < last and spans[place][1] <= start:
            place += 1
        mask.append(place < last and spans[place][0] < end)
    return mask
