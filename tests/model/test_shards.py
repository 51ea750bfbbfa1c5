"""Safetensors files: ours are theirs and theirs are ours; a header that lies is not believed."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch

from miniclaude.errors import CheckpointError
from miniclaude.model.shards import make_header, read_header, write_shard


def test_we_read_what_the_library_writes(tmp_path: Path) -> None:
    tensors = {
        "a": torch.randn(3, 5),
        "half": torch.randn(7).to(torch.bfloat16),
        "scalar": torch.tensor(2.5, dtype=torch.float16),
        "empty": torch.zeros(0, 4),
        "whole": torch.arange(6),
    }
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors", {"format": "pt"})
    stored = read_header(tmp_path / "x.safetensors")
    assert {name: tensor.shape for name, tensor in stored.items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }
    for name in ("a", "half", "scalar", "empty"):
        target = torch.empty(tensors[name].shape, dtype=torch.float32)
        stored[name].read_into(target)
        assert torch.equal(target, tensors[name].float())
    transposed = torch.empty(5, 3)
    stored["a"].read_into(transposed.t())
    assert torch.equal(transposed, tensors["a"].t())
    with pytest.raises(CheckpointError, match="tensor 'whole' is stored as I64"):
        stored["whole"].read_into(torch.empty(6))


def test_the_library_reads_what_we_write(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 5).t(), "é": torch.randn(4).to(torch.bfloat16)}
    header = make_header((name, t.dtype, tuple(t.shape)) for name, t in tensors.items())
    write_shard(tmp_path / "x.safetensors", tensors.items(), header)
    loaded = safetensors.torch.load_file(tmp_path / "x.safetensors")
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def entry(dtype: object, shape: object, offsets: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ([], "is not a JSON object"),
        ({"a": 1}, "entry for 'a' is malformed"),
        ({"a": entry("F99", [4], [0, 16])}, "malformed"),
        ({"a": entry("F32", [4], [0, 12])}, "malformed"),
        ({"a": entry("F32", [-4], [0, -16])}, "malformed"),
        ({"a": entry("F32", [2.0, 2], [0, 16])}, "malformed"),
        ({"a": entry("F32", [True, 4], [0, 16])}, "malformed"),
        ({"a": entry("F32", [1 << 62, 1 << 62], [0, 16])}, "malformed"),
        ({"a": entry("F32", [4], [16, 32])}, "leaves a hole"),
        ({"a": entry("F32", [4], [0, 16]), "b": entry("F32", [2], [8, 16])}, "overlaps"),
        ({"a": entry("F32", [8], [0, 32])}, "bytes where its header describes"),
        ({"a": entry("F32", [2], [0, 8])}, "bytes where its header describes"),
    ],
)
def test_a_header_that_lies(header: object, words: str, tmp_path: Path) -> None:
    text = json.dumps(header).encode()
    file = tmp_path / "x.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(16))
    with pytest.raises(CheckpointError, match=words) as caught:
        read_header(file)
    assert str(file) in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x00",
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", 5) + b"{}",
        struct.pack("<Q", 2) + b"{x",
        struct.pack("<Q", 50_000) + b"[" * 50_000,
    ],
    ids=["empty", "short", "vast", "beyond", "cut", "deep"],
)
def test_a_file_that_is_no_safetensors_file(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"x\.safetensors"):
        read_header(tmp_path / "x.safetensors")


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    safetensors.torch.save_file({"a": torch.randn(30)}, file)
    stored = read_header(file)["a"]
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="ends inside tensor 'a'"):
        stored.read_into(torch.empty(30))


def test_a_name_cannot_drive_a_terminal(tmp_path: Path) -> None:
    """Names from a file stood in messages as they are: escape sequences, megabytes and all."""
    file = tmp_path / "x.safetensors"
    name = "\x1b]0;mine\x07" + "x" * 10_000
    safetensors.torch.save_file({name: torch.zeros(3, dtype=torch.int64)}, file)
    with pytest.raises(CheckpointError, match=r"tensor '\\x1b]0;mine\\x07xxx") as caught:
        read_header(file)[name].read_into(torch.empty(3))
    assert len(caught.value.message) < 400
