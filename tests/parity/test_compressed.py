"""Checkpoints that the compressed-tensors library has rounded: the numbers that `transformers`
computes with are those that we read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from safetensors.torch import load_file, save_file

from miniclaude.model.checkpoint import load_model, save_model
from tests.model.models import LLAMA, random_ids, random_model
from tests.parity.conftest import Pair, load_theirs, make_pair

SCHEMES: dict[str, tuple[str, dict[str, Any]]] = {
    "packed-int8-rows": ("pack-quantized", {"num_bits": 8, "strategy": "channel"}),
    "packed-int8-groups": ("pack-quantized", {"num_bits": 8, "strategy": "group", "group_size": 8}),
    "packed-int4-groups": (
        "pack-quantized",
        {"num_bits": 4, "strategy": "group", "group_size": 16},
    ),
    "packed-int4-rows": ("pack-quantized", {"num_bits": 4, "strategy": "channel"}),
    "int8-rows": ("int-quantized", {"num_bits": 8, "strategy": "channel"}),
    "int8-matrix": ("int-quantized", {"num_bits": 8, "strategy": "tensor"}),
    "fp8-matrix": ("float-quantized", {"num_bits": 8, "type": "float", "strategy": "tensor"}),
    "fp8-rows": ("float-quantized", {"num_bits": 8, "type": "float", "strategy": "channel"}),
}
MODELS = ["smollm2", "qwen2", "llama-biased"]


@pytest.fixture(scope="module", params=MODELS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Families with and without a head of their own, with and without biases."""
    return make_pair(request.param, tmp_path_factory.mktemp("compressed"))


def scale_of(weight: torch.Tensor, args: QuantizationArgs) -> torch.Tensor:
    """A scale for a whole matrix, its rows, or their groups, that loses nothing at the top."""
    most = 448.0 if args.type == "float" else 2 ** (args.num_bits - 1) - 1
    if args.strategy == "tensor":
        return weight.abs().amax().reshape(1) / most
    columns = args.group_size if args.strategy == "group" else weight.shape[1]
    groups = weight.view(len(weight), -1, columns)  # [R, G, C / G]
    return groups.abs().amax(dim=-1) / most  # [R, G]


def compress_folder(source: Path, folder: Path, name: str) -> None:
    """The checkpoint as their library writes it."""
    form, fields = SCHEMES[name]
    args = QuantizationArgs(symmetric=True, **fields)
    scheme = QuantizationScheme(targets=["Linear"], weights=args, format=form)
    compressor: Any = BaseCompressor.get_value_from_registry(form)
    stored: dict[str, torch.Tensor] = {}
    for key, weight in load_file(source / "model.safetensors").items():
        if not key.endswith("_proj.weight"):
            stored[key] = weight
            continue
        parts = {"weight": weight, "weight_scale": scale_of(weight, args)}
        for part, tensor in compressor.compress(parts, scheme).items():
            stored[key.removesuffix("weight") + part] = tensor.contiguous()
    folder.mkdir()
    save_file(stored, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {
        "quant_method": "compressed-tensors",
        "format": form,
        "quantization_status": "compressed",
        "config_groups": {"group_0": scheme.model_dump(mode="json")},
        "ignore": ["lm_head"],
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize("name", SCHEMES)
@torch.no_grad()
def test_what_they_wrote_is_read_alike(pair: Pair, tmp_path: Path, name: str) -> None:
    compress_folder(pair.folder, tmp_path / "small", name)
    ours = load_model(tmp_path / "small")
    theirs = load_theirs(tmp_path / "small", dtype=torch.float32)
    torch.testing.assert_close(
        ours(pair.ids), theirs(pair.ids).logits.float(), atol=1e-4, rtol=1e-4
    )
    assert not torch.equal(ours(pair.ids), pair.ours(pair.ids))


@torch.no_grad()
def test_rows_that_fill_no_whole_words_keep_their_floats(tmp_path: Path) -> None:
    """And config.json names them, for `transformers` reads what it does not name as rounded."""
    model = random_model(LLAMA, mlp_width=26)
    save_model(model, tmp_path / "small", int8=True)
    theirs = load_theirs(tmp_path / "small", dtype=torch.float32)
    ids = random_ids(2, 9)
    torch.testing.assert_close(
        load_model(tmp_path / "small")(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4
    )


@torch.no_grad()
def test_what_we_write_they_read_alike(pair: Pair, tmp_path: Path) -> None:
    save_model(pair.ours, tmp_path / "small", int8=True)
    ours = load_model(tmp_path / "small")
    theirs = load_theirs(tmp_path / "small", dtype=torch.float32)
    torch.testing.assert_close(ours(pair.ids), theirs(pair.ids).logits, atol=1e-4, rtol=1e-4)
    for name, parameter in ours.named_parameters():
        before = pair.ours.get_parameter(name)
        rounding = (parameter - before).abs().max() / before.abs().max()
        assert rounding <= 1 / 127, name
