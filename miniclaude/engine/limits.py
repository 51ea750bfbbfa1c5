"""How much the engine takes on at once. No torch here."""

from __future__ import annotations

from dataclasses import dataclass

from miniclaude.errors import SettingsError


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Bounds of one engine, all in tokens unless said otherwise.

    block_tokens: positions in one block of the key/value cache.
    step_tokens: most tokens computed in one step, prompts and answers together.
    kv_tokens: capacity of the key/value cache; None chooses by the memory that is free.
    max_running: most answers written at the same time (a count).
    max_queued_tokens: most tokens, prompts and answers asked for, that may wait for admission.
    max_wait_seconds: how long a request may wait for admission, in seconds.
    """

    block_tokens: int = 16
    step_tokens: int = 512
    kv_tokens: int | None = None
    max_running: int = 64
    max_queued_tokens: int = 262_144
    max_wait_seconds: int = 60

    def __post_init__(self) -> None:
        for name in ("block_tokens", "step_tokens", "kv_tokens", "max_running", "max_wait_seconds"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(
                    f"{name} is {value}.", hint="It must be a positive whole number.", param=name
                )
        if self.max_queued_tokens < 0:
            raise SettingsError(
                f"max_queued_tokens is {self.max_queued_tokens}.",
                hint="It must be 0 (nothing waits) or more.",
                param="max_queued_tokens",
            )
        if self.step_tokens < self.max_running:
            raise SettingsError(
                f"step_tokens is {self.step_tokens}, less than max_running, {self.max_running}.",
                hint="Every running answer needs one token a step: raise step_tokens.",
                param="step_tokens",
            )
