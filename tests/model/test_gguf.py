"""A model out to GGUF and in again is the same model."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from miniclaude.errors import (
    CheckpointError,
    ConflictError,
    DiskFullError,
    InvalidRequestError,
    TokenizerError,
    UnknownArchitectureError,
)
from miniclaude.model import gguf_export, install
from miniclaude.model.checkpoint import load_model, read_config, save_model
from miniclaude.model.config import ModelConfig, RotaryConfig
from miniclaude.model.gguf_config import architecture_of
from miniclaude.model.gguf_export import TYPES, write_gguf
from miniclaude.model.gguf_file import GGUFFile, Value, make_header, padding, read_gguf
from miniclaude.model.gguf_import import import_gguf
from miniclaude.model.gguf_names import halves_together, pairs_together
from miniclaude.model.library import Library
from miniclaude.model.merged import write_merged
from miniclaude.model.write_packed import quantize_model
from miniclaude.tokenizer.load import load_tokenizer
from tests.model.gguf_models import KINDS, TEXTS, Silent, write_model
from tests.model.models import GPT2, LLAMA, MIXTURE, random_model
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint


def exported(
    library: Library, name: str, kind: str, path: Path, progress: Silent | None = None
) -> Path:
    """The file that `models export` would write."""
    write_gguf(library.find(name), path, TYPES[kind], progress or Silent())
    return path


def rewritten(source: Path, target: Path, **changes: Value | None) -> Path:
    """A copy of a file with other keys (`__` for a dot); None takes one away."""
    gguf = read_gguf(source)
    metadata = {**gguf.metadata, **{k.replace("__", "."): v for k, v in changes.items() if v}}
    for name in [k.replace("__", ".") for k, value in changes.items() if value is None]:
        del metadata[name]
    return repacked(gguf, metadata, list(gguf.tensors), target)


def repacked(gguf: GGUFFile, metadata: dict[str, Value], names: list[str], target: Path) -> Path:
    """Those tensors of a file under other keys."""
    kept = [gguf.tensors[name] for name in names]
    data = gguf.path.read_bytes()
    header = make_header(metadata, [(tensor.name, tensor.kind, tensor.shape) for tensor in kept])
    for tensor in kept:
        part = data[tensor.start : tensor.start + tensor.bytes]
        header += part + padding(len(part))
    target.write_bytes(header)
    return target


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """One model of each kind, and `tiny` with a chat template."""
    models = tmp_path_factory.mktemp("gguf") / "models"
    for kind in KINDS:
        write_model(models / kind, kind)
    write_tiny_checkpoint(models / "tiny")
    return Library(models, adapters=models.parent / "adapters")


@pytest.fixture(scope="module")
def tiny_file(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny` in float32."""
    return exported(library, "tiny", "f32", tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_out_and_in_again_is_the_same_model(library: Library, kind: str, tmp_path: Path) -> None:
    """Weights bit for bit (norms come back in float32), configuration, ids and logits."""
    path = exported(library, kind, "f16", tmp_path / "x.gguf")
    progress = Silent()
    back = import_gguf(path, Library(tmp_path / "models"), progress=progress)
    assert back.name == "x"
    assert progress.done == progress.total
    before = load_file(library.find(kind).path / "model.safetensors")
    after = load_file(back.path / "model.safetensors")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.equal(tensor.float(), after[name].float()), name
    config, again = read_config(library.find(kind).path), read_config(back.path)
    if kind == "mistral":  # a window as a shorter context
        assert again.context == 64
    else:
        assert again == config
    tokenizer, theirs = load_tokenizer(library.find(kind).path), load_tokenizer(back.path)
    for text in TEXTS:
        assert tokenizer.encode(text) == theirs.encode(text)
    assert tokenizer.eos_ids == theirs.eos_ids
    ids = torch.arange(40)[None]  # [1, 40]
    torch.testing.assert_close(load_model(back.path)(ids), load_model(library.find(kind).path)(ids))


def test_the_order_of_rotated_rows_is_llama_cpps(library: Library) -> None:
    """Row i of a head's first half comes before row i of its second half."""
    config = read_config(library.find("llama-3").path)
    rows = np.arange(32, dtype=np.float32)[:, None]  # two heads of 16
    together = pairs_together(rows, config)
    assert together[:6, 0].tolist() == [0, 8, 1, 9, 2, 10]
    assert together[16:20, 0].tolist() == [16, 24, 17, 25]
    np.testing.assert_array_equal(halves_together(together, config), rows)


@pytest.mark.parametrize(("kind", "most"), [("q8_0", 0.01), ("q4_0", 0.12)])
def test_quantised_models_are_near(
    library: Library, kind: str, most: float, tmp_path: Path
) -> None:
    path = exported(library, "qwen2", kind, tmp_path / "x.gguf")
    stored = {name: tensor.kind.name for name, tensor in read_gguf(path).tensors.items()}
    assert stored["blk.0.attn_q.weight"] == kind.upper()
    assert stored["output.weight"] == "Q8_0"
    assert stored["blk.0.attn_norm.weight"] == stored["blk.0.attn_q.bias"] == "F32"
    back = import_gguf(path, Library(tmp_path / "models"), progress=Silent())
    before = load_file(library.find("qwen2").path / "model.safetensors")
    for name, tensor in load_file(back.path / "model.safetensors").items():
        off = (tensor.float() - before[name].float()).std()
        assert off <= most * before[name].float().std(), name


def test_rows_that_are_no_blocks_become_float16(library: Library, tmp_path: Path) -> None:
    """llama.cpp refuses a file whose rows end inside a block."""
    folder = tmp_path / "models" / "odd"
    save_model(random_model(LLAMA, vocab_size=300, width=32, mlp_width=40, head_dim=8), folder)
    shutil.copy(library.find("tiny").path / "tokenizer.json", folder)
    shutil.copy(library.find("tiny").path / "tokenizer_config.json", folder)
    path = exported(Library(tmp_path / "models"), "odd", "q8_0", tmp_path / "x.gguf")
    kinds = {name: tensor.kind.name for name, tensor in read_gguf(path).tensors.items()}
    assert kinds["blk.0.ffn_down.weight"] == "F16"
    assert kinds["blk.0.ffn_up.weight"] == "Q8_0"


def test_an_adapter_is_merged_first(library: Library, tmp_path: Path) -> None:
    name = write_tiny_adapter(library.find("tiny").path, library.home_models.parent / "adapters")
    path = exported(library, name, "f32", tmp_path / "x.gguf")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.gguf"]
    back = import_gguf(path, Library(tmp_path / "models"), progress=Silent())
    write_merged(library.find(name), tmp_path / "merged")
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    for tensor, value in load_file(back.path / "model.safetensors").items():
        assert torch.equal(value, merged[tensor])


def test_a_model_in_eight_bits_is_exported_as_the_floats_it_stands_for(
    library: Library, tmp_path: Path
) -> None:
    """The bundled model has no other copy."""
    packed = quantize_model(library.find("tiny"), library, 8, name="tiny8", progress=Silent())
    write_gguf(packed, tmp_path / "tiny8.gguf", TYPES["f32"], Silent())
    again = import_gguf(tmp_path / "tiny8.gguf", Library(tmp_path / "models"), progress=Silent())
    ids = torch.arange(12)[None]
    assert torch.allclose(load_model(again.path)(ids), load_model(packed.path)(ids), atol=1e-5)


def test_the_chat_template_and_the_end_of_a_turn_go_along(tiny_file: Path, tmp_path: Path) -> None:
    back = import_gguf(tiny_file, Library(tmp_path / "models"), name="a/b", progress=Silent())
    tokenizer = load_tokenizer(back.path)
    assert tokenizer.template is not None
    assert "<|im_start|>assistant" in tokenizer.template.source(tools=False)
    assert tokenizer.eos_ids == (2,)
    assert tokenizer.bos_id == 0
    assert tokenizer.encode_prompt("") == []
    assert back.name == "a/b"


def test_what_gguf_has_no_word_for_is_refused() -> None:
    def refused(config: ModelConfig, said: str) -> None:
        with pytest.raises(UnknownArchitectureError, match=said) as error:
            architecture_of(config)
        assert "models export NAME FOLDER" in error.value.hint

    dynamic = RotaryConfig(kind="dynamic", factor=2.0, original_context=48)
    refused(random_model(LLAMA, rotary=dynamic).config, "dynamic rotary scaling")
    refused(random_model(LLAMA, activation="relu").config, "the activation 'relu'")
    refused(random_model(GPT2, activation="gelu").config, "the activation 'gelu'")
    refused(random_model(GPT2, positions="sinusoidal").config, "a model of this shape")
    both = random_model(LLAMA, qk_norm=True, qkv_bias=True, out_bias=True)
    refused(both.config, "a Qwen3 with biases")
    refused(MIXTURE, "the model has experts, which are not written as GGUF")


def test_what_the_file_leaves_out_is_said(library: Library, tmp_path: Path) -> None:
    progress = Silent()
    exported(library, "mistral", "f16", tmp_path / "x.gguf", progress)
    assert progress.notes == [
        "Its layers look back 64 tokens, which GGUF cannot say of such a model: the file's context"
        " is as long."
    ]
    write_tiny_checkpoint(tmp_path / "models" / "tiny", chat_tokens=False, template=None)
    endless = Silent()
    exported(Library(tmp_path / "models"), "tiny", "f16", tmp_path / "y.gguf", endless)
    assert endless.notes == [
        "It names no end of a text, so llama.cpp will take one of its own choice."
    ]


def test_numbers_beyond_the_type_leave_no_file(library: Library, tmp_path: Path) -> None:
    """An infinite weight would make every answer nonsense without a word."""
    folder = tmp_path / "models" / "tiny"
    shutil.copytree(library.find("tiny").path, folder)
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"][7, 3] = 1e6
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"token_embd.weight holds 1e\+06, beyond what F16"):
        exported(Library(tmp_path / "models"), "tiny", "f16", tmp_path / "x.gguf")
    assert {path.name for path in tmp_path.iterdir()} == {"models"}


