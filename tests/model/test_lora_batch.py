"""Several adapters in one pass compute what each computes alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from miniclaude.model.lora_batch import (
    MOST_PADDED,
    Part,
    RowLoraLinear,
    Rows,
    Run,
    make_stack,
    reference_add,
)

INPUTS, OUTPUTS = 12, 20
Counts = list[tuple[int, str]]


def layer() -> RowLoraLinear:
    """Three adapters, of other ranks and on other outputs; `c` does not change this layer."""
    torch.manual_seed(3)
    made = RowLoraLinear(nn.Linear(INPUTS, OUTPUTS).requires_grad_(False), Rows())

    def part(start: int, stop: int, r: int) -> Part:
        return Part(start, stop, torch.randn(r, INPUTS), torch.randn(stop - start, r))

    made.parts = {
        "a": (part(0, 8, 2), part(8, 20, 3)),
        "b": (part(0, 8, 4),),
        "d": (part(0, 20, 2),),
    }
    return made


def expected(made: RowLoraLinear, x: Tensor, counts: Counts) -> Tensor:
    """The equation."""
    runs, at = [], 0
    for count, name in counts:
        runs.append(Run(at, at + count, name))
        at += count
    flat = x.reshape(-1, INPUTS)
    return reference_add(flat, made.base(flat), runs, made.parts).view(*x.shape[:-1], OUTPUTS)


@pytest.mark.parametrize(
    "counts",
    [
        [(5, "")],
        [(5, "a")],
        [(2, ""), (3, "a")],
        [(1, "a"), (1, "b"), (1, ""), (1, "a"), (1, "c"), (1, "d")],
        [(1, "a"), (1, "a"), (2, "d")],
        [(1, "c"), (1, "b")],
        [(1, "b"), (40, "a"), (3, ""), (2, "d")],
    ],
)
def test_each_row_has_its_own_adapter(counts: Counts) -> None:
    made = layer()
    x = torch.randn(1, sum(count for count, _ in counts), INPUTS)
    made.rows.assign(counts)
    close = torch.allclose(made(x), expected(made, x, counts), atol=1e-5)
    assert close


def test_a_stack_follows_who_is_there() -> None:
    """One that left a moment ago stays stacked; too many of those, or a new one, and it is made
    anew. The result is right at every step."""
    made = layer()
    sizes = []
    for names in ("ab", "abd", "ad", "bd", "d", "db", "a", "abcd", "bc", "ab"):
        counts = [(1, name) for name in names]
        x = torch.randn(1, len(names), INPUTS)
        made.rows.assign(counts)
        assert torch.allclose(made(x), expected(made, x, counts), atol=1e-5), names
        sizes.append(len(made.rows.stacked))
    assert sizes == [2, 3, 3, 3, 3, 3, 3, 4, 2, 2]


def test_an_adapter_that_overflows_spoils_no_other_row() -> None:
    """Infinity times zero is not a number: rows must be told apart, not multiplied by zero."""
    made = layer()
    a, *rest = made.parts["a"]
    made.parts["a"] = (a._replace(a=torch.full_like(a.a, 3e38)), *rest)
    counts = [(1, "a"), (1, "b"), (1, "")]
    x = torch.rand(1, 3, INPUTS) + 1
    made.rows.assign(counts)
    y = made(x)
    assert not torch.isfinite(y[0, 0]).all()
    assert torch.allclose(y[0, 1:], expected(made, x, counts)[0, 1:], atol=1e-5)


@pytest.mark.parametrize("high", [4, 64])
def test_ranks_that_differ_much_are_not_filled_up_to_the_highest(high: int) -> None:
    """A stack has every adapter at the rank of the highest: one of 256 beside fifteen of 8 would
    take eleven times what they take, which nothing counts. Those go run by run."""
    torch.manual_seed(5)
    made = RowLoraLinear(nn.Linear(INPUTS, OUTPUTS).requires_grad_(False), Rows())
    for name, r in (("a", high), ("b", 2), ("c", 2), ("d", 2)):
        part = Part(0, OUTPUTS, torch.randn(r, INPUTS), torch.randn(OUTPUTS, r))
        made.parts[name] = (part,)
    counts = [(1, "b"), (2, "a"), (1, ""), (1, "c"), (1, "d")]
    x = torch.randn(1, 6, INPUTS)
    made.rows.assign(counts)
    assert torch.allclose(made(x), expected(made, x, counts), atol=1e-4)
    assert (made.stack() is None) == (high == 64)
    parts = [made.parts[name] for name in "abcd"]
    stack = make_stack(parts)
    if stack is not None:
        size = sum(part.a.nbytes + part.b.nbytes for (part,) in parts)
        assert stack.a.nbytes + sum(b.nbytes for *_, b in stack.products) <= MOST_PADDED * size


def test_bfloat16_stays_bfloat16() -> None:
    made = layer()
    x = torch.randn(1, 3, INPUTS, dtype=torch.bfloat16)
    counts = [(1, "a"), (1, "b"), (1, "d")]
    truth = expected(made, x.float(), counts)
    made.base.to(torch.bfloat16)
    for name, parts in made.parts.items():
        made.parts[name] = tuple(
            Part(p.start, p.stop, p.a.bfloat16(), p.b.bfloat16()) for p in parts
        )
    made.rows.assign(counts)
    y = made(x)
    assert y.dtype == torch.bfloat16
    assert torch.allclose(y.float(), truth, atol=0.2)
