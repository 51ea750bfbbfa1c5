"""How many tokens of each prompt are read in a step: its budget, shared.

Groups of users get even parts, then the users of a group, so that nobody's short prompt waits for
all of another's long one. Among one user's own prompts even parts would make all of them late: the
oldest has half, so that it always goes on, and the rest goes to whichever is nearest to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LEAST_PIECE = 64
"""Tokens of a prompt below which its part is not cut: many small pieces cost more than few."""


class Prompt(NamedTuple):
    """owners: whose it is, the largest group first. left: tokens still to be read."""

    owners: tuple[str, ...]
    left: int


def share(budget: int, prompts: Sequence[Prompt], depth: int = 0) -> list[int]:
    """Tokens to read of each prompt now, at most `budget` together. prompts: those whose turn it is
    first, the older ones of one owner first. depth: how many of the owners they have in common."""
    if not prompts:
        return []
    if depth == len(prompts[0].owners):
        return own_pieces(budget, [prompt.left for prompt in prompts])
    members: dict[str, list[int]] = {}
    for number, prompt in enumerate(prompts):
        members.setdefault(prompt.owners[depth], []).append(number)
    lefts = [sum(prompts[n].left for n in numbers) for numbers in members.values()]
    counts = [0] * len(prompts)
    for numbers, part in zip(members.values(), even_parts(budget, lefts), strict=True):
        pieces = share(part, [prompts[n] for n in numbers], depth + 1)
        for number, piece in zip(numbers, pieces, strict=True):
            counts[number] = piece
    return counts


def even_parts(budget: int, lefts: Sequence[int]) -> list[int]:
    """Even parts of at least a piece for as many as there are pieces, the first ones first; what
    one does not need goes to the others."""
    parts = [0] * len(lefts)
    line = list(range(len(lefts)))
    while budget and line:
        count = max(1, budget // LEAST_PIECE)
        now, line = line[:count], line[count:]
        for done, number in enumerate(sorted(now, key=lefts.__getitem__)):
            parts[number] = min(lefts[number], budget // (len(now) - done))
            budget -= parts[number]
    return parts


def own_pieces(budget: int, lefts: Sequence[int]) -> list[int]:
    """Half for the first, or a piece if that is more; then those that have least left."""
    pieces = [0] * len(lefts)
    pieces[0] = min(lefts[0], max(budget // 2, LEAST_PIECE), budget)
    budget -= pieces[0]
    for number in sorted(range(len(lefts)), key=lambda n: lefts[n] - pieces[n]):
        more = min(lefts[number] - pieces[number], budget)
        pieces[number] += more
        budget -= more
    return pieces
