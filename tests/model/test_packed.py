"""Packed weights against their own definition, and the kernels against packed weights."""

from __future__ import annotations

import queue

import numpy as np
import pytest
import torch
from torch import Tensor

from miniclaude.errors import CheckpointError
from miniclaude.model.compile import compiled
from miniclaude.model.packed import GROUP, LANES, Bits, pack, to_int4
from miniclaude.model.packed_layers import PackedLinear, pack_model
from miniclaude.model.packed_product import multiply
from miniclaude.model.team import Team, claim, done, meet
from tests.model.models import GPT2, LLAMA, random_ids, random_model

BITS: tuple[Bits, ...] = (8, 4)
team = Team(2)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def error(found: Tensor, wanted: Tensor) -> float:
    """Length of the difference, as a share of what was wanted."""
    return float((found - wanted).norm() / wanted.norm())


def rounded_as_the_kernels_do(x: Tensor) -> Tensor:
    """Activations [T, C] after their rounding to int8, group by group."""
    groups = torch.nn.functional.pad(x, (0, -x.shape[1] % GROUP)).view(len(x), -1, GROUP)
    scale = groups.abs().amax(dim=2, keepdim=True) / 127
    rounded: Tensor = (groups / scale.clamp(min=1e-30)).round() * scale
    return rounded.flatten(1)[:, : x.shape[1]]


@pytest.mark.parametrize("shape", [(16, 64), (1, 1), (37, 130), (5000, 8)])
@pytest.mark.parametrize(("bits", "most"), [(8, 0.008), (4, 0.1)])
def test_a_normal_weight_comes_back_nearly_the_same(
    bits: Bits, most: float, shape: tuple[int, int]
) -> None:
    """Any number of rows and columns: the padding of tiles and groups must not show."""
    weight = normal(*shape)
    packed = pack(weight, bits)
    assert packed.unpack().shape == weight.shape
    assert error(packed.unpack(), weight) < most


@pytest.mark.parametrize("bits", BITS)
def test_some_rows_are_the_rows_of_the_whole(bits: Bits) -> None:
    """The embedding takes rows, the head is unpacked whole; with tied weights they are one."""
    packed = pack(normal(40, 70), bits)
    ids = torch.tensor([[3, 39], [0, 17]])
    assert torch.equal(packed.take(ids), packed.unpack()[ids])


def test_the_search_beats_the_plain_scale() -> None:
    """Dividing the largest weight by 8 is what the simplest format does."""
    weight = normal(64, 256)
    groups = weight.view(64, -1, GROUP)
    extreme = groups.gather(2, groups.abs().argmax(dim=2, keepdim=True))
    scale = (extreme / -8).bfloat16().float()
    plain = ((groups / scale).round().clamp(-8, 7) * scale).flatten(1)
    assert error(pack(weight, 4).unpack(), weight) < 0.95 * error(plain, weight)


def test_the_search_in_machine_code_finds_what_the_plain_one_finds() -> None:
    """But for a weight that lies halfway between two codes; then either is as good."""
    weight = normal(64, 256)
    weight[3] = 0
    found, wanted = pack(weight, 4), pack(weight, 4, search=to_int4)
    assert (found.scales == wanted.scales).float().mean() > 0.98
    assert error(found.unpack(), weight) == pytest.approx(error(wanted.unpack(), weight), rel=1e-4)


@pytest.mark.parametrize("bits", BITS)
def test_zeros_and_single_large_weights_survive(bits: Bits) -> None:
    """A scale of 0 must not divide; the largest weight of a group is kept whatever its sign."""
    weight = torch.zeros(32, 128)
    weight[3, 5], weight[4, 6], weight[4, 70] = 2.0, -3.0, 1e-3
    unpacked = pack(weight, bits).unpack()
    assert torch.equal(unpacked == 0, (weight == 0) | ((bits == 8) & (weight == 1e-3)))
    assert error(unpacked, weight) < 0.01


@pytest.mark.parametrize("bits", BITS)
def test_weights_that_are_no_numbers_are_refused(bits: Bits) -> None:
    weight = normal(40, 64)
    weight[39, 3] = torch.nan
    with pytest.raises(CheckpointError, match="not a finite number"):
        pack(weight, bits)
    model = random_model(LLAMA)
    with torch.no_grad():
        model.blocks[1].get_parameter("mlp.up.weight")[0, 0] = torch.inf
    with pytest.raises(CheckpointError, match=r"blocks\.1\.mlp\.up\.weight holds numbers"):
        pack_model(model, bits)


@pytest.mark.parametrize("tokens", [1, 2, 8, 9, 300])
@pytest.mark.parametrize("bits", BITS)
def test_the_kernels_compute_the_product(bits: Bits, tokens: int) -> None:
    """One token, a part of eight, more than a cache block; rows and columns that fill no tile."""
    packed = pack(normal(150, 200), bits)
    x = normal(tokens, 200, seed=1)
    wanted = rounded_as_the_kernels_do(x) @ packed.unpack().T
    assert error(multiply(team, x, packed), wanted) < 1e-4


def test_rounding_keeps_a_large_number_to_its_own_group() -> None:
    """With one scale a token, an outlier of 1,000 would leave nothing of the others."""
    x = torch.ones(1, 2 * GROUP)
    x[0, 0] = 1000
    weight = torch.ones(LANES, 2 * GROUP)
    weight[:, 0] = 0
    packed = pack(weight, 8)
    assert multiply(team, x, packed)[0, 0] == pytest.approx(GROUP, rel=0.01)


def test_nan_does_not_come_out_as_a_number() -> None:
    """A broken model must be seen to be broken: the engine ends an answer whose scores are NaN."""
    x = torch.ones(1, GROUP)
    x[0, 3] = torch.nan
    assert not multiply(team, x, pack(torch.ones(LANES, GROUP), 8)).isfinite().any()


@pytest.mark.parametrize("config", [GPT2, LLAMA])
def test_a_packed_model_is_the_same_model(config: object) -> None:
    """The plain path: layers replaced, forward pass untouched, a tied head packed once."""
    model, plain = random_model(config), random_model(config)  # type: ignore[arg-type]
    pack_model(model, 8)
    assert isinstance(model.head, PackedLinear)
    assert (model.head.weight is model.tokens.weight) == model.config.tied_head
    ids = random_ids(2, 9)
    with torch.inference_mode():
        assert error(model(ids), plain(ids)) < 0.05


@compiled
def count_up(phase: int, thread: int, threads: int, totals: np.ndarray) -> None:
    """Ten phases; in each, every one of a hundred pieces adds what the phase before left."""
    for row in range(10):
        while True:
            piece = claim(phase, 7)
            if piece >= 100:
                break
            last = min(piece + 7, 100)
            for p in range(piece, last):
                totals[row + 1, p] += totals[row, 99 - p] + 1
            done(phase, last - piece)
        phase = meet(phase, 100)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_piece_is_done_twice_and_no_phase_begins_early(size: int) -> None:
    team = Team(size)
    for _ in range(50):
        totals = np.zeros((11, 100), np.int64)
        team.run(10, count_up, totals)
        assert (totals == np.arange(11)[:, None]).all()


def test_a_thread_that_never_comes_holds_nobody_up() -> None:
    """On a busy machine a member may sleep for many milliseconds; the others do its share."""
    short = Team(1)
    short.size = 2
    short.inboxes.append(queue.SimpleQueue())
    totals = np.zeros((11, 100), np.int64)
    short.run(10, count_up, totals)
    assert (totals[10] == 10).all()
