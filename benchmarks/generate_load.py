"""What every side of `generate.py` is asked to do, and what it hands back. Standard library only,
so that a peer's Python can import it."""

from __future__ import annotations

import random
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Load:
    """What is measured. All but streams and vocab_size in tokens.

    prompt, answer: one request alone. reply_prompt, reply: a whole reply. streams: how many
    requests are given at once, each in its turn, of stream_prompt and stream_answer.
    """

    vocab_size: int
    prompt: int = 512
    answer: int = 33
    reply_prompt: int = 64
    reply: int = 40
    streams: tuple[int, ...] = (16, 64)
    stream_prompt: int = 128
    stream_answer: int = 32

    def prompts(self, turn: int, count: int, length: int) -> list[list[int]]:
        """The same random ids on all sides, new ones each turn: nobody's cache knows them."""
        source = random.Random(f"{turn} {count} {length}")
        return [
            [source.randrange(3, self.vocab_size - 1) for _ in range(length)] for _ in range(count)
        ]


@dataclass(frozen=True)
class Run:
    """One measured generation. times: seconds from the start to each moment at which new tokens
    came. counts: how many requests got one then. ids: the first answer."""

    times: list[float]
    counts: list[int]
    ids: list[int]

    def rate(self, streams: int) -> float:
        """Tokens a second over the moments that brought a token to every stream."""
        full = [at for at, count in zip(self.times, self.counts, strict=True) if count == streams]
        if len(full) < 2:
            return 0.0
        return streams * (len(full) - 1) / (full[-1] - full[0])


Generate = Callable[[list[list[int]], int], Run]


def peak_megabytes() -> float:
    """The largest resident size of this process. Its `ru_maxrss` would begin with its parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
