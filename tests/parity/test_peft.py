"""Adapters of ours in `peft`, and `peft`'s in ours: equal logits."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers

from miniclaude.model.adapter import load_adapter, save_adapter
from miniclaude.model.checkpoint import load_model
from miniclaude.model.lora import LoraConfig, add_lora, fold, lora_parameters, merge
from tests.parity.conftest import Pair, load_theirs, make_pair

TOLERANCE = 1e-5
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2 fused": ("gpt2", {"target_modules": ["c_attn"]}),
    "gpt2 two of a name": ("gpt2", {"target_modules": ["c_proj"], "use_rslora": True}),
    "gpt2 all, dora": ("gpt2", {"target_modules": "all-linear", "use_dora": True}),
    "gpt2 pattern": ("gpt2", {"target_modules": r".*\.[12]\.(attn|mlp)\.c_.*"}),
    "llama q and v": ("llama-3", {"target_modules": ["q_proj", "v_proj"]}),
    "llama all, rslora": ("tinyllama", {"target_modules": "all-linear", "use_rslora": True}),
    "llama dora": ("llama-biased", {"target_modules": ["q_proj", "up_proj"], "use_dora": True}),
    "llama ranks": (
        "smollm2",
        {
            "target_modules": ["q_proj", "k_proj", "gate_proj", "down_proj"],
            "rank_pattern": {"q_proj": 3, r"layers\.1\.mlp\..*": 2},
            "alpha_pattern": {"k_proj": 24},
        },
    ),
    "qwen2 one layer": ("qwen2", {"target_modules": ["model.layers.1.self_attn.v_proj"]}),
    "qwen3 all": ("qwen3", {"target_modules": "all-linear", "use_dora": True}),
    "mistral": ("mistral", {"target_modules": ["o_proj", "gate_proj"]}),
    "mixtral": ("mixtral", {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]}),
}

OURS: dict[str, tuple[str, LoraConfig]] = {
    "gpt2 all": ("gpt2", LoraConfig(r=3, alpha=5)),
    "gpt2 q and v": ("gpt2", LoraConfig(r=3, alpha=5, targets=("q", "v"))),
    "gpt2 slices of different ranks": (
        "gpt2",
        LoraConfig(r=3, alpha=6, rslora=True, targets=("q", "k"), rank_pattern={"k": 5}),
    ),
    "gpt2 slices, dora": ("gpt2", LoraConfig(r=2, dora=True, targets=("v", "c_fc"))),
    "gpt2 slices and wholes": (
        "gpt2",
        LoraConfig(r=2, targets=r".*\.0\.attn\.c_attn|.*\.[12]\.attn\.c_attn\.v|.*\.c_fc"),
    ),
    "llama q and v": ("llama-3", LoraConfig(r=4, alpha=8, targets=("q_proj", "v_proj"))),
    "llama all, dora": ("tinyllama", LoraConfig(r=2, dora=True, rslora=True)),
    "qwen2 ranks": (
        "qwen2",
        LoraConfig(r=2, rank_pattern={"mlp.up_proj": 6}, alpha_pattern={"o_proj": 1.5}),
    ),
    "qwen2-moe all that can be": ("qwen2-moe", LoraConfig(r=2, alpha=6)),
    "qwen3 some": ("qwen3", LoraConfig(r=2, targets=r".*\.layers\.2\..*_proj")),
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("peft")
    made: dict[str, Pair] = {}

    def get(name: str) -> Pair:
        if name not in made:
            made[name] = make_pair(name, root)
        return made[name]

    return get


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest absolute difference, as a share of the largest score where that is above 1: sums of
    scores of 100 cannot agree to 1e-5 in float32."""
    return float((a - b).abs().max() / max(1.0, float(b.abs().max())))


