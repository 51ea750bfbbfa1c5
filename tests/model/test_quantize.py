"""Quantised layers: near the exact ones, small, and with the right gradient."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from miniclaude.errors import CheckpointError, SettingsError
from miniclaude.model.checkpoint import load_model
from miniclaude.model.config import ModelConfig
from miniclaude.model.quantize import Bits, QuantizedLinear, normal_float_levels, quantize
from tests.model.models import GPT2, LLAMA, random_ids, random_model

BOTH = pytest.mark.parametrize("bits", [8, 4])
BUNDLED = Path(__file__).parents[2] / "miniclaude/bundled/mini-claude-11m"
STORIES = Path(__file__).parents[3] / "shared/models/stories260K"


def normal_layer(bits: Bits, rows: int = 96, columns: int = 200) -> tuple[nn.Linear, Tensor]:
    """A linear layer of normal weights and an input for it. 200 is no multiple of a group."""
    torch.manual_seed(3)
    exact = nn.Linear(columns, rows)
    nn.init.normal_(exact.weight, std=0.05)
    return exact, torch.randn(7, columns)


def test_the_sixteen_levels_are_those_of_the_paper() -> None:
    """Appendix E of QLoRA lists them; a wrong offset would still be 'some' 4-bit format."""
    levels = normal_float_levels()
    assert len(levels) == 16
    assert (levels[0], levels[7], levels[15]) == (-1, 0, 1)
    assert levels[1] == pytest.approx(-0.6961928, abs=1e-6)
    assert levels[8] == pytest.approx(0.0795803, abs=1e-6)
    assert levels[14] == pytest.approx(0.7229568, abs=1e-6)


@pytest.mark.parametrize(("bits", "bound"), [(8, 0.01), (4, 0.10)])
def test_a_layer_is_as_near_as_its_bits_allow(bits: Bits, bound: float) -> None:
    exact, x = normal_layer(bits)
    layer = QuantizedLinear(exact.weight, exact.bias, bits)
    wanted, bias = exact(x), exact.bias
    error = (layer(x) - wanted).norm() / (wanted - bias).norm()
    assert error < bound
    difference = (layer.dequantize() - exact.weight).abs()
    if bits == 8:
        most = exact.weight.abs().amax(dim=1, keepdim=True) / 254
    else:
        most = 0.153 * exact.weight.abs().amax() * torch.ones(1)
    assert bool((difference <= most * 1.001).all())


@BOTH
def test_float16_does_not_overflow_where_the_exact_layer_would_not(bits: Bits) -> None:
    """Codes go to 127: with the scales applied after the product, a large activation, as real
    models have, came out infinite where the layer's own answer is a few hundred."""
    exact, _ = normal_layer(bits)
    x = (20 * exact.weight[:1].detach().sign()).to(torch.float16).requires_grad_()
    wanted = exact(x.detach().float()).detach()
    y = QuantizedLinear(exact.weight, exact.bias, bits)(x)
    assert float((y.detach() - wanted).norm() / wanted.norm()) < 0.12
    [gradient] = torch.autograd.grad(y[0, 0], x)
    row = exact.weight[:1].detach()
    assert float((gradient - row).norm() / row.norm()) < 0.12


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_forward_and_gradient_are_those_of_the_reference(bits: Bits, dtype: torch.dtype) -> None:
    exact, x = normal_layer(bits)
    layer = QuantizedLinear(exact.weight, exact.bias, bits)
    one, other = (x.to(dtype).requires_grad_() for _ in range(2))
    fast, slow = layer(one), layer.reference(other)
    near = 1e-5 if dtype == torch.float32 else 0.03
    torch.testing.assert_close(fast, slow, atol=near, rtol=near)
    fast.square().sum().backward()
    slow.square().sum().backward()  # type: ignore[no-untyped-call]
    assert one.grad is not None
    assert one.grad.dtype == dtype
    torch.testing.assert_close(one.grad, other.grad, atol=near, rtol=near)


@BOTH
def test_autocast_decides_the_format_of_the_product_alone(bits: Bits) -> None:
    """The gradient comes back in the input's own format, or the layer below would refuse it."""
    exact, x = normal_layer(bits)
    layer = QuantizedLinear(exact.weight, exact.bias, bits)
    x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32


