"""Folders in the compressed-tensors format, and what is wrong with them. That the numbers are those
of the library itself is `tests/parity/test_compressed.py`'s."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from miniclaude.errors import CheckpointError, UnsupportedFieldError
from miniclaude.model import compressed as compressed_module
from miniclaude.model.checkpoint import load_model, read_plan, save_model
from miniclaude.model.compressed import CompressedTensor, compress
from miniclaude.model.facts import read_facts
from miniclaude.model.library import Library
from miniclaude.model.load_packed import load_packed, read
from miniclaude.model.merged import write_merged
from miniclaude.model.outline import read_outline
from miniclaude.model.packed_layers import pack_model
from miniclaude.model.parameter_count import count_parameters
from miniclaude.model.transformer import Transformer
from tests.model.models import GPT2, LLAMA, MIXTURE, random_ids, random_model

Weights = dict[str, torch.Tensor]
GATE = "model.layers.0.mlp.gate_proj"


@pytest.fixture
def model() -> Transformer:
    """In bfloat16, as what is rounded further mostly is."""
    return random_model(LLAMA).to(torch.bfloat16)


@pytest.fixture
def folder(model: Transformer, tmp_path: Path) -> Path:
    """The same model with its blocks in 8 bits."""
    save_model(model, tmp_path / "small", int8=True)
    return tmp_path / "small"


def change(folder: Path, edit: Callable[[Weights], Any]) -> None:
    """Edit the folder's tensors."""
    stored = load_file(folder / "model.safetensors")
    edit(stored)
    save_file(stored, folder / "model.safetensors", {"format": "pt"})


def change_config(folder: Path, group: dict[str, Any] | None = None, **whole: Any) -> None:
    """Edit the folder's `quantization_config`: its group's weights, and fields of the whole."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["quantization_config"] |= whole
    if group is not None:
        config["quantization_config"]["config_groups"]["group_0"]["weights"] |= group
    path.write_text(json.dumps(config), encoding="utf-8")


def test_it_is_half_as_large_and_nearly_the_same(folder: Path, model: Transformer) -> None:
    small = load_model(folder)
    for name, parameter in model.named_parameters():
        difference = (small.get_parameter(name) - parameter).abs().amax()
        exact = not name.startswith("blocks") or parameter.dim() == 1
        assert difference <= (0 if exact else parameter.abs().amax() / 127), name


@torch.no_grad()
def test_a_few_rows_at_a_time_are_all_of_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A matrix larger than what is unpacked at once had its last rows to lose."""
    whole = load_model(folder)
    monkeypatch.setattr(compressed_module, "CHUNK", 70)
    ids = random_ids(2, 9)
    assert torch.equal(load_model(folder)(ids), whole(ids))


@torch.no_grad()
@pytest.mark.parametrize("bits", [8, 4])
def test_it_is_packed_like_any_other(folder: Path, bits: Any) -> None:
    """`--dtype int8` of a folder in this format: what its floats would be packed into."""
    floats = load_model(folder)
    pack_model(floats, bits)
    ids = random_ids(2, 9)
    torch.testing.assert_close(load_packed(folder, bits)(ids), floats(ids), atol=2e-2, rtol=0)


def test_it_is_told_as_what_it_is(folder: Path, model: Transformer) -> None:
    """Four numbers in a word of 32 bits were counted as one, and scales as weights."""
    numbers = sum(parameter.numel() for parameter in model.parameters())
    outline, facts = read_outline(folder, "now"), read_facts(folder)
    assert outline is not None
    assert (outline.parameters, outline.dtype, outline.packed) == (numbers, "int8", False)
    assert (facts.parameters, facts.dtype, facts.weight_bytes) == (numbers, "int8", 4 * numbers)
    assert facts.floats == "BF16"
    assert count_parameters(folder) == numbers


def test_scales_in_float32_make_no_export_twice_as_large(folder: Path) -> None:
    """A whole copy has the format of what is not rounded."""
    change(
        folder,
        lambda stored: stored.update(
            {name: each.float() for name, each in stored.items() if name.endswith("_scale")}
        ),
    )
    assert read_facts(folder).floats == "BF16"


@torch.no_grad()
def test_an_export_holds_its_floats(folder: Path, tmp_path: Path) -> None:
    """A whole model made of it must not say that it is rounded."""
    [found] = Library(folder.parent, None).list()
    write_merged(found, tmp_path / "whole")
    assert "quantization_config" not in (tmp_path / "whole" / "config.json").read_text()
    ids = random_ids(2, 9)
    torch.testing.assert_close(
        load_model(tmp_path / "whole")(ids), load_model(folder)(ids), atol=2e-2, rtol=0
    )


