"""Low-rank adapters: the mathematics, the targets, and that the base is left alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from miniclaude.errors import ConflictError, NotFoundError, SettingsError, UnsupportedFieldError
from miniclaude.model.lora import (
    LoraConfig,
    LoraLinear,
    add_lora,
    fold,
    lora_parameters,
    merge,
    remove_adapter,
    unmerge,
    use_adapter,
)
from miniclaude.model.lora_function import add_low_rank, reference_add
from miniclaude.model.quantize import Bits, quantize
from miniclaude.model.transformer import Transformer
from tests.model.models import GPT2, LLAMA, MIXTURE, random_ids, random_model

IDS = random_ids(2, 20)
BASES = {"gpt2": GPT2, "llama": LLAMA, "experts": MIXTURE}
CONFIGS = {
    "all": LoraConfig(r=3, alpha=5),
    "rslora": LoraConfig(r=3, alpha=5, rslora=True),
    "dora": LoraConfig(r=3, alpha=5, dora=True),
}


def shake(model: Transformer, name: str = "default", seed: int = 0) -> None:
    """An adapter that matters: a fresh one has B = 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in lora_parameters(model, name):
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))


def adapted(family: str, config: LoraConfig) -> Transformer:
    model = random_model(BASES[family])
    add_lora(model, config)
    shake(model)
    return model.eval()


def weights_of(model: Transformer) -> dict[str, torch.Tensor]:
    return {
        name.replace(".base.", "."): value.clone()
        for name, value in model.state_dict().items()
        if ".adapters." not in name
    }


@pytest.mark.parametrize("family", BASES)
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_fresh_adapter_changes_nothing_and_alone_can_be_trained(
    family: str, config: LoraConfig
) -> None:
    model = random_model(BASES[family])
    before = model(IDS)
    add_lora(model, config, seed=4)
    assert torch.allclose(model(IDS), before, atol=1e-5)
    trainable = {id(p) for p in model.parameters() if p.requires_grad}
    assert trainable == {id(p) for _, p in lora_parameters(model)}
    assert all(p.dtype == torch.float32 for _, p in lora_parameters(model))


def test_a_seed_gives_the_same_start_whatever_was_drawn_before() -> None:
    first, second = random_model(LLAMA), random_model(LLAMA)
    add_lora(first, LoraConfig(), seed=3)
    torch.rand(5)
    add_lora(second, LoraConfig(), seed=3)
    for (name, ours), (_, theirs) in zip(
        lora_parameters(first), lora_parameters(second), strict=True
    ):
        assert torch.equal(ours, theirs), name
    a = dict(lora_parameters(first))["model.layers.0.mlp.down_proj.lora_A.weight"]
    assert 0.9 / 24**0.5 < float(a.detach().abs().max()) <= 1 / 24**0.5


@pytest.mark.parametrize("family", BASES)
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_merged_is_unmerged_and_goes_back_bit_for_bit(family: str, config: LoraConfig) -> None:
    model = adapted(family, config)
    base, expected = weights_of(model), model(IDS)
    merge(model)
    assert torch.allclose(model(IDS), expected, atol=1e-4)
    assert any(not torch.equal(base[name], value) for name, value in weights_of(model).items())
    unmerge(model)
    for name, value in weights_of(model).items():
        assert torch.equal(base[name], value), name
    assert torch.equal(model(IDS), expected)


def test_removing_a_merged_adapter_leaves_the_base_as_it_was() -> None:
    plain = random_model(LLAMA)
    model = adapted("llama", LoraConfig(r=2))
    merge(model)
    remove_adapter(model)
    assert not any(isinstance(module, LoraLinear) for module in model.modules())
    assert torch.equal(model(IDS), plain(IDS))


def test_folding_leaves_an_ordinary_model() -> None:
    model = adapted("gpt2", LoraConfig(r=2))
    expected = model(IDS)
    fold(model)
    assert (
        dict(model.named_parameters()).keys() == dict(random_model(GPT2).named_parameters()).keys()
    )
    assert torch.allclose(model(IDS), expected, atol=1e-4)


def test_several_adapters_on_one_base() -> None:
    model = random_model(LLAMA)
    base = model(IDS)
    add_lora(model, LoraConfig(r=2, targets=("q_proj", "v_proj")), name="one", seed=1)
    add_lora(model, LoraConfig(r=4, targets=("gate_proj", "v_proj")), name="two", seed=2)
    shake(model, "one")
    shake(model, "two", seed=9)
    answers = {}
    for name in ("one", "two"):
        use_adapter(model, name)
        answers[name] = model(IDS)
    assert not torch.allclose(answers["one"], answers["two"], atol=1e-2)
    use_adapter(model, None)
    assert torch.equal(model(IDS), base)
    remove_adapter(model, "one")
    use_adapter(model, "two")
    assert torch.equal(model(IDS), answers["two"])
    merge(model, "two")
    with pytest.raises(ConflictError, match="'two' is merged into the weights"):
        use_adapter(model, None)
    with pytest.raises(NotFoundError, match=r"none called 'one'\. It has: two"):
        merge(model, "one")


