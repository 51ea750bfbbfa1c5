"""Adapters' products over packed weights against the equation."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from miniclaude.model.fused_lora import Lora, expand, shrink
from miniclaude.model.lora_batch import Layers, Part, Run, reference_add
from miniclaude.model.lora_packed import PackedAdapters, pack_adapter
from tests.model.test_packed import error

INPUTS, OUTPUTS, BLOCKS = 37, 70, 3
LAYER, PRODUCT = "blocks.1.mlp.up", 6

RANGES = {
    "whole": [(0, 70)],
    "halves": [(0, 32), (32, 70)],
    "odd": [(0, 21), (21, 40), (40, 70)],
    "some": [(33, 50)],
}

Counts = list[tuple[int, str]]
COUNTS: dict[str, Counts] = {
    "one": [(1, "a")],
    "answers": [(1, "a"), (1, "b"), (1, ""), (1, "a"), (1, "c"), (1, "other")],
    "prompts": [(9, "a"), (2, ""), (7, "b"), (1, "c")],
}


def adapter(seed: int, where: str, *ranks: int, layer: str = LAYER) -> Layers:
    """One by chance, with a rank for each range of outputs; it changes one layer."""
    generator = torch.Generator().manual_seed(seed)

    def part(start: int, stop: int, r: int) -> Part:
        a = torch.randn(r, INPUTS, generator=generator)
        return Part(start, stop, a, torch.randn(stop - start, r, generator=generator))

    spans = zip(RANGES[where], ranks, strict=True)
    return {layer: tuple(part(start, stop, r) for (start, stop), r in spans)}


ADAPTERS = {
    "a": adapter(1, "odd", 1, 16, 5),
    "b": adapter(2, "whole", 33),
    "c": adapter(3, "some", 4),
    "other": adapter(4, "whole", 2, layer="blocks.0.mlp.up"),
}


def attached(adapters: dict[str, Layers]) -> PackedAdapters:
    """All of them on one model."""
    made = PackedAdapters(BLOCKS)
    for name, layers in adapters.items():
        made.attach(name, made.make(layers)[0])
    return made


def added(lora: Lora, x: Tensor, y: Tensor, pieces: list[tuple[int, int]]) -> Tensor:
    """What the phases do, a thread's claim of tokens after the other."""
    inputs, outputs = x.numpy().copy(), y.numpy().copy()
    for first, last in pieces:
        shrink(lora, PRODUCT, first, last, inputs)
    for first, last in pieces:
        expand(lora, PRODUCT, first, last, outputs)
    return torch.from_numpy(outputs)


def numbers(counts: Counts) -> tuple[Tensor, Tensor]:
    """Inputs with more columns than the product reads, and outputs with more than it writes."""
    tokens = sum(count for count, _ in counts)
    generator = torch.Generator().manual_seed(9)
    x = torch.randn(tokens, INPUTS + 3, generator=generator)
    x[:, INPUTS:] = torch.nan
    return x, torch.randn(tokens, OUTPUTS + 10, generator=generator)


def reference(x: Tensor, y: Tensor, counts: Counts, adapters: dict[str, Layers]) -> Tensor:
    """The equation, row by row."""
    runs, at = [], 0
    for count, name in counts:
        runs += [Run(at, at + count, name)] if name else []
        at += count
    parts = {name: layers.get(LAYER, ()) for name, layers in adapters.items()}
    return reference_add(x[:, :INPUTS], y, runs, parts)


@pytest.mark.parametrize("counts", COUNTS)
def test_it_is_the_equation_for_the_numbers_that_are_stored(counts: str) -> None:
    """Ranks of every size, outputs that are no whole tiles, and nothing behind or between them; an
    adapter that changes another layer changes nothing here."""
    given = COUNTS[counts]
    made = attached(ADAPTERS)
    stored = {name: each.unpack() for name, each in made.attached.items()}
    x, y = numbers(given)
    made.assign(given)
    found = added(made.step(len(x)), x, y, [(0, len(x))])
    wanted = reference(x, y, given, stored)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=2e-5)
    same = wanted == y
    assert torch.equal(found[same], y[same])
    assert same[:, OUTPUTS:].all()


