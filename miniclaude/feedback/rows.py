"""Conversations and ratings → training rows, in the forms that `mini-claude data` reads.

- preference: a person's correction is better than the answer that it corrects, and an answer with
  a thumb up better than one with a thumb down to the same question.
- kto: each thumb says of one answer whether it is good.
- openai: what is worth repeating: corrections, and answers with a thumb up.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import Literal

from miniclaude.chat.history import branch_messages, join_neighbours
from miniclaude.data.example import Example, Place, to_row
from miniclaude.data.export import WRITERS
from miniclaude.data.formats import read_example
from miniclaude.errors import InvalidRequestError, NotFoundError, RowError
from miniclaude.messages import Message, text_message
from miniclaude.store.messages import Messages, StoredMessage
from miniclaude.store.ratings import Rating, Ratings

FeedbackFormat = Literal["preference", "kto", "openai"]
TrainingFormat = Literal["openai", "sharegpt", "alpaca"]

Row = dict[str, object]
Tree = Mapping[str | None, StoredMessage]
_NOWHERE = Place("feedback", 1)


async def feedback_rows(
    messages: Messages, ratings: Ratings, owner: str, format_name: FeedbackFormat
) -> AsyncGenerator[Row, None]:
    """The rows that an owner's ratings make, conversation by conversation. What no row can be
    made of (an answer without text, a correction that changes nothing) is passed over."""
    for conversation_id in await ratings.rated(owner):
        try:
            tree = await messages.tree(owner, conversation_id)
        except NotFoundError:  # deleted since
            continue
        for example in examples(tree, await ratings.of(owner, conversation_id), format_name):
            row = to_row(example)
            if _is_readable(row, "openai" if format_name == "openai" else format_name):
                yield row


def examples(
    tree: Sequence[StoredMessage], ratings: Mapping[str, Rating], format_name: FeedbackFormat
) -> Iterator[Example]:
    """What the ratings in one conversation teach."""
    by_id: Tree = {message.id: message for message in tree}
    make = _MAKERS[format_name]
    for message in tree:
        rating = ratings.get(message.id)
        prompt = None if rating is None else _prompt(by_id, message)
        if rating is not None and prompt:
            yield from make(prompt, message, rating, tree, ratings)


def conversation_row(branch: Sequence[StoredMessage], format_name: TrainingFormat) -> Row:
    """A branch as one row to learn from, up to its last answer.

    Raises InvalidRequestError where nothing was answered or pictures were shown, RowError where the
    form has no place for what was said.
    """
    answered = max(
        (place for place, message in enumerate(branch, 1) if message.role == "assistant"),
        default=0,
    )
    shown = branch[:answered]
    if any(message.pictures for message in shown):
        raise InvalidRequestError(
            "There are pictures in this conversation, and rows to learn from are text: without them"
            " the words would mislead.",
            hint="Export it as json, which keeps them, or as markdown.",
            param="format",
        )
    said = join_neighbours(branch_messages(shown, _system(shown[-1]) if shown else None))
    if not said or said[-1].role != "assistant":
        raise InvalidRequestError(
            "There is nothing to learn from: no answer has any text.",
            hint="Export it as json or markdown instead.",
            param="format",
        )
    return WRITERS[format_name](Example(_NOWHERE, said))


def _preference(
    prompt: tuple[Message, ...],
    answer: StoredMessage,
    rating: Rating,
    tree: Sequence[StoredMessage],
    ratings: Mapping[str, Rating],
) -> Iterator[Example]:
    own = _answer(answer)
    if rating.correction is not None:
        yield Example(_NOWHERE, prompt, chosen=_text(rating.correction), rejected=own)
    if rating.thumb != "up":
        return
    for other in tree:
        theirs = ratings.get(other.id)
        if other.parent_id == answer.parent_id and theirs and theirs.thumb == "down":
            yield Example(_NOWHERE, prompt, chosen=own, rejected=_answer(other))


def _kto(
    prompt: tuple[Message, ...], answer: StoredMessage, rating: Rating, *_: object
) -> Iterator[Example]:
    if rating.thumb is not None:
        yield Example(_NOWHERE, prompt + _answer(answer), desirable=rating.thumb == "up")


def _openai(
    prompt: tuple[Message, ...], answer: StoredMessage, rating: Rating, *_: object
) -> Iterator[Example]:
    if rating.correction is not None:
        yield Example(_NOWHERE, prompt + _text(rating.correction))
    elif rating.thumb == "up":
        yield Example(_NOWHERE, prompt + _answer(answer))


_MAKERS: dict[FeedbackFormat, Callable[..., Iterator[Example]]] = {
    "preference": _preference,
    "kto": _kto,
    "openai": _openai,
}


def _prompt(by_id: Tree, answer: StoredMessage) -> tuple[Message, ...]:
    """What the model was asked, as it was asked; empty where it does not end with a question, and
    where there are pictures in it, without which the words would mislead."""
    upward: list[StoredMessage] = []
    message = by_id.get(answer.parent_id)
    while message is not None:
        upward.append(message)
        message = by_id.get(message.parent_id)
    if any(message.pictures for message in upward):
        return ()
    said = join_neighbours(branch_messages(upward[::-1], _system(answer)))
    return said if said and said[-1].role == "user" else ()


def _system(answer: StoredMessage) -> str | None:
    system = (answer.settings or {}).get("system")
    return system if isinstance(system, str) else None


def _answer(message: StoredMessage) -> tuple[Message, ...]:
    return join_neighbours(branch_messages([message]))


def _text(text: str) -> tuple[Message, ...]:
    return (text_message("assistant", text),)


def _is_readable(row: Row, format_name: str) -> bool:
    try:
        read_example(row, _NOWHERE, format_name)
    except RowError:
        return False
    return True