def test_a_file_that_is_there_is_not_replaced(library: Library, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_text("mine")
    with pytest.raises(ConflictError, match="already exists"):
        exported(library, "tiny", "f16", tmp_path / "x.gguf")
    assert (tmp_path / "x.gguf").read_text() == "mine"


def test_no_room_is_said_before_and_after_it_began(
    library: Library, tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(install, "MARGIN", 1 << 60)
        with pytest.raises(DiskFullError, match="are needed"):
            exported(library, "tiny", "f16", tmp_path / "x.gguf")
        with pytest.raises(DiskFullError, match="are needed"):
            import_gguf(tiny_file, Library(tmp_path / "models"), progress=Silent())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gguf_export, "_write_tensor", full)
    with pytest.raises(DiskFullError, match="No room to write"):
        exported(library, "tiny", "f16", tmp_path / "x.gguf")
    assert not list(tmp_path.glob("*x.gguf*"))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"general__architecture": "mamba"}, UnknownArchitectureError, "'mamba', which is not"),
        ({"general__architecture": None}, UnknownArchitectureError, "architecture is None"),
        ({"general__architecture": "gpt2"}, CheckpointError, "embedding_length is missing"),
        ({"llama__block_count": 3}, CheckpointError, "has no tensor blk.2"),
        ({"llama__block_count": 1}, CheckpointError, "tensors that there is no place for: 'blk.1"),
        ({"llama__block_count": 1 << 31}, CheckpointError, "block_count is 2147483648"),
        ({"llama__feed_forward_length": 63}, CheckpointError, "has shape .* ask for"),
        ({"llama__attention__head_count": "x"}, CheckpointError, "head_count is 'x'"),
        ({"llama__attention__head_count_kv": 3}, CheckpointError, "cannot share 3"),
        ({"llama__attention__value_length": 4}, UnknownArchitectureError, "value_length is 4"),
        ({"llama__rope__dimension_count": 4}, UnknownArchitectureError, "dimension_count is 4"),
        ({"llama__rope__scaling__type": "yarn"}, UnknownArchitectureError, "type is 'yarn'"),
        ({"llama__expert_count": 8}, UnknownArchitectureError, "expert_count is 8"),
        ({"tokenizer__ggml__model": "bert"}, TokenizerError, "model has 'bert'"),
        ({"tokenizer__ggml__tokens": ["a", "b"]}, TokenizerError, "token_type has no 2 numbers"),
        ({"tokenizer__ggml__pre": "viking"}, TokenizerError, "pre has 'viking'; read are gpt-2"),
    ],
)
def test_a_file_that_says_something_else_is_refused_in_words(
    tiny_file: Path, tmp_path: Path, changes: dict[str, Value], error: type[Exception], said: str
) -> None:
    path = rewritten(tiny_file, tmp_path / "x.gguf", **changes)
    with pytest.raises(error, match=said):
        import_gguf(path, Library(tmp_path / "models"), progress=Silent())
    assert Library(tmp_path / "models").list() == []