def with_peft(base: Any, folder: Path, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return peft.PeftModel.from_pretrained(base, folder, **options).eval()


def stir(parameters: Any) -> None:
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize(("family", "options"), CASES.values(), ids=CASES)
@torch.no_grad()
def test_theirs_in_ours(family: str, options: dict[str, Any], pairs: Any, tmp_path: Path) -> None:
    pair = pairs(family)
    config = peft.LoraConfig(
        r=4, lora_alpha=6, task_type="CAUSAL_LM", fan_in_fan_out=family == "gpt2", **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = peft.get_peft_model(load_theirs(pair.folder), config).eval()
    stir(p for name, p in theirs.named_parameters() if "lora_" in name)
    theirs.save_pretrained(str(tmp_path))
    ours = load_model(pair.folder)
    assert load_adapter(ours, tmp_path).left_out == ()
    expected = theirs(pair.ids).logits
    assert difference(pair.theirs(pair.ids).logits, expected) > 1e-2
    assert difference(ours(pair.ids), expected) <= TOLERANCE
    merge(ours)
    assert difference(ours(pair.ids), expected) <= TOLERANCE


@pytest.mark.parametrize(("family", "config"), OURS.values(), ids=OURS)
@torch.no_grad()
def test_ours_in_theirs(family: str, config: LoraConfig, pairs: Any, tmp_path: Path) -> None:
    pair = pairs(family)
    ours = load_model(pair.folder)
    add_lora(ours, config)
    stir(p for _, p in lora_parameters(ours))
    save_adapter(ours, tmp_path / "adapter", base="org/base")
    theirs = with_peft(load_theirs(pair.folder), tmp_path / "adapter")
    expected = ours(pair.ids)
    assert difference(pair.ours(pair.ids), expected) > 1e-2
    assert difference(theirs(pair.ids).logits, expected) <= TOLERANCE
    again = load_model(pair.folder)
    load_adapter(again, tmp_path / "adapter")
    assert difference(again(pair.ids), expected) <= TOLERANCE


@torch.no_grad()
def test_an_adapter_of_ours_trains_on_in_theirs(pairs: Any, tmp_path: Path) -> None:
    """And what it learned there comes back."""
    pair = pairs("llama-3")
    ours = load_model(pair.folder)
    add_lora(ours, LoraConfig(r=2))
    save_adapter(ours, tmp_path / "one", base="org/base")
    theirs = with_peft(load_theirs(pair.folder), tmp_path / "one", is_trainable=True)
    stir(p for name, p in theirs.named_parameters() if p.requires_grad)
    theirs.save_pretrained(
        str(tmp_path / "two"), save_embedding_layers=False
    )  # else it asks the hub
    again = load_model(pair.folder)
    load_adapter(again, tmp_path / "two")
    assert difference(again(pair.ids), theirs(pair.ids).logits) <= TOLERANCE


@pytest.mark.parametrize(
    ("family", "config"),
    [
        ("gpt2", LoraConfig(r=3, alpha=5)),
        ("llama-3", LoraConfig(r=3, targets=("q_proj", "v_proj"))),
        ("qwen2", LoraConfig(r=3, alpha=5, dora=True)),
    ],
    ids=["gpt2", "llama q and v", "qwen2 dora"],
)
def test_they_learn_alike(family: str, config: LoraConfig, pairs: Any, tmp_path: Path) -> None:
    """The same gradients for the same text, so the same adapter comes of the same steps."""
    pair = pairs(family)
    ours = load_model(pair.folder)
    add_lora(ours, config)
    stir(p for _, p in lora_parameters(ours))
    save_adapter(ours, tmp_path / "adapter", base="org/base")
    theirs = with_peft(load_theirs(pair.folder), tmp_path / "adapter", is_trainable=True)
    for scores in (ours(pair.ids), theirs(pair.ids).logits):
        rows = scores[:, :-1].flatten(0, 1)  # [B·(T-1), V]
        loss = torch.nn.functional.cross_entropy(rows, pair.ids[:, 1:].flatten())
        torch.autograd.backward(loss)
    gradients = {
        name.removeprefix("base_model.model.").replace(".default", ""): parameter.grad
        for name, parameter in theirs.named_parameters()
        if parameter.requires_grad
    }
    for name, parameter in lora_parameters(ours):
        theirs_has = gradients.pop(name, None)
        expected = gradients.pop(f"{name}.weight") if theirs_has is None else theirs_has
        assert parameter.grad is not None
        assert difference(parameter.grad, expected) <= 1e-4, name
    assert gradients == {}


REAL = [SHARED / "lora-gpt2-safetensors", SHARED / "lora-gpt2-bin"]


@pytest.mark.skipif(not REAL[0].is_dir(), reason="no real adapters beside the checkout")
@pytest.mark.parametrize("folder", REAL, ids=["safetensors", "bin"])
@torch.no_grad()
def test_real_adapters(folder: Path, tmp_path: Path) -> None:
    """Two adapters that others trained on GPT-2 small for classification, one of them a pickle."""
    shape = transformers.GPT2Config(vocab_size=97, n_positions=32)
    loader: Any = transformers.AutoModelForCausalLM
    torch.manual_seed(0)
    base = loader.from_config(shape).eval()
    base.save_pretrained(tmp_path / "base")
    ours = load_model(tmp_path / "base")
    plain = ours(ids := torch.arange(24)[None])
    loaded = load_adapter(ours, folder)
    assert all("head of a classifier (task_type SEQ_CLS)" in line for line in loaded.left_out)
    assert len(loaded.left_out) == 1
    assert "score.weight' [" in loaded.left_out[0]
    for name in ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"):
        if (folder / name).is_file():
            shutil.copy(folder / name, tmp_path / name)
    config = tmp_path / "adapter_config.json"
    config.chmod(0o644)
    config.write_text(config.read_text().replace('"SEQ_CLS"', '"CAUSAL_LM"'))
    expected = with_peft(base, tmp_path)(ids).logits
    assert difference(plain, expected) > 1e-3
    assert difference(ours(ids), expected) <= TOLERANCE
    fold(ours)
    assert difference(ours(ids), expected) <= TOLERANCE
