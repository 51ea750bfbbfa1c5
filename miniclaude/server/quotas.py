"""How much each key may ask for: requests and tokens a minute, tokens a day.

Every allowance is a token bucket (Turner 1986): it refills steadily, so that a caller who waits a
little may ask a little. Counts live in memory and begin anew when the server does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from starlette.types import Scope

from miniclaude.errors import RateLimitError
from miniclaude.settings import KeyLimits

MINUTE, DAY = 60.0, 86_400.0
KEY = "mini_claude.caller"
OWNER = "owner"

Clock = Callable[[], float]


class Allowance:
    """At most `limit` of something in `seconds`, refilled steadily. `left` may fall below 0, when
    something cost more than was foreseen."""

    def __init__(self, limit: int, seconds: float, clock: Clock) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._left = float(limit)
        self._seen = clock()

    @property
    def left(self) -> float:
        """What may be taken now."""
        now = self._clock()
        refill = (now - self._seen) * self.limit / self.seconds
        self._left, self._seen = min(self.limit, self._left + refill), now
        return self._left

    def take(self, count: float) -> None:
        """Take it, whether there is enough or not."""
        self._left = self.left - count

    def wait(self, count: float) -> float:
        """Seconds until `count` may be taken; 0: now."""
        return max(0.0, (count - self.left) * self.seconds / self.limit)

    def reset(self) -> float:
        """Seconds until it is full again."""
        return self.wait(self.limit)


@dataclass(slots=True)
class Quota:
    """What is left to one caller; None is without limit."""

    requests: Allowance | None = None
    tokens: Allowance | None = None
    day: Allowance | None = None

    @classmethod
    def of(cls, limits: KeyLimits, clock: Clock = time.monotonic) -> Quota:
        """A fresh one."""

        def allowance(limit: int | None, seconds: float) -> Allowance | None:
            return None if limit is None else Allowance(limit, seconds, clock)

        return cls(
            allowance(limits.requests_per_minute, MINUTE),
            allowance(limits.tokens_per_minute, MINUTE),
            allowance(limits.tokens_per_day, DAY),
        )

    def take_request(self) -> None:
        """Count one request. Raises RateLimitError when there is none left."""
        if self.requests is None:
            return
        if wait := self.requests.wait(1):
            raise RateLimitError(
                f"This key may send {self.requests.limit} requests a minute, and has sent them.",
                hint=f"Try again in {math.ceil(wait)} s, or raise requests_per_minute.",
                retry_after=math.ceil(wait),
            )
        self.requests.take(1)

    def reserve(self, tokens: int) -> Reservation:
        """Set aside what an answer may cost. Raises RateLimitError when there is not enough, and
        without a time to try again when there never will be."""
        for name, allowance in self._token_allowances():
            if tokens > allowance.limit:
                raise RateLimitError(
                    f"The request may cost {tokens} tokens; this key may use {allowance.limit} a"
                    f" {name}.",
                    hint=f"Ask for fewer tokens, or raise tokens_per_{name}.",
                    retry_after=None,
                )
        for name, allowance in self._token_allowances():
            if wait := allowance.wait(tokens):
                raise RateLimitError(
                    f"The request may cost {tokens} tokens; of the {allowance.limit} a {name} that"
                    f" this key may use {max(0, int(allowance.left))} are left.",
                    hint=f"Try again in {math.ceil(wait)} s, ask for fewer tokens, or raise"
                    f" tokens_per_{name}.",
                    retry_after=math.ceil(wait),
                )
        for _, allowance in self._token_allowances():
            allowance.take(tokens)
        return Reservation(self, tokens)

    def at_most(self, prompt: int, answer: int) -> int:
        """`answer`, or what this caller's limits leave for it beside a prompt: an answer whose
        length nobody has named, or only bounded, must not be refused for what it might have cost.
        """
        limits = [allowance.limit for _, allowance in self._token_allowances()]
        return max(0, min([answer, *(limit - prompt for limit in limits)]))

    def settle(self, reserved: int, used: int) -> None:
        """Give back what was not used, or take what was used beyond."""
        for _, allowance in self._token_allowances():
            allowance.take(used - reserved)

    def _token_allowances(self) -> Iterator[tuple[str, Allowance]]:
        if self.tokens is not None:
            yield "minute", self.tokens
        if self.day is not None:
            yield "day", self.day


@dataclass(slots=True)
class Reservation:
    """Tokens set aside for one answer."""

    quota: Quota
    tokens: int

    def settle(self, used: int) -> None:
        """What it cost in the end."""
        self.quota.settle(self.tokens, used)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. owner: may do everything; other keys may only ask models."""

    name: str = OWNER
    owner: bool = True
    quota: Quota = field(default_factory=Quota)


def caller_of(scope: Scope) -> Caller:
    """The caller of a request or socket, as `Access` found out."""
    found = scope.get(KEY)
    return found if isinstance(found, Caller) else Caller()