def test_a_part_of_a_model_is_refused(tiny_file: Path, tmp_path: Path) -> None:
    gguf = read_gguf(tiny_file)
    names = [name for name in gguf.tensors if name != "token_embd.weight"]
    path = repacked(gguf, gguf.metadata, names, tmp_path / "x.gguf")
    with pytest.raises(CheckpointError, match="no table of token embeddings"):
        import_gguf(path, Library(tmp_path / "models"), progress=Silent())


def test_weights_that_are_not_finite_are_refused(tiny_file: Path, tmp_path: Path) -> None:
    data = bytearray(tiny_file.read_bytes())
    place = read_gguf(tiny_file).tensors["blk.1.ffn_up.weight"].start
    data[place : place + 4] = np.float32(np.nan).tobytes()
    (tmp_path / "x.gguf").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"ffn_up.weight holds numbers that are not finite"):
        import_gguf(tmp_path / "x.gguf", Library(tmp_path / "models"), progress=Silent())


def test_wavelengths_stretched_in_another_way_are_refused(library: Library, tmp_path: Path) -> None:
    path = exported(library, "llama-3", "f16", tmp_path / "x.gguf")
    data = bytearray(path.read_bytes())
    place = read_gguf(path).tensors["rope_freqs.weight"].start
    data[place : place + 4] = np.float32(1.5).tobytes()
    path.write_bytes(data)
    with pytest.raises(UnknownArchitectureError, match=r"in another way than Llama 3\.1"):
        import_gguf(path, Library(tmp_path / "models"), progress=Silent())


