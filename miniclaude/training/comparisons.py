"""Preference and KTO rows as token ids, and the batches that preference training reads.

Each row is two documents. Of a preference: the prompt with the better answer, and with the worse.
Of KTO: the prompt with its answer, and with the answer of the next row that asks something else,
which has nothing to do with it (the paper's estimate of how far the policy has drifted needs such
mismatched pairs).
Only the tokens of the last answer count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from miniclaude.data.batches import Batch, make_batch
from miniclaude.data.example import Example, to_row
from miniclaude.data.rejection import Rejection, shown
from miniclaude.data.tokens import TokenDocument, TokenSet
from miniclaude.errors import DatasetError, MiniClaudeError
from miniclaude.messages import Message
from miniclaude.tokenizer.chat_template import encode_training_examples
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.tasks import HOLDS, check_task
from miniclaude.training.tokenise import byte_lengths, nothing_to_learn


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Rows to learn preferences from.

    documents: 2 · rows of them; row r has documents 2r and 2r + 1 (see the top of this file).
    desirable: [rows] bool, KTO's labels; None for preferences. reference: [2 · rows] float32, the
    log-probability of each document's answer under the base, once it has been computed.
    rejected: rows that cannot be used. cut: documents that were longer than allowed.
    """

    documents: TokenSet
    desirable: NDArray[np.bool_] | None
    rejected: tuple[Rejection, ...] = ()
    cut: int = 0
    reference: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.documents) // 2

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Positions of each row, both documents together. [rows]."""
        lengths: NDArray[np.int64] = self.documents.lengths.reshape(-1, 2).sum(axis=1)
        return lengths

    def with_reference(self, reference: NDArray[np.float32]) -> Comparisons:
        """The same, knowing what the base thinks. reference: [2 · rows]."""
        return replace(self, reference=reference)


def tokenise_comparisons(
    examples: Iterable[Example], tokenizer: Tokenizer, max_length: int
) -> Comparisons:
    """Preference rows, or KTO rows, as documents of at most `max_length` tokens, cut at the end.

    Rows whose answers are the same, or do not begin within `max_length`, are rejected by name.
    Raises DatasetError when none is left, for KTO also when only one is, and for other rows.
    """
    rows = list(examples)
    for task in dict.fromkeys(example.task for example in rows):
        check_task(task, "kto" if task == "kto" else "dpo")
        if task != rows[0].task:
            raise DatasetError(
                f"{rows[0].place} holds {HOLDS[rows[0].task]}, other rows {HOLDS[task]}.",
                hint="Prepare two datasets, one of each.",
                code="mixed_tasks",
            )
    gathering = _Gathering(tokenizer, max_length)
    rated = bool(rows) and rows[0].task == "kto"
    kept = gathering.rated(rows) if rated else gathering.preferences(rows)
    if not kept:
        raise nothing_to_learn(len(rows), gathering.rejected)
    if rated and len(kept) == 1:
        raise DatasetError(
            "KTO compares an answer with those of other rows, and there is only one row.",
            hint="Add rows; some hundreds make a difference.",
            code="too_few_rows",
        )
    desirable = np.array([example.desirable for example in kept], dtype=np.bool_) if rated else None
    documents = TokenSet.gather(gathering.documents)
    return Comparisons(documents, desirable, tuple(gathering.rejected), gathering.cut)


class _Gathering:
    """Documents as they come, two a row."""

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.documents: list[TokenDocument] = []
        self.rejected: list[Rejection] = []
        self.cut = 0
        self._bytes = byte_lengths(tokenizer)

    def preferences(self, rows: Sequence[Example]) -> list[Example]:
        """Both answers to each prompt; the rows that can be used."""
        better = self.encode(with_answer(row, row.chosen) for row in rows)
        worse = self.encode(with_answer(row, row.rejected) for row in rows)
        kept = []
        for row, one, other in zip(rows, better, worse, strict=True):
            if isinstance(one, TokenDocument) and isinstance(other, TokenDocument):
                if list(one.ids) == list(other.ids):
                    self.reject(row, identical(self.max_length))
                    continue
                self.add(one, other)
                kept.append(row)
            else:
                self.reject(row, one if isinstance(one, MiniClaudeError) else other)
        return kept

    def rated(self, rows: Sequence[Example]) -> list[Example]:
        """Each answer to its prompt, and to another; the rows that can be used."""
        kept, matched = [], []
        own = self.encode(with_answer(row, row.messages[-1:], row.messages[:-1]) for row in rows)
        for row, one in zip(rows, own, strict=True):
            if isinstance(one, TokenDocument):
                kept.append(row)
                matched.append(one)
            else:
                self.reject(row, one)
        others = [kept[number] for number in next_prompts(kept)]
        mixed = self.encode(
            with_answer(row, other.messages[-1:], row.messages[:-1])
            for row, other in zip(kept, others, strict=True)
        )
        for one, other in zip(matched, mixed, strict=True):
            # A prompt that only its own answer suits, such as one of tools, stands for itself.
            self.add(one, other if isinstance(other, TokenDocument) else one)
        return kept

    def add(self, one: TokenDocument, other: TokenDocument) -> None:
        """A row's two documents."""
        self.documents += [one, other]

    def encode(self, rows: Iterable[Example]) -> Iterator[TokenDocument | MiniClaudeError]:
        """Each as a document, or why it is none."""
        for encoded in encode_training_examples(self.tokenizer, rows):
            if isinstance(encoded, MiniClaudeError):
                yield encoded
                continue
            ids, mask = encoded.ids[: self.max_length], encoded.mask[: self.max_length]
            self.cut += len(encoded.ids) > self.max_length
            if not any(mask[1:]):
                yield DatasetError(
                    f"The row teaches nothing: of its {len(encoded.ids):,} tokens the first"
                    f" {self.max_length:,} hold no answer.",
                    hint="Shorten the prompt, or raise max_length.",
                    code="no_trainable_tokens",
                )
                continue
            learnt = np.array(ids)[np.array(mask)]
            yield TokenDocument(ids, mask, int(self._bytes[learnt].sum()))

    def reject(self, row: Example, why: object) -> None:
        """Keep the row aside."""
        assert isinstance(why, MiniClaudeError)  # noqa: S101  # a document is not rejected
        name = why.code or "bad_row"
        told = Rejection(row.place, name, why.message, why.hint, shown(to_row(row)))
        self.rejected.append(told)