def test_a_number_times_its_scale_is_not_rounded_again(folder: Path) -> None:
    """A merged adapter and a GGUF file in f32 are computed from what is served."""
    plan = read_plan(folder)
    [piece] = [piece for piece in plan.pieces if piece.name == f"{GATE}.weight"]
    whole = load_model(folder).get_parameter(piece.parameter)
    rows = slice(None) if piece.rows is None else slice(*piece.rows)
    pieces = [each for each in plan.pieces if each.parameter == piece.parameter]
    assert torch.equal(read(plan, pieces), whole)
    assert torch.equal(plan.stored[piece.name].read_rows(0, 24), whole[rows])
    assert not torch.equal(whole.to(torch.bfloat16).float(), whole)


def test_what_rounds_activations_is_passed_over(folder: Path, model: Transformer) -> None:
    """Folders for W8A8 and FP8 with static scales hold them beside the weights."""
    expected = load_model(folder)

    def more(stored: Weights) -> None:
        attention = "model.layers.0.self_attn"
        stored[f"{GATE}.input_scale"] = torch.ones(1)
        stored[f"{GATE}.input_zero_point"] = torch.zeros(1, dtype=torch.int8)
        stored[f"{GATE}.weight_zero_point"] = torch.zeros(24, 1, dtype=torch.int8)
        for each in ("k_scale", "v_scale"):
            stored[f"{attention}.{each}"] = torch.ones(1)

    change(folder, more)
    ids = random_ids(1, 5)
    with torch.no_grad():
        assert torch.equal(load_model(folder)(ids), expected(ids))
    outline = read_outline(folder, "then")
    assert outline is not None
    assert outline.parameters == sum(each.numel() for each in model.parameters())


@torch.no_grad()
def test_a_head_of_its_own_where_config_calls_it_tied(tmp_path: Path) -> None:
    """The weights are believed, rounded ones too."""
    own = random_model(dataclasses.replace(LLAMA, tied_head=False))
    save_model(own, tmp_path / "small", int8=True)

    def round_head(stored: Weights) -> None:
        for part, tensor in compress(stored.pop("lm_head.weight")).items():
            stored[f"lm_head.{part}"] = tensor

    change(tmp_path / "small", round_head)
    path = tmp_path / "small" / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"tie_word_embeddings": True}
    path.write_text(json.dumps(config), encoding="utf-8")
    assert not load_model(tmp_path / "small").config.tied_head


def test_a_matrix_stored_the_other_way_round_keeps_its_floats(tmp_path: Path) -> None:
    """GPT-2's are no linear layers to those who read the format."""
    model = random_model(GPT2)
    save_model(model, tmp_path / "gpt2", int8=True)
    stored = load_file(tmp_path / "gpt2" / "model.safetensors")
    assert not any(name.endswith("weight_packed") for name in stored)
    ids = random_ids(2, 9)
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "gpt2")(ids), model(ids))


def test_rows_of_zeros() -> None:
    """A scale of zero made them not a number."""
    parts = compress(torch.zeros(2, 8))
    assert parts["weight_scale"].gt(0).all()
    assert parts["weight_packed"].view(torch.uint8).eq(128).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "nvfp4-pack-quantized"}, "format is 'nvfp4-pack-quantized'; it must be one of"),
        ({"format": None}, "format is None; it must be one of pack-quantized"),
        ({"config_groups": {}}, "config_groups is .*at least one group"),
        ({"config_groups": {"group_0": {"weights": None}}}, "config_groups is .*how weights are"),
        ({"group": {"num_bits": 3}}, "num_bits is 3; it must be 8, or 4 whole ones"),
        ({"group": {"num_bits": 4, "type": "float"}}, "num_bits is 4; it must be 8, or 4 whole"),
        ({"group": {"type": "float"}}, "num_bits is 8; it must be 8, or 4 whole ones"),
        ({"group": {"strategy": "block"}}, "strategy is 'block'; it must be one of tensor"),
        ({"group": {"symmetric": False}}, "symmetric is False; it must be true: zero points"),
        ({"group": {"actorder": "group"}}, "actorder is 'group'; it must be none"),
        ({"sparsity_config": {"format": "sparse-24-bitmask"}}, "sparsity_config is .*dense"),
        ({"transform_config": {"config_groups": {"R4": {}}}}, "transform_config is .*nothing is"),
    ],
)
def test_what_is_not_read_is_refused_by_its_field(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    """Passed over, each would have given another model's answers."""
    change_config(folder, changes.get("group"), **{k: changes[k] for k in changes if k != "group"})
    for reader in (load_model, read_facts):
        with pytest.raises(CheckpointError, match=message) as caught:
            reader(folder)
        assert "original, unquantised model" in caught.value.hint


def test_matrices_without_rows_are_refused(folder: Path) -> None:
    """A head of no rows was compared with the embedding before any shape was checked."""

    def empty(stored: Weights) -> None:
        for module in ("model.embed_tokens", "lm_head"):
            stored.pop(f"{module}.weight")
            stored[f"{module}.weight"] = torch.zeros(0, 16, dtype=torch.int8)
            stored[f"{module}.weight_scale"] = torch.ones(1)

    change(folder, empty)
    change_config(folder, format="int-quantized")
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"tie_word_embeddings": True}
    path.write_text(json.dumps(config), encoding="utf-8")
    for reader in (load_model, read_facts):
        with pytest.raises(CheckpointError, match=r"shape \[0, 16\], which does not fit a matrix"):
            reader(folder)


