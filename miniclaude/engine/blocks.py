"""Blocks of the key/value cache: who uses them, and which are worth keeping. No torch.

A block is in use (by one answer or, holding a text they have in common, by several), or *kept*
(nobody uses it, but it holds a text that may be asked for again) or free. Kept blocks are given up,
the longest unused first, whenever somebody needs room, so they count as available.

A sequence whose blocks are neighbours is read without copying. A cached text is therefore gone on
with in place where the blocks behind it are to be had; else it is copied into a run of neighbours,
once, which costs a hundredth of computing it again; and only when there is no such run it stays
where it is, shared, with the rest anywhere.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Reserved(NamedTuple):
    """blocks: a sequence's, in order. source: the blocks whose content must be copied into the
    first of them before anything is computed; empty when there is nothing to copy."""

    blocks: list[int]
    source: list[int]


def are_neighbours(blocks: Sequence[int]) -> bool:
    """Whether each block follows the one before it. The two ends alone do not tell: a shared
    beginning may lie anywhere, and `[25, 26, 1, 2, 29]` has five blocks from 25 to 29."""
    return list(blocks) == list(range(blocks[0], blocks[0] + len(blocks)))


class BlockPool:
    """Hands out blocks by number, 0 to `count` - 1. keep: most blocks kept that nobody uses."""

    def __init__(self, count: int, keep: int = 0) -> None:
        self.count = count
        self.keep = keep
        self.free = set(range(count))
        self.users: Counter[int] = Counter()
        self.kept: dict[int, int] = {}  # block -> when it was last used; the first is the oldest
        self.key_of: dict[int, bytes] = {}
        self.block_of: dict[bytes, int] = {}
        self.clock = 0

    @property
    def available(self) -> int:
        """Blocks that nobody uses."""
        return len(self.free) + len(self.kept)

    def find(self, keys: Iterable[bytes]) -> list[int]:
        """The blocks of the longest known beginning of a text, by the keys of its blocks."""
        found = []
        for key in keys:
            block = self.block_of.get(key)
            if block is None:
                break
            found.append(block)
        return found

    def taken(self, prefix: Iterable[int], count: int) -> int:
        """How many of those available would be gone with `count` blocks of which the first are
        `prefix`."""
        return count - sum(block in self.users for block in prefix)

    def reserve(self, prefix: Sequence[int], count: int, spare: int = 0) -> Reserved:
        """`count` blocks that begin with the content of `prefix`, which `find` gave and which is
        shorter. There must be room for them and for `spare` others: see `taken`."""
        self._hold(prefix)
        more = count - len(prefix)
        behind = self._behind(prefix, more)
        if behind is not None and self.free.issuperset(behind):
            return Reserved([*prefix, *self._claim(behind)], [])
        run = behind
        if count + spare <= self.available:
            run = self._free_run(count) or self._oldest_run(count, behind)
        if run is None or run is behind:
            return Reserved([*prefix, *self._claim(run or self._anywhere(more))], [])
        blocks = self._claim(run)
        self._move(prefix, blocks)
        return Reserved(blocks, list(prefix))

    def publish(self, block: int, key: bytes) -> None:
        """A block in use is full and computed: whoever needs the same text may use it too. The
        first block of a key stays the one that is found."""
        if self.keep and key not in self.block_of and block not in self.key_of:
            self.block_of[key] = block
            self.key_of[block] = key

    def give(self, blocks: Sequence[int]) -> None:
        """Return blocks that were reserved. Those that hold a known text are kept, the text's end
        to be given up before its beginning, without which it is of no use."""
        for block in reversed(blocks):
            self.users[block] -= 1
            if self.users[block]:
                continue
            del self.users[block]
            if block in self.key_of:
                self.clock += 1
                self.kept[block] = self.clock
            else:
                self.free.add(block)
        while len(self.kept) > self.keep:
            self._forget(next(iter(self.kept)))

    def _hold(self, blocks: Iterable[int]) -> None:
        for block in blocks:
            self.kept.pop(block, None)
            self.users[block] += 1

    def _claim(self, blocks: Sequence[int]) -> list[int]:
        """Make blocks that nobody uses somebody's, and what they held forgotten."""
        for block in blocks:
            if block in self.kept:
                self._forget(block)
        self.free.difference_update(blocks)
        self.users.update(blocks)
        return list(blocks)

    def _forget(self, block: int) -> None:
        """A kept block becomes free."""
        del self.kept[block]
        del self.block_of[self.key_of.pop(block)]
        self.free.add(block)

    def _move(self, prefix: Sequence[int], blocks: Sequence[int]) -> None:
        """Let go of `prefix`, copied to `blocks`; where nobody else uses the old block, the new one
        is found from now on and the old one is free."""
        for old, new in zip(prefix, blocks, strict=False):
            if self.users[old] == 1:
                key = self.key_of.pop(old)
                self.key_of[new], self.block_of[key] = key, new
        self.give(prefix)

    def _behind(self, prefix: Sequence[int], more: int) -> list[int] | None:
        """The `more` neighbours behind a prefix of neighbours, if nobody uses them."""
        if not prefix or not are_neighbours(prefix):
            return None
        wanted = list(range(prefix[-1] + 1, prefix[-1] + 1 + more))
        return wanted if all(b in self.free or b in self.kept for b in wanted) else None

    def _free_run(self, count: int) -> list[int] | None:
        """The first `count` neighbours that are free."""
        start, previous = -1, -2
        for block in sorted(self.free):
            if block != previous + 1:
                start = block
            if block - start == count - 1:
                return list(range(start, block + 1))
            previous = block
        return None

    def _oldest_run(self, count: int, behind: list[int] | None) -> list[int] | None:
        """The `count` neighbours, in use by nobody, whose most recently used was used longest ago;
        `behind` itself when that is as good, for nothing need be copied then."""
        best, best_age = behind, max((self.kept.get(b, 0) for b in behind or ()), default=0)
        latest: deque[tuple[int, int]] = (
            deque()
        )  # (block, its use), uses falling: a sliding maximum
        run = 0
        for block in range(self.count):
            if block in self.users:
                latest.clear()
                run = 0
                continue
            run += 1
            use = self.kept.get(block, 0)
            while latest and latest[-1][1] <= use:
                latest.pop()
            latest.append((block, use))
            if run < count:
                continue
            if latest[0][0] <= block - count:
                latest.popleft()
            age = latest[0][1]
            if best is None or age < best_age:
                best, best_age = list(range(block - count + 1, block + 1)), age
        return best

    def _anywhere(self, count: int) -> list[int]:
        """The lowest free blocks, then those unused for longest."""
        chosen = sorted(self.free)[:count]
        return sorted([*chosen, *list(self.kept)[: count - len(chosen)]])

    def check(self, sequences: Iterable[Sequence[int]]) -> None:
        """Raise AssertionError unless `sequences` are just what is in use, every block is in one
        state, and keys and blocks agree."""
        if Counter(block for blocks in sequences for block in blocks) != self.users:
            raise AssertionError("a block's users are not those who hold it")
        if sorted([*self.users, *self.kept, *self.free]) != list(range(self.count)):
            raise AssertionError("a block is lost, or in two states")
        if len(self.kept) > self.keep:
            raise AssertionError("more blocks are kept than may be")
        if {block: key for key, block in self.block_of.items()} != self.key_of:
            raise AssertionError("keys and blocks do not agree")
        if not self.key_of.keys() >= self.kept.keys() or self.key_of.keys() & self.free:
            raise AssertionError("a block is kept without a text, or free with one")
