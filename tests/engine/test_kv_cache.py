"""Blocks, slots and what a step reads of them."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from miniclaude.engine.kv_cache import BlockCache, Span
from tests.engine.tiny import tiny_config

CONFIG = tiny_config("llama")  # 2 layers, 2 key/value heads of 8


def cache(blocks: int = 8) -> BlockCache:
    made = BlockCache(
        CONFIG, blocks=blocks, block_tokens=4, dtype=torch.float32, device=torch.device("cpu")
    )
    made.pool.zero_()
    return made


def numbered(count: int) -> Tensor:
    """Keys or values [1, count, 2, 8], each position its own number."""
    return torch.arange(1.0, count + 1)[None, :, None, None].expand(1, count, 2, 8)


def seen(keys: Tensor) -> list[float]:
    """The numbers of the positions in [1, 2, S, 8]."""
    assert torch.equal(keys, keys[:, :1, :, :1].expand_as(keys))
    return keys[0, 0, :, 0].tolist()


def test_neighbouring_blocks_are_read_without_copying() -> None:
    pool = cache()
    step = pool.step([Span([2, 3], 0, 6)])
    (segment,) = step.extend(1, numbered(6), numbered(6))
    assert seen(segment.keys) == [1, 2, 3, 4, 5, 6]
    storage = pool.pool.untyped_storage().data_ptr()
    assert segment.keys.untyped_storage().data_ptr() == storage
    assert segment.values.untyped_storage().data_ptr() == storage


def test_scattered_blocks_are_read_in_order() -> None:
    pool = cache()
    blocks = [0, 3, 6]
    pool.step([Span(blocks, 0, 6)]).extend(0, numbered(6), numbered(6))
    step = pool.step([Span(blocks, 6, 10)])
    (segment,) = step.extend(0, 6 + numbered(4), 6 + numbered(4))
    assert seen(segment.keys) == list(range(1, 11))
    assert segment.keys.untyped_storage().data_ptr() != pool.pool.untyped_storage().data_ptr()


def test_slots_are_those_of_each_block_in_turn() -> None:
    """Two ends as far apart as neighbours' do not make neighbours: blocks between them that are
    somebody else's were read instead of the sequence's own."""
    assert isinstance(cache().slots([3, 4, 0, 1, 7], 0, 20), Tensor)
    pool = cache(8)
    for blocks in itertools.permutations(range(8), 4):
        for start, end in ((0, 16), (3, 13), (4, 12), (9, 10)):
            slots = pool.numbers(blocks, start, end)
            numbers = range(slots.start, slots.stop) if isinstance(slots, slice) else slots.tolist()
            assert list(numbers) == [blocks[at // 4] * 4 + at % 4 for at in range(start, end)]


def test_only_the_blocks_in_use_need_be_neighbours() -> None:
    """The rest of a reservation may lie anywhere while it is empty."""
    assert cache().slots([1, 2, 6], 0, 8) == slice(4, 12)
    assert isinstance(cache().slots([1, 2, 6], 0, 9), Tensor)
    assert cache().slots([0, 3, 4], 5, 12) == slice(13, 20)


def test_a_step_packs_sequences_without_mixing_them() -> None:
    pool = cache()
    pool.step([Span([0, 1], 0, 5)]).extend(0, numbered(5), numbered(5))
    step = pool.step([Span([0, 1], 5, 6), Span([4, 6], 0, 3)])
    positions, lengths = step.places(4)
    assert positions.tolist() == [[5, 0, 1, 2]]
    assert lengths.tolist() == [[6, 3, 3, 3]]
    first, second = step.extend(0, 10 * numbered(4), -numbered(4))
    assert (first.rows, second.rows) == (slice(0, 1), slice(1, 4))
    assert seen(first.keys) == [1, 2, 3, 4, 5, 10]
    assert seen(first.values) == [1, 2, 3, 4, 5, -1]
    assert seen(second.keys) == [20, 30, 40]


@pytest.mark.parametrize("target", [[4, 5], [1, 6]])
def test_copy_gives_a_sibling_the_prompt(target: list[int]) -> None:
    pool = cache()
    for layer in range(CONFIG.layers):
        pool.step([Span([2, 3], 0, 6)]).extend(layer, numbered(6), -numbered(6))
    pool.copy([2, 3], target, 6)
    for layer in range(CONFIG.layers):
        step = pool.step([Span(target, 6, 7)])
        (segment,) = step.extend(layer, 7 * numbered(1), 7 * numbered(1))
        assert seen(segment.keys) == [1, 2, 3, 4, 5, 6, 7]
        assert seen(segment.values) == [-1, -2, -3, -4, -5, -6, 7]