def test_q_and_v_alone_leave_k_as_it_was() -> None:
    """Queries, keys and values are one matrix of ours; an adapter on two of them must not touch
    the third."""
    for family, targets in (("llama", ("q_proj", "v_proj")), ("gpt2", ("q", "v"))):
        model = adapted(family, LoraConfig(r=2, targets=targets))
        config = model.config
        q, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
        x = torch.randn(5, config.width)
        layer = model.get_submodule("blocks.1.attention.qkv")
        assert isinstance(layer, LoraLinear)
        change = layer(x) - layer.base(x)
        assert torch.equal(change[:, q : q + kv], torch.zeros(5, kv))
        assert (change[:, :q] != 0).all()
        assert (change[:, q + kv :] != 0).all()


def names(family: str, **config: Any) -> set[str]:
    model = random_model(BASES[family])
    add_lora(model, LoraConfig(r=2, **config))
    return {name.rpartition(".lora_")[0] for name, _ in lora_parameters(model)}


def test_targets_as_peft_understands_them() -> None:
    everything = names("gpt2")
    assert len(everything) == 8
    assert names("gpt2", targets=("c_proj",)) == {n for n in everything if "c_proj" in n}
    assert names("gpt2", targets=("attn.c_proj",)) == {n for n in everything if "attn.c_proj" in n}
    assert names("gpt2", targets=r".*\.1\.mlp\..*") == {n for n in everything if "1.mlp" in n}
    assert names("gpt2", targets="all-linear") == everything
    assert names("llama", targets=("model.layers.1.self_attn.k_proj",)) == {
        "model.layers.1.self_attn.k_proj"
    }
    assert len(names("llama")) == 14
    assert names("gpt2", targets=r".*attn.*") == {n for n in everything if "attn" in n}


def test_ranks_and_alphas_by_pattern() -> None:
    model = random_model(LLAMA)
    config = LoraConfig(
        r=2,
        alpha=4,
        rank_pattern={"q_proj": 3, r"layers\.1\.mlp\.(gate|up)_proj": 5},
        alpha_pattern={"q_proj": 12.0},
    )
    add_lora(model, config)
    ranks = {n.removesuffix(".lora_A.weight"): len(p) for n, p in lora_parameters(model)}
    assert ranks["model.layers.0.self_attn.q_proj"] == 3
    assert ranks["model.layers.1.mlp.up_proj"] == 5
    assert ranks["model.layers.0.mlp.up_proj"] == 2
    assert config.scale_of("model.layers.0.self_attn.q_proj") == 4
    assert config.scale_of("model.layers.1.mlp.up_proj") == 4 / 5


@pytest.mark.parametrize(
    ("targets", "problem"),
    [
        (("q_proj", "lm_head"), "'lm_head' cannot be adapted: lm_head is an embedding or the out"),
        (("embed_tokens",), "model.embed_tokens is an embedding or the output head"),
        (("c_attn",), "no linear layer of this llama model has a name like that"),
        (("input_layernorm",), "no linear layer"),
        (("q",), "no linear layer"),
        (r"nothing\d", "no linear layer"),
        (r".*", "is an embedding or the output head"),
    ],
)
def test_targets_that_are_refused(targets: Any, problem: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(problem)) as caught:
        add_lora(random_model(LLAMA), LoraConfig(targets=targets))
    assert caught.value.param == "targets"
    assert "self_attn.q_proj" in caught.value.hint


def test_of_a_model_with_experts_the_attention_is_adapted() -> None:
    """An expert is part of a stack, and what it learnt would be that of the tokens it was sent."""
    model = random_model(MIXTURE)
    add_lora(model, LoraConfig(r=2))
    adapted = {name.rpartition(".lora")[0] for name, _ in lora_parameters(model)}
    assert len(adapted) == 4 * MIXTURE.layers
    assert all(".self_attn." in name for name in adapted)


@pytest.mark.parametrize(
    "targets",
    [
        ("q_proj", "gate_proj"),
        ("mlp.experts.0.up_proj",),
        ("gate",),
        ("shared_expert.down_proj",),
        r".*mlp.*",
    ],
    ids=str,
)
def test_experts_are_refused_as_targets(targets: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        add_lora(random_model(MIXTURE), LoraConfig(targets=targets))
    assert "of a model with experts, only the attention can be adapted" in caught.value.message
    assert "self_attn.q_proj" in caught.value.hint


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("r", 0),
        ("r", True),
        ("r", 5000),
        ("alpha", float("nan")),
        ("alpha", -1),
        ("dropout", 1.0),
        ("dropout", "half"),
        ("rslora", 1),
        ("targets", ()),
        ("targets", "("),
        ("targets", "x" * 2000),
        ("rank_pattern", {"q_proj": 0}),
        ("alpha_pattern", {"(": 1}),
        ("alpha_pattern", {"(?i)Q_PROJ": 1}),
    ],
)
def test_settings_that_are_refused(field: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=field) as caught:
        LoraConfig(**{field: value})
    assert (caught.value.param or "").startswith(field)