@pytest.mark.parametrize(
    ("changes", "context"),
    [
        ({"type": None}, 128),  # llama.cpp's default with a factor is linear
        ({"type": None, "factor": None, "old": 2.0}, 128),
        ({"factor": None, "old": 2.0}, 128),
        ({"original_context_length": 64}, 128),
        ({"original_context_length": 100}, 200),
        ({"type": "none"}, 128),
    ],
)
def test_linear_scaling_is_read_however_a_file_says_it(
    library: Library, tmp_path: Path, changes: dict[str, Value | None], context: int
) -> None:
    """Without a type, or under the key of 2023, it was passed over: the model was computed without
    its scaling, and nothing said so. The context is what the file says, as llama.cpp takes it; or
    where it says what it was before scaling, that times the factor, if this is more."""
    names = {"old": "llama__rope__scale_linear"}
    changes = {names.get(name, f"llama__rope__scaling__{name}"): changes[name] for name in changes}
    path = exported(library, "llama-linear", "f16", tmp_path / "x.gguf")
    path = rewritten(path, tmp_path / "y.gguf", **changes)
    config = read_config(import_gguf(path, Library(tmp_path / "m"), progress=Silent()).path)
    assert config.context == context
    assert config.rotary is not None
    scaled = "none" not in changes.values()
    assert (config.rotary.kind, config.rotary.factor) == (
        ("linear", 2.0) if scaled else ("default", 1.0)
    )


def test_two_scalings_at_once_are_refused(library: Library, tmp_path: Path) -> None:
    """llama.cpp computes with both; the factor was dropped without a word."""
    path = exported(library, "llama-3", "f16", tmp_path / "x.gguf")
    path = rewritten(path, tmp_path / "y.gguf", llama__rope__scaling__factor=2.0)
    with pytest.raises(UnknownArchitectureError, match=r"factor is 2\.0; rope_freqs.weight does"):
        import_gguf(path, Library(tmp_path / "models"), progress=Silent())


def test_a_bad_or_taken_name(tiny_file: Path, tmp_path: Path) -> None:
    library = Library(tmp_path / "models")
    with pytest.raises(InvalidRequestError, match="is not a model name"):
        import_gguf(tiny_file, library, name="../x", progress=Silent())
    import_gguf(tiny_file, library, progress=Silent())
    with pytest.raises(ConflictError, match="'tiny' is already installed"):
        import_gguf(tiny_file, library, progress=Silent())
