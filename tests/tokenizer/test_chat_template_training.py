"""Conversations to learn from: tools, answers that are not learnt, and many at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.errors import (
    ChatTemplateError,
    InvalidRequestError,
    MiniClaudeError,
)
from miniclaude.messages import Message, Tool, ToolCall, text_message
from miniclaude.tokenizer import chat_template
from miniclaude.tokenizer.chat_template import (
    TrainingExample,
    covered,
    encode_chat,
    encode_training_example,
    encode_training_examples,
)
from miniclaude.tokenizer.load import load_tokenizer
from tests.tokenizer.test_chat_template import (
    CHAT,
    NO_SYSTEM,
    QWEN_STYLE,
    TOOL,
    WITH_SYSTEM,
    trained_text,
    with_template,
)


@dataclass(frozen=True)
class Taught:
    """A conversation to learn from."""

    messages: Sequence[Message]
    tools: Sequence[Tool] = ()
    unlearned: frozenset[int] = frozenset()


def test_answers_of_weight_0_are_shown_and_not_learnt(
    chatml_folder: Path, gpt2_folder: Path
) -> None:
    """OpenAI's weight 0: the model reads the answer and is not taught it. The index is that of
    the message as given, also where the template folds a system message into the next."""
    messages = [*WITH_SYSTEM, text_message("assistant", "Rain.")]
    for tokenizer in (load_tokenizer(chatml_folder), with_template(chatml_folder, NO_SYSTEM)):
        whole = encode_training_example(tokenizer, messages)
        example = encode_training_example(tokenizer, messages, unlearned=frozenset({2}))
        assert example.ids == whole.ids
        assert trained_text(tokenizer, example) == ["Rain.<|im_end|>"]
    with pytest.raises(InvalidRequestError, match="have weight 0") as caught:
        encode_training_example(tokenizer, messages, unlearned=frozenset({2, 4}))
    assert caught.value.code == "no_trainable_token"


def test_tools_are_part_of_what_is_learnt_from(chatml_folder: Path) -> None:
    """Trained without the tools' text in front, a model would be asked in another form than it
    was taught in."""
    tokenizer = with_template(chatml_folder, QWEN_STYLE)
    call = Message("assistant", (), (ToolCall("c1", "weather", '{"city": "Bern"}'),))
    prompt = encode_chat(tokenizer, CHAT[:1], [TOOL])
    example = encode_training_example(tokenizer, [CHAT[0], call], [TOOL])
    assert example.ids[: len(prompt)] == prompt
    assert trained_text(tokenizer, example) == ['<call>weather{"city": "Bern"}</call><|im_end|>']


def test_many_at_once_equal_one_at_a_time(
    chatml_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batched form is the fast path, the single one the reference. A conversation that
    cannot be encoded takes its own place only."""
    monkeypatch.setattr(chat_template, "GROUP", 3)
    tokenizer = with_template(chatml_folder, QWEN_STYLE)
    answer = text_message("assistant", "Rain.")
    thought = text_message("assistant", "<think>hm</think>\n\nyes")
    taught = [
        Taught([*CHAT, answer]),
        Taught([CHAT[0], thought, CHAT[2], thought], (TOOL,)),
        Taught(CHAT[:1]),
        Taught([*WITH_SYSTEM, answer], unlearned=frozenset({2})),
        Taught([text_message("user", "\ud800"), answer]),
        Taught([]),
        Taught([answer, *CHAT, answer]),
    ]
    for one, result in zip(taught, encode_training_examples(tokenizer, taught), strict=True):
        if isinstance(result, MiniClaudeError):
            with pytest.raises(type(result), match=re.escape(str(result))):
                encode_training_example(tokenizer, one.messages, one.tools, one.unlearned)
            continue
        alone = encode_training_example(tokenizer, one.messages, one.tools, one.unlearned)
        assert result == alone


def test_one_endless_rendering_does_not_fail_its_neighbours(chatml_folder: Path) -> None:
    """Conversations share an exchange with the template's process; when that ends, each is tried
    alone."""
    source = (
        "{% for m in messages %}{% if m.content == 'hang' %}"
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
        "{% endif %}{{ m.content }}<|im_end|>{% endfor %}"
    )
    tokenizer = with_template(chatml_folder, source)
    good = Taught([text_message("user", "go"), text_message("assistant", "gone")])
    bad = Taught([text_message("user", "hang"), text_message("assistant", "up")])
    first, second, third = encode_training_examples(tokenizer, [good, bad, good])
    assert isinstance(second, ChatTemplateError)
    assert isinstance(first, TrainingExample)
    assert first == third


@given(st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)))
def test_the_mask_in_one_pass_equals_every_pair_compared(
    token_ends: list[int], span_ends: list[int]
) -> None:
    token_ends, span_ends = sorted(token_ends), sorted(span_ends)
    tokens = list(pairwise(token_ends))
    spans = list(zip(span_ends[::2], span_ends[1::2], strict=False))
    slow = [any(s < end and start < e for s, e in spans) for start, end in tokens]
    assert covered(tokens, spans) == slow
