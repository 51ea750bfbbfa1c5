"""Examples to token ids, by the tokenizer and the template that will serve the result.

Nothing is lost in silence: of a conversation that is too long the oldest exchanges are dropped, of
a single exchange that is too long the end is cut, a row that then has nothing to learn is rejected
by name, and each of these is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.example import Example, to_row
from miniclaude.data.rejection import Rejection, shown
from miniclaude.data.tokens import TokenDocument, TokenSet, split_text
from miniclaude.errors import DatasetError, MiniClaudeError
from miniclaude.tokenizer.chat_template import encode_training_examples
from miniclaude.tokenizer.tokenizer import Tokenizer

GROUP = 512


@dataclass(frozen=True, slots=True)
class Tokenised:
    """What became of the examples. rejected: rows with nothing to learn. shortened: conversations
    whose oldest exchanges were dropped; cut: examples whose end was cut off."""

    documents: TokenSet
    rejected: tuple[Rejection, ...]
    shortened: int = 0
    cut: int = 0

    @property
    def trained(self) -> int:
        """Tokens the loss is taken over in one epoch."""
        return int(self.documents.learn.sum())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the tokens and of what is learnt, so of data, template and tokenizer."""
        return self.documents.fingerprint

    def summary(self) -> str:
        """One line for people."""
        positions = int(self.documents.lengths.sum())
        text = f"{len(self.documents):,} examples, {positions:,} tokens, {self.trained:,} learnt"
        for count, what in (
            (self.shortened, "without their oldest exchanges"),
            (self.cut, "cut at the end"),
            (len(self.rejected), "left out"),
        ):
            text += f"; {count:,} {what}" if count else ""
        return text


def tokenise(
    examples: Iterable[Example],
    tokenizer: Tokenizer,
    max_length: int,
    progress: Callable[[int], None] | None = None,
) -> Tokenised:
    """Plain texts and conversations as documents of at most `max_length` tokens.

    A text is cut into pieces, each of whose tokens is learnt; of a conversation, what the
    assistant says is. progress: called with the number of examples done so far, now and then.
    Raises DatasetError when nothing at all is left to learn.
    """
    gathering = _Gathering(tokenizer, max_length)
    done = 0
    for group in _groups(examples):
        gathering.take(group)
        done += len(group)
        if progress is not None:
            progress(done)
    result = Tokenised(
        TokenSet.gather(gathering.documents),
        tuple(gathering.rejected),
        gathering.shortened,
        gathering.cut,
    )
    if not result.trained:
        raise nothing_to_learn(done, result.rejected)
    return result


def nothing_to_learn(rows: int, rejected: Sequence[Rejection]) -> DatasetError:
    """Why a whole data set is of no use."""
    if not rows:
        return DatasetError(
            "The data set has no rows, so there is nothing to learn.",
            hint="Look at the rejected rows: `mini-claude data prepare` lists each with its cure.",
            code="no_trainable_tokens",
        )
    reason = f" The first, {rejected[0].place}: {rejected[0].message}" if rejected else ""
    return DatasetError(
        f"None of the {rows:,} rows has a token to learn from.{reason}",
        hint=rejected[0].cure if rejected else "Add what the assistant should say.",
        code="no_trainable_tokens",
    )