def test_a_row_is_the_same_whoever_is_beside_it_and_however_the_work_is_cut() -> None:
    """Four rows of one adapter are computed at once where they are neighbours in a claim; an answer
    must not depend on that, for threads claim by chance."""
    counts = COUNTS["prompts"]
    made = attached(ADAPTERS)
    x, y = numbers(counts)
    made.assign(counts)
    together = added(made.step(len(x)), x, y, [(0, len(x))])
    cut = added(made.step(len(x)), x, y, [(0, 3), (3, 11), (11, len(x))])
    assert torch.equal(cut, together)
    at = 0
    for count, name in counts:
        for row in range(at, at + count):
            made.assign([(1, name)])
            assert torch.equal(added(made.step(1), x[row : row + 1], y[row : row + 1], [(0, 1)])[0],
                               together[row])  # fmt: skip
        at += count


def test_what_rounding_to_eight_bits_costs_is_bounded() -> None:
    """Of the update itself, against the adapter's own numbers: less than one part in a hundred."""
    counts = COUNTS["prompts"]
    made = attached(ADAPTERS)
    x, y = numbers(counts)
    made.assign(counts)
    found = added(made.step(len(x)), x, y, [(0, len(x))])
    wanted = reference(x, y, counts, ADAPTERS)
    changed = (wanted != y).any(dim=1)
    assert error(found[changed] - y[changed], wanted[changed] - y[changed]) < 0.01


def test_an_adapter_that_overflows_spoils_no_other_row() -> None:
    """Infinity times zero is not a number; what lies beside a part is another's."""
    [part] = adapter(5, "some", 2)[LAYER]
    huge = {LAYER: (part._replace(a=torch.full_like(part.a, 3e38)),)}
    made = attached({"huge": huge, "b": ADAPTERS["b"]})
    counts = [(1, "b"), (1, "huge"), (1, "")]
    x, y = numbers(counts)
    x[:, :INPUTS] = x[:, :INPUTS].abs() + 1
    made.assign(counts)
    found = added(made.step(3), x, y, [(0, 3)])
    assert not found[1, 33:50].isfinite().any()
    assert torch.equal(found[1, :33], y[1, :33])
    assert torch.equal(found[1, 50:], y[1, 50:])
    made.assign([(1, "b")])
    assert torch.equal(found[0], added(made.step(1), x[:1], y[:1], [(0, 1)])[0])
    assert torch.equal(found[2], y[2])


def test_tiles_hold_what_they_were_given() -> None:
    """Each row of A and of B to within half a step of its own scale, and zeros as zeros."""
    layers = adapter(6, "odd", 3, 17, 1)
    first, *rest = layers[LAYER]
    first.b[2] = 0
    back = pack_adapter({LAYER: (first, *rest)}, BLOCKS).unpack()
    assert list(back) == [LAYER]
    for found, wanted in zip(back[LAYER], layers[LAYER], strict=True):
        assert found[:2] == wanted[:2]
        for ours, theirs in ((found.a, wanted.a), (found.b, wanted.b)):
            step = theirs.abs().amax(dim=1, keepdim=True) / 127
            assert ((ours - theirs).abs() <= step * 0.5001).all()
    assert (back[LAYER][0].b[2] == 0).all()


@pytest.mark.parametrize("leaving", ["a", "b", "c"])
def test_the_others_keep_their_own_when_one_leaves_and_another_comes(
    leaving: Literal["a", "b", "c"],
) -> None:
    """Their numbers and the places of their parts change with it."""
    made = attached(ADAPTERS)
    made.drop(leaving)
    made.attach("new", made.make(adapter(7, "halves", 40, 2))[0])
    staying = [(1, name) for name in (*sorted({"a", "b", "c"} - {leaving}), "new")]
    stored = {name: each.unpack() for name, each in made.attached.items()}
    x, y = numbers(staying)
    made.assign(staying)
    found = added(made.step(len(x)), x, y, [(0, len(x))])
    wanted = reference(x, y, staying, stored)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=2e-5)


def test_a_step_of_other_rows_than_were_assigned_is_refused() -> None:
    """Compiled code would read beyond the end of the list."""
    made = attached(ADAPTERS)
    made.assign([(2, "a")])
    with pytest.raises(ValueError, match=r"to 2 rows, and the step has 3\. Call assign before"):
        made.step(3)
    made.assign([(2, "")])
    assert made.step(3).whose.dtype == np.int64
