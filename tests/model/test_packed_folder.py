"""Folders of packed weights: the same model as packing at load gives, mapped and not read."""

from __future__ import annotations

import errno
import json
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from miniclaude.errors import CheckpointError, ConflictError, DiskFullError, UnsupportedFieldError
from miniclaude.model import load_packed as load_packed_module
from miniclaude.model import packed as packed_module
from miniclaude.model import write_packed as write_packed_module
from miniclaude.model.checkpoint import load_model, read_config, save_model
from miniclaude.model.config import ModelConfig
from miniclaude.model.facts import read_facts
from miniclaude.model.install import read_manifest
from miniclaude.model.library import Library
from miniclaude.model.load_packed import StoredMatrix, load_packed
from miniclaude.model.packed import Bits, PackedWeight
from miniclaude.model.packed_folder import ALIGNED, map_packed
from miniclaude.model.packed_layers import PackedEmbedding, PackedLinear, pack_named
from miniclaude.model.shards import read_header
from miniclaude.model.weight_files import INDEX
from miniclaude.model.write_packed import quantize_model, write_packed
from tests.model.models import GPT2, LLAMA, random_ids, random_model
from tests.model.test_hub import Recorder
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint

BITS: tuple[Bits, ...] = (8, 4)
SHAPES: dict[str, tuple[ModelConfig, dict[str, Any]]] = {
    "gpt2": (GPT2, {}),
    "llama": (LLAMA, {}),
    "tied": (LLAMA, {"tied_head": True, "qk_norm": True}),
    "ours": (GPT2, {"positions": "sinusoidal", "gated_mlp": True, "kv_heads": 1}),
}


def packed_folder(source: Path, folder: Path, bits: Bits = 4, shard: int = 1 << 30) -> Path:
    """The packed copy of a folder."""
    folder.mkdir()
    write_packed(source, folder, bits, progress=Recorder(), max_shard_bytes=shard)
    return folder


def weights_of(model: nn.Module) -> list[PackedWeight]:
    kinds = (PackedLinear, PackedEmbedding)
    return [module.weight for module in model.modules() if isinstance(module, kinds)]


def same(one: nn.Module, other: nn.Module) -> bool:
    ids = random_ids(2, 9)
    with torch.inference_mode():
        return torch.equal(one(ids), other(ids))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "original"
    save_model(random_model(LLAMA).to(torch.bfloat16), folder)
    return folder


@pytest.fixture
def packed(original: Path, tmp_path: Path) -> Path:
    return packed_folder(original, tmp_path / "packed")


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", SHAPES)
def test_it_is_the_model_that_packing_at_load_gives(name: str, bits: Bits, tmp_path: Path) -> None:
    """Bit for bit, whatever the family, the head and the number of files on either side."""
    config, changes = SHAPES[name]
    save_model(random_model(config, **changes), tmp_path / "plain", max_shard_bytes=20_000)
    folder = packed_folder(tmp_path / "plain", tmp_path / "packed", bits, shard=6_000)
    assert (folder / INDEX).is_file()
    assert same(map_packed(folder), load_packed(tmp_path / "plain", bits))


def test_a_head_that_config_calls_tied_and_that_differs_is_kept(tmp_path: Path) -> None:
    """`transformers` believes the weights; the packed folder's config.json still says tied."""
    save_model(random_model(LLAMA), tmp_path / "plain")
    path = tmp_path / "plain" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tie_word_embeddings": True}))
    folder = packed_folder(tmp_path / "plain", tmp_path / "packed")
    assert same(map_packed(folder), load_packed(tmp_path / "plain", 4))


@pytest.mark.parametrize("bits", BITS)
def test_weights_are_used_where_they_lie_in_the_file(
    original: Path, tmp_path: Path, bits: Bits
) -> None:
    """A copy would cost the memory and the seconds that mapping saves; and the kernels read whole
    registers, from places that are multiples of their size."""
    folder = packed_folder(original, tmp_path / "packed", bits)
    size = (folder / "model.safetensors").stat().st_size
    for weight in weights_of(map_packed(folder)):
        for tensor in (weight.codes, weight.scales):
            assert tensor.untyped_storage().nbytes() == size
            assert tensor.data_ptr() % ALIGNED[tensor.dtype] == 0


def test_files_that_another_program_laid_out_still_load(packed: Path, original: Path) -> None:
    """safetensors' own writer pads to eight bytes: the kernels would fault on what begins there."""
    file = packed / "model.safetensors"
    save_file(load_file(file), file)
    assert any(tensor.start % 64 for tensor in read_header(file).values())
    model = map_packed(packed)
    assert all(weight.codes.data_ptr() % 64 == 0 for weight in weights_of(model))
    assert same(model, load_packed(original, 4))