@BOTH
def test_no_unpacked_weight_waits_for_the_backward_pass(
    bits: Bits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If autograd kept it, training would need more memory than without quantisation."""
    exact, x = normal_layer(bits)
    layer = QuantizedLinear(exact.weight, exact.bias, bits)
    unpack, seen = QuantizedLinear.unpack, []

    def watched(self: QuantizedLinear, dtype: torch.dtype) -> Tensor:
        weight = unpack(self, dtype)
        seen.append(weakref.ref(weight))
        return weight

    monkeypatch.setattr(QuantizedLinear, "unpack", watched)
    y = layer(x.requires_grad_())
    gc.collect()
    assert [weight() for weight in seen] == [None]
    assert y.requires_grad


def test_a_layer_of_zeros_stays_one() -> None:
    """0 / 0 for a scale would make it NaN."""
    both: tuple[Bits, ...] = (8, 4)
    for bits in both:
        layer = QuantizedLinear(torch.zeros(3, 10), None, bits)
        assert layer(torch.ones(10)).tolist() == [0, 0, 0]


def bytes_of(module: nn.Module) -> int:
    tensors = [*module.parameters(), *module.buffers()]
    return sum(tensor.nbytes for tensor in tensors)


def test_memory_really_falls() -> None:
    exact = nn.Linear(1024, 512, bias=False)
    eight = QuantizedLinear(exact.weight, None, 8)
    four = QuantizedLinear(exact.weight, None, 4)
    assert bytes_of(eight) == 512 * 1024 + 512 * 4
    assert bytes_of(four) == 512 * 1024 // 2 + 512 * 1024 // 64 * 2
    assert bytes_of(eight) < bytes_of(exact) / 3.9
    assert bytes_of(four) < bytes_of(exact) / 7.5


@BOTH
@pytest.mark.parametrize("config", [GPT2, LLAMA], ids=["gpt2", "llama"])
def test_a_whole_model_is_quantised_but_for_its_head(config: ModelConfig, bits: Bits) -> None:
    """A tied head is the embedding: to quantise one would leave the other, or break the tie."""
    model = random_model(config)
    before = model(random_ids(2, 9))
    quantize(model, bits)
    assert type(model.head) is nn.Linear
    assert not [m for m in model.blocks.modules() if type(m) is nn.Linear]
    assert not any("attention.out" in name for name, _ in model.named_parameters())
    after = model(random_ids(2, 9))
    assert (after - before).norm() / before.norm() < (0.03 if bits == 8 else 0.3)
    model.to(torch.bfloat16)
    assert model(random_ids(1, 4)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("folder", "bound"), [(BUNDLED, 0.15), (STORIES, 0.2)], ids=["bundled", "stories"]
)
def test_a_real_model_hardly_notices(folder: Path, bound: float) -> None:
    """Perplexity of what it writes itself: int8 changes it by less than 0.2 %; NF4 by less than
    15 % for 11 million parameters that were tuned until they were sure of themselves (other
    people's text costs them 1 to 3 % more bits), and by less than 20 % for 260 thousand. Of 32
    texts: the perplexities of single ones lie far apart."""
    if not folder.exists():
        pytest.skip("the model is not on this machine")
    exact = load_model(folder)
    ids = torch.ones(32, 1, dtype=torch.long)
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        for _ in range(64):
            odds = exact(ids)[:, -1].softmax(-1)
            ids = torch.cat((ids, odds.multinomial(1, generator=generator)), dim=1)

        def perplexity(model: nn.Module) -> float:
            scores = model(ids[:, :-1]).flatten(0, 1)
            return float(nn.functional.cross_entropy(scores, ids[:, 1:].flatten()).exp())

        wanted = perplexity(exact)
        limits: dict[Bits, float] = {8: 0.002, 4: bound}
        for bits, most in limits.items():
            model = load_model(folder)
            quantize(model, bits)
            assert perplexity(model) == pytest.approx(wanted, rel=most)


def test_what_cannot_be_quantised_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"bits is 5\. It must be 8 or 4\."):
        quantize(random_model(GPT2), 5)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"group is 7\. It must be an even number above 0\."):
        quantize(random_model(GPT2), 4, group=7)
    model = random_model(GPT2)
    with torch.no_grad():
        model.get_parameter("blocks.1.mlp.up.weight")[0, 0] = torch.inf
    message = r"blocks\.1\.mlp\.up\.weight holds numbers that are not finite\. The model is damaged"
    with pytest.raises(CheckpointError, match=message):
        quantize(model, 4)