class _Gathering:
    """Documents as they come."""

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.documents: list[TokenDocument] = []
        self.rejected: list[Rejection] = []
        self.shortened = self.cut = 0
        self._bytes = byte_lengths(tokenizer)

    def take(self, examples: Sequence[Example]) -> None:
        """Encode some examples, keeping their order."""
        chats = [example for example in examples if example.messages]
        encoded = iter(self.encode_chats(chats))
        for example in examples:
            if example.messages:
                document = next(encoded)
                if document is not None:
                    self.documents.append(document)
            else:
                self.take_text(example)

    def take_text(self, example: Example) -> None:
        """A plain text in pieces, ended by the token that ends a text or a turn."""
        try:
            ids = self.tokenizer.encode_prompt(example.text)
        except MiniClaudeError as error:
            self.reject(example, error.code or "bad_text", error.message, error.hint)
            return
        ids = [*ids, *self.tokenizer.eos_ids[:1]]
        pieces = list(split_text(ids, self._bytes.tolist(), self.max_length - 1))
        if not pieces:
            self.reject(example, "empty_text", "The text is empty.", "Remove the row.")
        self.documents += pieces

    def encode_chats(self, chats: Sequence[Example]) -> list[TokenDocument | None]:
        """Each conversation as a document; None for one that was rejected."""
        results: list[TokenDocument | None] = [None] * len(chats)
        left = dict(enumerate(chats))
        shortened: set[int] = set()
        while left:
            encoded = encode_training_examples(self.tokenizer, left.values())
            again: dict[int, Example] = {}
            for (place, example), one in zip(left.items(), encoded, strict=True):
                if isinstance(one, MiniClaudeError):
                    self.reject(example, one.code or "bad_row", one.message, one.hint)
                    continue
                if len(one.ids) > self.max_length:
                    shorter = without_oldest(example, self.max_length / len(one.ids))
                    if shorter is not None:
                        again[place] = shorter
                        shortened.add(place)
                        continue
                results[place] = self.document(example, one.ids, one.mask)
            left = again
        self.shortened += sum(results[place] is not None for place in shortened)
        return results

    def document(
        self, example: Example, ids: Sequence[int], learn: Sequence[bool]
    ) -> TokenDocument | None:
        """The ids, cut to size; None, and a rejection, when nothing of them is learnt."""
        kept, mask = ids[: self.max_length], learn[: self.max_length]
        if not any(mask[1:]):
            why = f"of its {len(ids):,} tokens the first {self.max_length:,} hold no answer"
            if len(ids) <= self.max_length:
                why = "no token of it is the assistant's"
            self.reject(
                example,
                "no_trainable_tokens",
                f"The row teaches nothing: {why}.",
                "Shorten what comes before the answer, or raise max_length.",
            )
            return None
        self.cut += len(ids) > self.max_length
        learnt = np.array(kept)[np.array(mask)]
        return TokenDocument(kept, mask, int(self._bytes[learnt].sum()))

    def reject(self, example: Example, error: str, message: str, cure: str) -> None:
        """Keep the row aside."""
        row = shown(to_row(example))
        self.rejected.append(Rejection(example.place, error, message, cure, row))


def byte_lengths(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """UTF-8 bytes of each id of the vocabulary, 0 for special tokens. [V]."""
    return np.array(
        [
            0 if tokenizer.is_special(token) else len(tokenizer.token_bytes(token))
            for token in range(tokenizer.vocab_size)
        ],
        dtype=np.int64,
    )


def without_oldest(example: Example, share: float) -> Example | None:
    """The conversation without as many of its oldest exchanges as leave about `share` of its text,
    and without at least one; None when only one exchange is left. What the system says stays.
    """
    messages = example.messages
    start = next((n for n, m in enumerate(messages) if m.role != "system"), len(messages))
    begins = [n for n in range(start + 1, len(messages)) if messages[n].role == "user"]
    if not begins:
        return None
    sizes = [len(message.text) + 1 for message in messages]
    allowed = share * sum(sizes) - sum(sizes[:start])
    first = next((n for n in begins if sum(sizes[n:]) <= allowed), begins[-1])
    dropped = first - start
    unlearned = frozenset(n - dropped for n in example.unlearned if n >= first)
    return replace(example, messages=messages[:start] + messages[first:], unlearned=unlearned)


def _groups(examples: Iterable[Example]) -> Iterator[list[Example]]:
    group: list[Example] = []
    for example in examples:
        group.append(example)
        if len(group) == GROUP:
            yield group
            group = []
    if group:
        yield group