@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(a|a)*b", r"(.*)\1", ".*" * 6, r"(?:x){99}"])
def test_patterns_that_could_take_for_ever(pattern: str) -> None:
    """adapter_config.json may be a stranger's, and Python's matcher has no time limit."""
    with pytest.raises(SettingsError, match="repeats"):
        LoraConfig(targets=pattern)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fast_update_is_the_reference(dtype: torch.dtype) -> None:
    """In value and in every gradient; A and B stay float32 beside a bfloat16 base."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    rows, scales = ((0, 6), (9, 14)), (0.5, 2.0)
    weight, weights = draw(16, 8).to(dtype), [draw(3, 8), draw(6, 3), draw(2, 8), draw(5, 2)]
    x, upstream = draw(7, 8).to(dtype), draw(7, 16).to(dtype)
    found = {}
    for function in (reference_add, add_low_rank):
        leaves = [t.clone().requires_grad_() for t in (x, *weights)]
        y = function(leaves[0] @ weight.T, leaves[0], rows, scales, *leaves[1:])
        torch.autograd.backward(y, upstream)
        found[function] = [y, *(leaf.grad for leaf in leaves)]
    for ours, theirs in zip(found[add_low_rank], found[reference_add], strict=True):
        assert ours is not None
        assert theirs is not None
        assert ours.dtype == theirs.dtype
        tolerance = 1e-5 if dtype is torch.float32 else 0.15
        assert torch.allclose(ours.float(), theirs.float(), atol=tolerance, rtol=tolerance / 3)


def gradients(model: Transformer) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(IDS).float().logsumexp(-1).mean().backward()
    return {name: p.grad.clone() for name, p in lora_parameters(model) if p.grad is not None}


@pytest.mark.parametrize("family", BASES)
def test_gradients_reach_every_layer_through_the_model(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the same adapters through plain autograd, the model as a whole."""
    model = adapted(family, LoraConfig(r=3))
    fast = gradients(model)
    monkeypatch.setattr("miniclaude.model.lora.add_low_rank", reference_add)
    slow = gradients(model)
    assert fast.keys() == slow.keys() == {name for name, _ in lora_parameters(model)}
    for name, gradient in slow.items():
        assert torch.allclose(fast[name], gradient, atol=1e-4), name


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_under_autocast_and_on_a_bfloat16_base(config: LoraConfig) -> None:
    exact = adapted("llama", config)
    expected = gradients(exact)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = gradients(exact)
    half = random_model(LLAMA).to(torch.bfloat16)
    add_lora(half, config)
    shake(half)
    for found in (mixed, gradients(half)):
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            assert found[name].dtype == torch.float32
            close = torch.nn.functional.cosine_similarity(
                found[name].flatten(), gradient.flatten(), dim=0
            )
            assert close > 0.98, name


def test_gradient_checkpointing_gives_the_same_gradients() -> None:
    """The update is made in place; what is computed again must not find it already made."""
    from torch.utils.checkpoint import checkpoint

    model = adapted("llama", LoraConfig(r=2, dropout=0.5)).train()
    x = torch.randn(1, 6, 16, requires_grad=True)
    layer = model.get_submodule("blocks.0.mlp")
    found = []
    for remember in (True, False):
        torch.manual_seed(1)
        model.zero_grad()
        y = layer(x) if remember else checkpoint(layer, x, use_reentrant=False)
        y.square().sum().backward()
        found.append([p.grad.clone() for p in layer.parameters() if p.grad is not None])
    for kept, again in zip(*found, strict=True):
        assert torch.equal(kept, again)


def test_dropout_only_while_training() -> None:
    model = adapted("llama", LoraConfig(r=2, dropout=0.5))
    assert torch.equal(model(IDS), model(IDS))
    model.train()
    assert not torch.equal(model(IDS), model(IDS))


@pytest.mark.parametrize("bits", [8, 4])
def test_on_a_quantised_base(bits: Bits) -> None:
    """As QLoRA trains: gradients reach the adapter, and merging is refused before it begins."""
    model = random_model(LLAMA)
    quantize(model, bits, group=8)
    add_lora(model, LoraConfig(r=2))
    shake(model)
    before = weights_of(model)
    names = dict(lora_parameters(model)).keys()
    assert gradients(model).keys() == names
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert gradients(model).keys() == names
    with pytest.raises(UnsupportedFieldError, match=r"blocks\.0\.attention\.qkv is quantised"):
        merge(model)
    for name, value in weights_of(model).items():
        assert torch.equal(before[name], value), name
    remove_adapter(model)
    with pytest.raises(UnsupportedFieldError, match=r"blocks\.0\.attention\.qkv is quantised"):
        add_lora(model, LoraConfig(r=2, dora=True))


def test_names_that_are_refused() -> None:
    model = adapted("llama", LoraConfig(r=2))
    with pytest.raises(ConflictError, match="already one called 'default'"):
        add_lora(model, LoraConfig())
    with pytest.raises(SettingsError, match=r"'a\.b' is not a name"):
        add_lora(model, LoraConfig(), name="a.b")
