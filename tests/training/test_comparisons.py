"""Preference rows as tokens: only answers count, and rows that teach nothing are named."""

from __future__ import annotations

import pytest
import torch

from miniclaude.data.example import Example, Place
from miniclaude.errors import DatasetError
from miniclaude.messages import Message, text_message
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.comparisons import ComparisonBatches, next_prompts, tokenise_comparisons
from miniclaude.training.packing import pack_epochs
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(write_tiny_checkpoint(tmp_path_factory.mktemp("model")))


def conversation(*texts: str) -> tuple[Message, ...]:
    """Turns of the user and the assistant, in alternation."""
    roles = ("user", "assistant")
    return tuple(text_message(roles[n % 2], text) for n, text in enumerate(texts))  # type: ignore[arg-type]


def preference(line: int, prompt: str, better: str, worse: str) -> Example:
    return Example(
        Place("my.jsonl", line),
        conversation(prompt),
        chosen=(text_message("assistant", better),),
        rejected=(text_message("assistant", worse),),
    )


def rated(line: int, *texts: str, good: bool = True) -> Example:
    return Example(Place("my.jsonl", line), conversation(*texts), desirable=good)


def learnt(tokenizer: Tokenizer, data: object, index: int) -> str:
    ids, mask = data.documents.document(index)  # type: ignore[attr-defined]
    return tokenizer.decode(ids[mask].tolist(), skip_special=False)


def test_only_the_last_answer_counts(tokenizer: Tokenizer) -> None:
    """An earlier answer in the prompt is the same on both sides; to count it would dilute KTO's
    reward and shift its drift."""
    [data] = [
        tokenise_comparisons(
            [
                Example(
                    Place("my.jsonl", 1),
                    conversation("hello", "how are you", "the cat"),
                    chosen=(text_message("assistant", "sat"),),
                    rejected=(text_message("assistant", "mat"),),
                )
            ],
            tokenizer,
            200,
        )
    ]
    assert learnt(tokenizer, data, 0) == "sat<|im_end|>"
    assert learnt(tokenizer, data, 1) == "mat<|im_end|>"
    kto = tokenise_comparisons(
        [rated(1, "a", "first", "b", "second"), rated(2, "c", "third", good=False)], tokenizer, 200
    )
    answers = [learnt(tokenizer, kto, index) for index in range(4)]
    assert answers == [f"{text}<|im_end|>" for text in ("second", "third", "third", "second")]
    assert kto.desirable is not None
    assert kto.desirable.tolist() == [True, False]


def test_rows_that_teach_nothing_are_rejected_by_name(tokenizer: Tokenizer) -> None:
    """The pairs of the rows that stay must not be shifted by those that leave."""
    rows = [
        preference(1, "hello", "sat", "sat"),
        preference(2, "the cat " * 40, "sat", "mat"),
        preference(3, "hello", "sat on", "mat"),
    ]
    data = tokenise_comparisons(rows, tokenizer, 60)
    assert [(str(r.place), r.error) for r in data.rejected] == [
        ("my.jsonl, line 1", "identical_answers"),
        ("my.jsonl, line 2", "no_trainable_tokens"),
    ]
    assert data.rejected[0].cure == "Make them differ, or leave the row out."
    assert len(data) == 1
    assert learnt(tokenizer, data, 0) == "sat on<|im_end|>"


def test_answers_that_are_cut_are_counted_and_compared_as_cut(tokenizer: Tokenizer) -> None:
    long = "the cat sat on the mat " * 20
    data = tokenise_comparisons([preference(1, "hello", long, "mat")], tokenizer, 40)
    assert data.cut == 1
    assert data.documents.lengths.max() == 39
    with pytest.raises(DatasetError, match="are the same in their first 40 tokens"):
        tokenise_comparisons([preference(1, "hello", long, long + "!")], tokenizer, 40)


def test_the_mismatched_answer_was_given_to_another_prompt() -> None:
    """Of a good and a bad answer to each prompt in turn, the next row's is an answer to the same
    one: a likely answer, whose reward is no measure of how far the policy has drifted."""
    rows = [rated(n, prompt, f"answer {n}") for n, prompt in enumerate("aabbbca")]
    assert next_prompts(rows) == [2, 2, 5, 5, 5, 6, 2]
    assert next_prompts([rated(n, "a", f"answer {n}") for n in range(3)]) == [1, 2, 0]


def test_pairs_stay_together_in_every_batch(tokenizer: Tokenizer) -> None:
    rows = [preference(n, "hello " * n, "sat " * n, "mat") for n in range(1, 6)]
    data = tokenise_comparisons(rows, tokenizer, 200)
    data = data.with_reference(torch.arange(10, dtype=torch.float32).numpy())
    chosen = pack_epochs(data.lengths, size=90, epochs=2)
    batches = ComparisonBatches(data, chosen)
    assert sum(len(batches[n].reference) for n in range(len(batches))) == 10
    for number in range(len(batches)):
        batch = batches[number]
        assert len(batch.batch.lengths) == 2 * len(batch.reference)
        assert (batch.reference[:, 1] - batch.reference[:, 0] == 1).all()
        assert batch.positions == sum(batch.batch.lengths)
        assert batch.to(torch.device("cpu")).trained == int(batch.batch.learn.sum())


def test_rows_of_two_kinds_or_none_are_refused(tokenizer: Tokenizer) -> None:
    plain = Example(Place("my.jsonl", 2), conversation("hello", "sat"))
    with pytest.raises(DatasetError, match="holds conversations"):
        tokenise_comparisons([preference(1, "a", "b", "c"), plain], tokenizer, 60)
    with pytest.raises(DatasetError, match=r"my\.jsonl, line 1 holds preferences .* two datasets"):
        tokenise_comparisons([preference(1, "a", "b", "c"), rated(2, "a", "b")], tokenizer, 60)
    with pytest.raises(DatasetError, match="has no rows"):
        tokenise_comparisons([], tokenizer, 60)
    with pytest.raises(DatasetError, match="there is only one row"):
        tokenise_comparisons([rated(1, "a", "b")], tokenizer, 60)
