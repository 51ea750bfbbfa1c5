"""What waits for admission, as the engine tells it to the server: who need not even be tokenised.
No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from miniclaude.errors import OverloadedError


def called(user: str) -> str:
    """A user in few characters: names are the callers' own texts, and are told at every step."""
    return blake2b(user.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Queued:
    """The queue at one moment. tokens: how many wait. most: how many may. rooms: for each user that
    has requests waiting, by `called`, how many tokens one more of its may have. Nobody else is in
    it: a request of theirs may be admitted at once. cancelled: how many requests the engine had
    been told to forget by then; whoever has told it of more since knows nothing of the queue."""

    tokens: int
    most: int
    rooms: dict[str, int]
    cancelled: int = 0

    def knows(self, user: str) -> bool:
        """Whether the user has requests waiting."""
        return called(user) in self.rooms

    def check(self, user: str, tokens: int) -> None:
        """Raises OverloadedError when one more request of so many tokens would be refused."""
        room = self.rooms.get(called(user))
        if room is not None and tokens > room:
            raise self.error()

    def error(self) -> OverloadedError:
        """What a request is told for which there is no room."""
        return OverloadedError(
            f"The queue is full: {self.tokens} tokens are waiting, and {self.most} may.",
            hint="Try again in a few seconds.",
            retry_after=5,
        )