def test_a_tied_head_is_compared_a_few_rows_at_a_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two embeddings of a large model in float32 are more memory than the model."""
    monkeypatch.setattr(compressed_module, "CHUNK", 70)
    most: list[int] = []
    read_rows = CompressedTensor.read_rows

    def watched(self: CompressedTensor, first: int, last: int) -> torch.Tensor:
        most.append(last - first)
        return read_rows(self, first, last)

    monkeypatch.setattr(CompressedTensor, "read_rows", watched)

    def round_both(stored: Weights) -> None:
        tokens = stored.pop("model.embed_tokens.weight")
        stored.pop("lm_head.weight")
        for part, tensor in compress(tokens).items():
            stored[f"lm_head.{part}"] = tensor
            stored[f"model.embed_tokens.{part}"] = tensor.clone()

    change(folder, round_both)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"tie_word_embeddings": True}
    path.write_text(json.dumps(config), encoding="utf-8")
    assert read_facts(folder).config.tied_head
    assert most
    assert max(most) == 70 // 16


def test_experts_are_not_written_in_8_bits(tmp_path: Path) -> None:
    """Others read routers as floats, and drew new ones at random."""
    with pytest.raises(UnsupportedFieldError, match="with experts is not written in 8 bits"):
        save_model(random_model(MIXTURE), tmp_path / "experts", int8=True)


def test_groups_of_different_kinds(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    groups = config["quantization_config"]["config_groups"]
    groups["group_1"] = {"weights": {**groups["group_0"]["weights"], "num_bits": 4}}
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(CheckpointError, match="of one kind: the same bits for all weights"):
        load_model(folder)


def narrower(stored: Weights) -> None:
    stored[f"{GATE}.weight_packed"] = stored[f"{GATE}.weight_packed"][:, :-1].contiguous()


def fewer_scales(stored: Weights) -> None:
    stored[f"{GATE}.weight_scale"] = stored[f"{GATE}.weight_scale"][:-1].contiguous()


def uneven_groups(stored: Weights) -> None:
    stored[f"{GATE}.weight_scale"] = stored[f"{GATE}.weight_scale"].repeat(1, 3)


def no_shape(stored: Weights) -> None:
    del stored[f"{GATE}.weight_shape"]


def huge_shape(stored: Weights) -> None:
    stored[f"{GATE}.weight_shape"] = torch.tensor([1 << 62, -5])


def other_shape(stored: Weights) -> None:
    stored[f"{GATE}.weight_shape"] = torch.tensor([24, 13])


def floats_for_codes(stored: Weights) -> None:
    stored[f"{GATE}.weight_packed"] = stored[f"{GATE}.weight_packed"].float()


def no_scales(stored: Weights) -> None:
    del stored[f"{GATE}.weight_scale"]


def strange(stored: Weights) -> None:
    stored[f"{GATE}.weight_global_scale"] = torch.ones(1)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            narrower,
            r"weight_packed' has shape \[24, 3\], which does not fit a matrix of \[24, 16\]",
        ),
        (fewer_scales, r"weight_scale' has shape \[23, 1\], which does not fit"),
        (uneven_groups, r"weight_scale' has shape \[24, 3\], which does not fit"),
        (no_shape, "weight_shape' is missing, or not two whole numbers"),
        (huge_shape, r"weight_packed' has shape \[24, 4\], which does not fit a matrix of \[46"),
        (other_shape, r"gate_proj.weight has shape \[24, 13\] where config.json asks for"),
        (floats_for_codes, r"weight_packed' is F32 \[24, 4\] with scales in BF16, where"),
        (no_scales, r"has no tensor model.layers.0.mlp.gate_proj.weight"),
        (strange, "1 tensors that its config.json leaves no place for"),
    ],
)
def test_parts_that_do_not_belong_together(
    folder: Path, edit: Callable[[Weights], None], message: str
) -> None:
    change(folder, edit)
    with pytest.raises(CheckpointError, match=message):
        load_model(folder)
