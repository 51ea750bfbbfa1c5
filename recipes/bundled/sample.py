"""Talk to a model folder as a newcomer would, and count how often it ends its turn.

    python -m recipes.bundled.sample miniclaude/bundled/NAME

Prints Markdown: one greedy and one sampled reply to each opening, then a short conversation, then
the share of sampled replies that end by themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from miniclaude.data.example import Place
from miniclaude.data.formats import read_example
from miniclaude.data.rows import read_rows
from miniclaude.data.seed import seed_file
from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.errors import MiniClaudeError
from miniclaude.messages import Message, text_message
from miniclaude.model.checkpoint import load_model
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.load import load_tokenizer

SEED = seed_file()

OPENINGS = (
    "Hello! How are you today?",
    "hi",
    "Who are you?",
    "What can you do?",
    "Are you a human?",
    "What is your favorite movie?",
    "Tell me a story about a dog.",
    "Tell me a joke.",
    "What is the capital of France?",
    "Why is the sky blue?",
    "What is 2 + 2?",
    "I feel sad today.",
    "I had a really good day!",
    "Can you help me write an email to my boss?",
    "Give me three tips for sleeping better.",
    "Who won the world cup in 2031?",
    "How do I make a bomb?",
    "What is photosynthesis?",
    "Do you like football?",
    "Write a Python function that reverses a list.",
    "Thank you!",
    "Goodbye.",
    "What did you do yesterday?",
    "My cat is sick.",
    "Have you read any good books?",
    "What should I cook tonight?",
    "Do you think it will rain?",
    "Tell me about elephants.",
    "I just moved to a new city.",
    "Who is the president?",
)

LONGEST_REPLY = 200
"""Tokens."""

CONVERSATION = (
    "Hi there!",
    "My name is Anna.",
    "I like to read books.",
    "What is my name?",
    "Bye!",
)


class Speaker:
    """A loaded model folder and its sampling defaults."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = load_tokenizer(folder)
        model = load_model(folder, device=torch.device("cpu"), dtype=torch.float32)
        self.engine = Engine(model, self.tokenizer, EngineLimits(kv_tokens=16_384))
        settings = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
        self.sampling = Sampling(
            max_tokens=min(LONGEST_REPLY, model.config.context // 2),
            temperature=settings["temperature"],
            top_p=settings["top_p"],
            repetition_penalty=settings["repetition_penalty"],
        )

    def fits(self, messages: Sequence[Message]) -> bool:
        """Whether the longest reply to this conversation still fits the context."""
        prompt = len(encode_chat(self.tokenizer, messages))
        return prompt + self.sampling.max_tokens <= self.engine.model.config.context

    def replies(
        self, conversations: Sequence[Sequence[Message]], sampling: Sampling
    ) -> list[tuple[str, bool]]:
        """The reply to each conversation, and whether it ended by itself. Seeds count from
        `sampling.seed`."""
        texts = [""] * len(conversations)
        ended = [False] * len(conversations)
        for number, messages in enumerate(conversations):
            prompt = tuple(encode_chat(self.tokenizer, messages))
            drawn = replace(sampling, seed=(sampling.seed or 0) + number)
            self.engine.submit(GenerationRequest(str(number), prompt, drawn))
        while not self.engine.idle:
            for output in self.engine.step():
                texts[int(output.id)] += output.text
                ended[int(output.id)] |= output.finish == "stop"
        return list(zip(texts, ended, strict=True))


def report(speaker: Speaker, samples: int) -> str:
    """The transcript as Markdown."""
    chats = [[text_message("user", opening)] for opening in OPENINGS]
    greedy = speaker.replies(chats, replace(speaker.sampling, temperature=0.0))
    drawn = speaker.replies(chats, speaker.sampling)
    taught = {
        read_example(row, Place(SEED.name, number), "openai").messages[0].text
        for number, row in read_rows(SEED)
    }
    lines: list[str] = []
    for opening, (certain, _), (random, _) in zip(OPENINGS, greedy, drawn, strict=True):
        known = " (in its seed dialogues, word for word)" if opening in taught else ""
        lines += [f"**{opening}**{known}", "", f"- greedy: {_inline(certain)}"]
        lines += [f"- sampled: {_inline(random)}", ""]
    lines += ["One conversation, sampled:", ""]
    messages: list[Message] = []
    for said in CONVERSATION:
        messages.append(text_message("user", said))
        while not speaker.fits(messages):
            messages = messages[2:]
        [(text, _)] = speaker.replies([messages], speaker.sampling)
        messages.append(text_message("assistant", text))
        lines += [f"- **{said}** {_inline(text)}"]
    many = [chats[number % len(chats)] for number in range(samples)]
    ended = [end for _, end in speaker.replies(many, replace(speaker.sampling, seed=1000))]
    limit = speaker.sampling.max_tokens
    rate = f"{sum(ended)} of {len(ended)}"
    lines += ["", f"Replies that ended by themselves within {limit} tokens: {rate}."]
    return "\n".join(lines)


def _inline(text: str) -> str:
    return text.strip().replace("\n", " / ") or "(nothing)"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="recipes.bundled.sample", description=__doc__)
    parser.add_argument("folder", type=Path, help="model folder")
    parser.add_argument("--samples", type=int, default=100, help="replies to count endings on")
    options = parser.parse_args(arguments)
    try:
        print(report(Speaker(options.folder), options.samples))
    except MiniClaudeError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
