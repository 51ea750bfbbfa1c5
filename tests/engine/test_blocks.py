"""Which blocks a sequence gets, and what of the unused ones is given up."""

from __future__ import annotations

from miniclaude.engine.blocks import BlockPool


def filled(pool: BlockPool, text: str, *, extra: int = 0) -> list[int]:
    """Blocks of a finished text, a letter a key, and `extra` that were reserved but never used."""
    blocks = pool.reserve([], len(text) + extra).blocks
    for block, letter in zip(blocks, text, strict=False):
        pool.publish(block, letter.encode())
    pool.give(blocks)
    return blocks[: len(text)]


def found(pool: BlockPool, text: str) -> list[int]:
    return pool.find(letter.encode() for letter in text)


def test_blocks_are_neighbours_where_possible_and_scattered_where_not() -> None:
    pool = BlockPool(8)
    assert pool.reserve([], 2).blocks == [0, 1]
    second, third = pool.reserve([], 2).blocks, pool.reserve([], 2).blocks
    assert (second, third) == ([2, 3], [4, 5])
    pool.give([0, 1])
    assert pool.reserve([], 1).blocks == [0]
    pool.give([4, 5])
    assert pool.reserve([], 4).blocks == [4, 5, 6, 7]
    pool.give([5, 7])
    assert pool.reserve([], 3).blocks == [1, 5, 7]


def test_a_text_is_gone_on_with_in_place() -> None:
    """What was reserved behind it is free again: nothing is copied, and all are neighbours."""
    pool = BlockPool(10, keep=10)
    filled(pool, "abc", extra=1)
    assert pool.reserve(found(pool, "abcd"), 6) == ([0, 1, 2, 3, 4, 5], [])
    pool.check([[0, 1, 2, 3, 4, 5]])


def test_a_text_with_a_neighbour_behind_it_is_copied_and_found_at_its_new_place() -> None:
    pool = BlockPool(12, keep=12)
    filled(pool, "abc")
    other = pool.reserve([], 2).blocks
    assert other == [3, 4]
    assert pool.reserve(found(pool, "abc"), 5) == ([5, 6, 7, 8, 9], [0, 1, 2])
    assert found(pool, "abc") == [5, 6, 7]
    assert {0, 1, 2} <= pool.free, "two copies are kept"
    pool.check([other, [5, 6, 7, 8, 9]])


def test_a_text_in_use_is_copied_and_stays_where_it_is() -> None:
    pool = BlockPool(12, keep=12)
    filled(pool, "abc")
    first = pool.reserve(found(pool, "abc"), 5).blocks
    assert pool.reserve(found(pool, "abc"), 5) == ([5, 6, 7, 8, 9], [0, 1, 2])
    assert found(pool, "abc") == first[:3] == [0, 1, 2]
    pool.give([5, 6, 7, 8, 9])
    pool.check([first])
    assert pool.free == set(range(5, 12))


def test_a_beginning_that_lies_scattered_has_no_neighbour_behind_it() -> None:
    """Of [5, 6, 2, 8] the ends are as far apart as four neighbours' ends: what follows it must not
    be 9, which would make the whole look like one run."""
    pool = BlockPool(14, keep=14)
    pool.reserve([], 14)
    for block, letter in zip((5, 6, 2, 8), "abcd", strict=True):
        pool.publish(block, letter.encode())
    pool.give([5, 6, 2, 8])
    pool.give([9, 10, 11, 12, 13])
    reserved = pool.reserve(found(pool, "abcd"), 5)
    assert reserved == ([9, 10, 11, 12, 13], [5, 6, 2, 8])
    pool.check([[0, 1, 3, 4, 7], reserved.blocks])


def test_without_room_for_a_copy_a_text_is_shared() -> None:
    """Two answers read the same blocks, and what the first leaves the second still has."""
    pool = BlockPool(8, keep=8)
    filled(pool, "abc")
    first = pool.reserve(found(pool, "abc"), 5).blocks
    assert pool.taken([], 4) > pool.available
    assert pool.taken(found(pool, "abc"), 5) <= pool.available
    second = pool.reserve(found(pool, "abc"), 5)
    assert (second.blocks, second.source) == ([0, 1, 2, 5, 6], [])
    pool.check([first, second.blocks])
    pool.give(first)
    pool.check([second.blocks])
    assert pool.free == {3, 4, 7}


def test_room_for_the_other_choices_is_not_spent_on_a_copy() -> None:
    """Otherwise a request that fits only because it shares gets too few blocks."""
    pool = BlockPool(10, keep=10)
    filled(pool, "ab")
    pool.reserve(found(pool, "ab"), 3)
    assert pool.taken(found(pool, "ab"), 8) <= pool.available
    assert pool.reserve(found(pool, "ab"), 4, spare=4).blocks == [0, 1, 3, 4]
    assert pool.reserve([], 4).blocks == [5, 6, 7, 8]


def test_free_blocks_go_before_kept_ones() -> None:
    """A text is not given up, nor one behind another overwritten, while anything is free."""
    pool = BlockPool(12, keep=12)
    filled(pool, "abc")
    filled(pool, "xyz")
    assert pool.reserve(found(pool, "abc"), 5) == ([6, 7, 8, 9, 10], [0, 1, 2])
    assert found(pool, "xyz") == [3, 4, 5]


def test_the_longest_unused_text_is_given_up_first() -> None:
    pool = BlockPool(9, keep=9)
    filled(pool, "abc")
    filled(pool, "pqr")
    filled(pool, "xyz")
    pool.give(pool.reserve(found(pool, "ab"), 3).blocks)
    assert pool.reserve([], 3).blocks == [2, 3, 4]
    assert (found(pool, "ab"), found(pool, "pqr"), found(pool, "xyz")) == ([0, 1], [], [6, 7, 8])


def test_the_end_of_a_text_is_given_up_before_its_beginning() -> None:
    """What is left of a text is of use only from its first token on."""
    pool = BlockPool(6, keep=3)
    filled(pool, "abcde")
    assert found(pool, "abcde") == [0, 1, 2]
    assert pool.free == {3, 4, 5}
    pool.check([])


def test_nothing_is_kept_when_nothing_may_be() -> None:
    pool = BlockPool(6)
    filled(pool, "abc")
    assert found(pool, "abc") == []
    assert pool.free == set(range(6))


def test_the_same_text_computed_twice_is_kept_once() -> None:
    pool = BlockPool(6, keep=6)
    twins = [pool.reserve([], 2).blocks for _ in range(2)]
    for blocks in twins:
        for block, letter in zip(blocks, "ab", strict=True):
            pool.publish(block, letter.encode())
    pool.check(twins)
    for blocks in twins:
        pool.give(blocks)
    assert (list(pool.kept), pool.free) == ([1, 0], {2, 3, 4, 5})
