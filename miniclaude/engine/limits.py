"""How much the engine takes on at once. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from miniclaude.errors import SettingsError

POSITIVE = (
    "block_tokens",
    "step_tokens",
    "kv_tokens",
    "max_running",
    "callers",
    "max_adapters",
    "adapter_bytes",
    "max_wait_seconds",
)

MAY_BE_NONE = {"max_queued_tokens": "nothing waits", "prefix_tokens": "off", "draft_tokens": "off"}


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Bounds of one engine, all in tokens unless said otherwise.

    block_tokens: positions in one block of the key/value cache.
    step_tokens: most tokens computed in one step, prompts and answers together.
    kv_tokens: capacity of the key/value cache; None chooses by the memory that is free.
    kv_dtype: how keys and values are kept: `auto` is as the model computes, bfloat16 beside packed
    weights; `int8` takes half of that, with a scale for each head of each token.
    prefix_tokens: how much of that may hold texts that nobody is using now, for the next turn of
    their conversation; 0 computes every prompt from its beginning; None chooses.
    draft_tokens: most tokens of an answer that are guessed at once from what stands before, where
    that pays; 0 never guesses. It changes how fast an answer comes, not the answer.
    max_running: most answers written at the same time (a count).
    callers: how many may be told apart, by their keys (a count). Where there are two or more, an
    eighth of `max_running` and of the cache is kept for who has few or nothing running.
    max_adapters, adapter_bytes: how many adapters may be in memory beside the model, and how large
    they may be together, in bytes.
    max_queued_tokens: most tokens, prompts and answers asked for, that may wait for admission;
    beyond it only a user that has less than its even part of that may add to it.
    max_wait_seconds: how long a request may wait for what it needs (its grammar, its adapter) and
    for admission, in seconds.
    """

    block_tokens: int = 16
    step_tokens: int = 512
    kv_tokens: int | None = None
    kv_dtype: Literal["auto", "int8"] = "auto"
    prefix_tokens: int | None = None
    draft_tokens: int = 4
    max_running: int = 64
    callers: int = 1
    max_adapters: int = 16
    adapter_bytes: int = 1 << 30
    max_queued_tokens: int = 262_144
    max_wait_seconds: int = 60

    def __post_init__(self) -> None:
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(
                    f"{name} is {value}.", hint="It must be a positive whole number.", param=name
                )
        for name, none in MAY_BE_NONE.items():
            value = getattr(self, name)
            if value is not None and value < 0:
                raise SettingsError(
                    f"{name} is {value}.", hint=f"It must be 0 ({none}) or more.", param=name
                )
        if self.step_tokens < self.max_running:
            raise SettingsError(
                f"step_tokens is {self.step_tokens}, less than max_running, {self.max_running}.",
                hint="Every running answer needs one token a step: raise step_tokens.",
                param="step_tokens",
            )