def test_no_two_layers_are_in_memory_at_once(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise that a model far larger than memory can be quantised: what is read, and what it
    has become, is gone when the next layer is read; and of a matrix only some rows are read at
    once, for a token embedding alone may be larger than the rest that answering needs."""
    seen: list[weakref.ref[Tensor]] = []
    alive: list[int] = []
    rows: list[int] = []
    read, pack = load_packed_module.read, pack_named
    read_rows = StoredMatrix.__getitem__

    def watched_read(*arguments: Any) -> Tensor:
        alive.append(sum(tensor() is not None for tensor in seen))
        tensor = read(*arguments)
        seen.append(weakref.ref(tensor))
        return tensor

    def watched_rows(matrix: StoredMatrix, wanted: slice) -> Tensor:
        alive.append(sum(tensor() is not None for tensor in seen))
        tensor = read_rows(matrix, wanted)
        rows.append(len(tensor))
        return tensor

    def watched_pack(*arguments: Any) -> PackedWeight:
        packed = pack(*arguments)
        seen.extend(weakref.ref(tensor) for tensor in (packed.codes, packed.scales))
        return packed

    monkeypatch.setattr(load_packed_module, "read", watched_read)
    monkeypatch.setattr(StoredMatrix, "__getitem__", watched_rows)
    monkeypatch.setattr(packed_module, "ROWS_AT_ONCE", 32)
    monkeypatch.setattr("miniclaude.model.load_packed.pack_named", watched_pack)
    packed_folder(original, tmp_path / "packed")
    assert len(alive) > 10
    # The loop that writes still has its last tensor: a layer's scales, or a norm.
    assert max(alive) <= 1
    assert max(rows) == 32 < read_config(original).vocab_size


def test_facts_are_those_of_the_packed_weights(packed: Path, original: Path) -> None:
    facts, plain = read_facts(packed), read_facts(original)
    assert facts.dtype == "int4"
    assert facts.parameters == plain.parameters
    assert facts.config == plain.config == read_config(packed)
    file = packed / "model.safetensors"
    assert facts.weight_bytes == sum(tensor.bytes for tensor in read_header(file).values())


@pytest.mark.parametrize("name", SHAPES)
def test_eight_bits_are_read_as_the_floats_they_stand_for(name: str, tmp_path: Path) -> None:
    """What is taught on these floats is served on those bits: the two must be one model."""
    config, changes = SHAPES[name]
    save_model(random_model(config, **changes), tmp_path / "plain")
    folder = packed_folder(tmp_path / "plain", tmp_path / "packed", 8)
    floats, reference = load_model(folder), map_packed(folder)
    ids = torch.arange(12)[None] % config.vocab_size
    with torch.inference_mode():
        assert torch.equal(floats(ids), reference(ids))
    save_model(floats, tmp_path / "again")
    assert torch.equal(load_model(tmp_path / "again")(ids), floats(ids))


def test_four_bits_are_for_answering_only(packed: Path) -> None:
    """Training, merging and other number formats want the numbers that are no longer there."""
    with pytest.raises(CheckpointError, match="stored in int4, which is for answering only"):
        load_model(packed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quant_method": "gptq", "bits": 4}, "quantised by gptq, which is not read here"),
        ({"quant_method": "awq"}, "quantised by awq"),
        ({"load_in_4bit": True}, "quantised by bitsandbytes"),
        ({"bits": 4}, "quantised by an unnamed method"),
        ({"quant_method": "mini-claude", "version": 2}, "version 2 of our layout; this program"),
        ({"quant_method": "mini-claude", "version": 1, "bits": 3}, "bits is 3; it must be 8 or 4"),
        (
            {"quant_method": "mini-claude", "version": 1, "bits": 4, "group_size": 32},
            "group_size is 32; it must be 64 for 4 bits",
        ),
    ],
)
def test_other_layouts_are_refused_by_name(
    packed: Path, changes: dict[str, object], message: str
) -> None:
    path = packed / "config.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "quantization_config": changes}),
        encoding="utf-8",
    )
    for reader in (map_packed, load_model, read_facts):
        with pytest.raises(CheckpointError, match=message) as caught:
            reader(packed)
        assert caught.value.hint


def test_older_tools_name_themselves_in_a_file_of_their_own(original: Path, tmp_path: Path) -> None:
    """AutoGPTQ's first folders: config.json says nothing, and a tensor would seem to be missing."""
    save_model(random_model(LLAMA), tmp_path / "gptq")
    (tmp_path / "gptq" / "quantize_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"quantize_config\.json: .* quantised by gptq"):
        load_model(tmp_path / "gptq")


def test_a_file_cut_short_is_refused(packed: Path) -> None:
    """Mapped beyond its end, a read would kill the process."""
    file = packed / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-64])
    with pytest.raises(CheckpointError, match=r"model\.safetensors has .* bytes where its header"):
        map_packed(packed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("head.scales"), r"no tensor head\.scales"),
        (lambda tensors: tensors.update(more=torch.ones(1)), "1 tensors .* no place for: 'more"),
        (
            lambda tensors: tensors.update({"head.codes": tensors["head.codes"][:1].clone()}),
            r"tensor head\.codes is U8 \[1, 1024\] where config\.json asks for U8 \[4, 1024\]",
        ),
        (
            lambda tensors: tensors.update({"norm.weight": tensors["norm.weight"].half()}),
            r"tensor norm\.weight is F16 \[16\] where config\.json asks for F32 \[16\]",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused(packed: Path, change: Any, message: str) -> None:
    """The kernels get addresses and sizes: nothing shorter may reach them."""
    file = packed / "model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    with pytest.raises(CheckpointError, match=message):
        map_packed(packed)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    home = tmp_path / "home"
    write_tiny_checkpoint(home / "models" / "tiny")
    (home / "models" / "tiny" / "README.md").write_text(
        "---\nlicense: mit\nbase_model: x\n---\n\n# Tiny\n"
    )
    return Library(home / "models", adapters=home / "adapters")


def test_the_copy_is_a_model_of_the_library(library: Library) -> None:
    progress = Recorder()
    tiny = library.find("tiny")
    made = quantize_model(tiny, library, 4, name="tiny-int4", progress=progress)
    assert [model.name for model in library.list()] == ["tiny", "tiny-int4"]
    assert made.context == 256
    assert progress.done == progress.total > 0
    assert read_manifest(made.path)["source"] == {"quantized from": "tiny", "to": "int4"}
    card = (made.path / "README.md").read_text()
    head = "---\nlicense: mit\nbase_model: tiny\nbase_model_relation: quantized\n---\n\n# Tiny\n"
    assert card.startswith(head)
    assert "This is tiny with its weights in 4 bits (a scale for each 64 weights)" in card
    assert "was not measured" in card
    config = json.loads((made.path / "config.json").read_text())
    assert config["quantization_config"] == {
        "quant_method": "mini-claude",
        "version": 1,
        "bits": 4,
        "group_size": 64,
    }
    assert (made.path / "tokenizer.json").is_file()
    assert not list((library.home_models / ".quantizing").iterdir())


def test_what_cannot_be_quantised_is_refused_before_anything_is_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = library.find("tiny")
    with pytest.raises(ConflictError, match="'tiny' is already installed"):
        quantize_model(tiny, library, 4, name="tiny", progress=Recorder())
    hidden = Library(library.home_models / "none", library.home_models)
    with pytest.raises(ConflictError, match="is the name of a model that came with") as taken:
        quantize_model(tiny, hidden, 4, name="tiny", progress=Recorder())
    assert taken.value.hint == "Choose another --as."
    assert library.adapters is not None
    name = write_tiny_adapter(tiny.path, library.adapters)
    with pytest.raises(UnsupportedFieldError, match="is an adapter; only a whole model") as caught:
        quantize_model(library.find(name), library, 4, name="a", progress=Recorder())
    assert "--merged" in caught.value.hint
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 20))
        with pytest.raises(DiskFullError, match=r"b: 0\.0 MB are needed"):
            quantize_model(tiny, library, 4, name="b", progress=Recorder())
    quantize_model(tiny, library, 4, name="c", progress=Recorder())
    with pytest.raises(CheckpointError, match="stored in int4"):
        quantize_model(library.find("c"), library, 8, name="d", progress=Recorder())
    assert {model.name for model in library.list()} == {"c", "tiny", name}


def test_a_disk_that_fills_up_leaves_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write_packed_module, "write_tensor", full)
    with pytest.raises(DiskFullError, match="no room in"):
        quantize_model(library.find("tiny"), library, 4, name="x", progress=Recorder())
    assert not list((library.home_models / ".quantizing").iterdir())
    assert [model.name for model in library.list()] == ["tiny"]


def test_a_card_in_another_encoding_is_no_obstacle(library: Library) -> None:
    """It was read after all weights were written, and failed there: an hour's work was thrown away
    for an accent in Latin-1."""
    tiny = library.find("tiny")
    (tiny.path / "README.md").write_bytes(b"# Mod\xe8le\n")
    made = quantize_model(tiny, library, 8, name="x", progress=Recorder())
    assert (made.path / "README.md").read_text("utf-8").count("# Mod\ufffdle") == 1
