"""Products of 8-bit floats against the same products written out, and against exact ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from miniclaude.errors import CheckpointError, SettingsError
from miniclaude.model import float8
from miniclaude.model.float8 import Float8Linear, check_float8, convert, to_float8
from miniclaude.model.lora import LoraConfig, LoraLinear, add_lora
from tests.model.models import LLAMA, random_ids, random_model


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def relative(found: torch.Tensor, exact: torch.Tensor) -> float:
    """How far off the whole is."""
    return float((found.float() - exact).norm() / exact.norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(64,), (1, 64), (3, 64), (2, 17, 64)], ids=str)
def test_a_product_is_what_it_says(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Scales belong to rows: to the wrong ones, a product of one row would not show it."""
    weight = normal(48, 64) * torch.logspace(-3, 3, 48)[:, None]
    layer = Float8Linear(weight, normal(48, seed=1))
    x = (normal(*shape, seed=2) * 5).to(dtype)
    y = layer(x)
    assert (y.shape, y.dtype) == ((*shape[:-1], 48), dtype)
    torch.testing.assert_close(y, layer.reference(x), rtol=1 / 64, atol=0.02 * float(y.abs().max()))
    exact = linear(x.float(), weight, layer.bias)
    sizes = linear(x.float().abs(), weight.abs(), normal(48, seed=1).abs())
    assert ((y.float() - exact).abs() <= sizes / 8).all()  # of each column by its own size


def test_how_far_off_it_is() -> None:
    """What the module's text promises of normally distributed weights."""
    weight, x = normal(512, 512), normal(64, 512, seed=1)
    assert relative(Float8Linear(weight, None)(x), linear(x, weight)) < 0.04
    codes, scales = to_float8(weight)
    off = (codes.float() * scales - weight).abs()
    small = weight.abs().amax(dim=1, keepdim=True) / 448 / 1024
    assert (off <= weight.abs() / 16 + small).all()


def test_rows_of_zeros_and_of_large_numbers() -> None:
    """A scale of zero made them not a number, and rounding up made the largest infinite."""
    rows = torch.stack([torch.zeros(64), normal(64) * 1e15, normal(64) * 1e-15])
    codes, scales = to_float8(rows)
    assert codes.float().isfinite().all()
    assert scales.gt(0).all()
    assert torch.equal(codes[0].float(), torch.zeros(64))
    for row in (1, 2):
        assert relative(codes[row].float() * scales[row], rows[row]) < 0.04


@torch.no_grad()
def test_a_whole_model() -> None:
    """Every matrix of the blocks but none of the others; what fits no product stays as it was."""
    model = random_model(LLAMA, width=64, heads=4, head_dim=16, mlp_width=96, vocab_size=64)
    ids = random_ids(2, 9)
    exact = model(ids)
    convert(model)
    names = {name for name, module in model.named_modules() if isinstance(module, Float8Linear)}
    layers = ("attention.qkv", "attention.out", "mlp.up", "mlp.down")
    assert names == {f"blocks.{block}.{layer}" for block in range(2) for layer in layers}
    assert relative(model(ids), exact) < 0.2
    narrow = random_model(LLAMA, width=16, heads=4, head_dim=4, mlp_width=24)
    convert(narrow)
    assert isinstance(narrow.get_submodule("blocks.0.mlp.down"), nn.Linear)


@torch.no_grad()
def test_an_adapter_lies_on_top() -> None:
    """What was taught is not rounded."""
    model = random_model(LLAMA, width=64, heads=4, head_dim=16, mlp_width=96, vocab_size=64)
    add_lora(model, LoraConfig(r=2, alpha=4))
    convert(model)
    layer = model.get_submodule("blocks.0.attention.qkv")
    assert isinstance(layer, LoraLinear)
    assert isinstance(layer.base, Float8Linear)
    assert model(random_ids(1, 5)).isfinite().all()


def test_weights_that_are_no_numbers() -> None:
    """They would be rounded to the largest number, and answer calmly."""
    broken = nn.Linear(16, 16)
    broken.weight.data[3, 3] = float("nan")
    with pytest.raises(CheckpointError, match=r"0.weight holds numbers that are not finite"):
        convert(nn.Sequential(broken))


def test_a_device_without_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    check_float8(torch.device("cpu"))

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("needs compute capability 8.9")

    monkeypatch.setattr(float8, "scaled_mm", refuse)
    with pytest.raises(SettingsError, match="cpu cannot multiply 8-bit floats") as caught:
        check_float8(torch.device("cpu"))
    assert "Ada or Hopper" in caught.value.hint
