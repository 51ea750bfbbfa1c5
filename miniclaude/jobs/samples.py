"""What a model in the making answers, checkpoint after checkpoint, to the same few questions.

A loss says that something is learnt; what it is, people read. The questions are held-out ones where
there are such, so that no answer was ever shown to the model.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from miniclaude.data.example import Place
from miniclaude.evaluation.held_out import Prompt
from miniclaude.evaluation.writing import write_with
from miniclaude.messages import text_message
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.tokenizer import Tokenizer

COUNT = 3
ANSWER_TOKENS = 48
SHARE = 0.05
SECONDS = 10.0
"""What answers may take: this share of the time since training began, and so many seconds in any
case. A checkpoint in between that comes when they are spent has none."""

QUESTIONS = (
    "Hello! Who are you?",
    "Why is the sky blue?",
    "What should I cook tonight?",
)
"""For rows that bring no question of their own."""

Sample = dict[str, str]


class Samples:
    """Answers by `model`, as it is whenever it is asked. prompts: held-out ones; of none, QUESTIONS
    are asked, if the tokenizer knows how a conversation is written."""

    def __init__(self, prompts: Sequence[Prompt], model: Transformer, tokenizer: Tokenizer) -> None:
        asked = tuple(prompts[:COUNT])
        if not asked and tokenizer.template is not None:
            asked = tuple(
                Prompt(Place("questions", number), (text_message("user", text),), "")
                for number, text in enumerate(QUESTIONS, start=1)
            )
        self._prompts = asked
        self._write = write_with(model, tokenizer, ANSWER_TOKENS)
        self._began = time.monotonic()
        self._spent = 0.0
        self._taken = False

    def take(self, *, last: bool = False) -> list[Sample]:
        """`{"prompt", "answer"}` for each question; empty while there is no time for it, which
        there always is for the first checkpoint and for the last, so that they can be compared."""
        now = time.monotonic()
        is_end = last or not self._taken
        has_time = self._spent <= max(SECONDS, SHARE * (now - self._began))
        if not self._prompts or not (is_end or has_time):
            return []
        self._taken = True
        answers = self._write(self._prompts)
        self._spent += time.monotonic() - now
        return [
            {"prompt": prompt.messages[-1].text, "answer": answer}
            for prompt, answer in zip(self._prompts, answers, strict=True)
        ]