def next_prompts(rows: Sequence[Example]) -> list[int]:
    """For each row the next one with another prompt, going round; the next one where there is no
    other prompt. A good and a bad answer to one prompt often follow each other."""
    count = len(rows)
    found = [(number + 1) % count for number in range(count)]
    alike = [rows[n].messages[:-1] == rows[found[n]].messages[:-1] for n in range(count)]
    if not all(alike):
        for number in reversed(range(2 * count)):  # twice, since the last rows look at the first
            row = number % count
            if alike[row]:
                found[row] = found[(row + 1) % count]
    return found


def identical(max_length: int) -> DatasetError:
    """Why two answers that are the same teach nothing."""
    return DatasetError(
        f"The chosen and the rejected answer are the same in their first {max_length:,} tokens.",
        hint="Make them differ, or leave the row out.",
        code="identical_answers",
    )


def with_answer(
    row: Example, answer: Sequence[Message], prompt: Sequence[Message] | None = None
) -> Example:
    """The prompt and this answer as one conversation, of which only the answer is learnt."""
    before = row.messages if prompt is None else tuple(prompt)
    spoken = frozenset(n for n, message in enumerate(before) if message.role == "assistant")
    return Example(row.place, (*before, *answer), tools=row.tools, unlearned=spoken)


@dataclass(frozen=True, slots=True)
class ComparisonBatch:
    """Some rows for one step's forward.

    batch: the documents that gradients flow through; of preferences all, in pairs. mismatched:
    KTO's others, [1, T'] tokens. reference: log-probabilities of both under the base, in the order
    of the rows, [rows, 2]. desirable: [rows] bool, all true for preferences.
    """

    batch: Batch
    mismatched: Batch | None
    reference: Tensor
    desirable: Tensor

    @property
    def positions(self) -> int:
        """Tokens read, those without a gradient too."""
        return self.batch.positions + (self.mismatched.positions if self.mismatched else 0)

    @property
    def trained(self) -> int:
        """Tokens the loss is taken over."""
        return self.batch.trained

    def to(self, device: torch.device) -> ComparisonBatch:
        """The same on another device."""
        return ComparisonBatch(
            self.batch.to(device),
            self.mismatched.to(device) if self.mismatched else None,
            self.reference.to(device),
            self.desirable.to(device),
        )


class ComparisonBatches:
    """A `BatchSource` of comparisons whose reference is known.

    chosen: the rows of each batch, as `pack_epochs` lays out `comparisons.lengths`.
    """

    def __init__(self, comparisons: Comparisons, chosen: list[NDArray[np.int64]]) -> None:
        self.comparisons = comparisons
        self.chosen = chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, number: int) -> ComparisonBatch:
        """Batch `number`, counted from 0. Raises IndexError past the last."""
        rows, source = self.chosen[number], self.comparisons
        first = [source.documents.document(2 * row) for row in rows]
        second = [source.documents.document(2 * row + 1) for row in rows]
        known = source.reference
        if known is None:
            raise ValueError("the reference is to be computed before training")
        reference = torch.from_numpy(known.reshape(-1, 2)[rows])  # [rows, 2]
        if source.desirable is None:
            pairs = [one for pair in zip(first, second, strict=True) for one in pair]
            everything = torch.ones(len(rows), dtype=torch.bool)
            return ComparisonBatch(make_batch(pairs), None, reference, everything)
        labels = torch.from_numpy(source.desirable[rows])
        return ComparisonBatch(make_batch(first), make_batch(second), reference, labels)
