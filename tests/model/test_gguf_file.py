"""The GGUF container: what is written is read, and a hostile file costs a message."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from miniclaude.errors import CheckpointError
from miniclaude.model.gguf_blocks import F16, F32, Q8_0, encode
from miniclaude.model.gguf_file import Value, make_header, padding, read_gguf

KEYS: dict[str, Value] = {
    "general.architecture": "llama",
    "a.flag": True,
    "a.count": 4_000_000_000,
    "a.small": 1e-5,
    "a.texts": ["", "Ġthe", "日本"],
    "a.numbers": np.array([1, -2, 3], np.int32),
    "a.scores": np.array([0.5, -1e9], np.float32),
}


def string(text: str) -> bytes:
    """As GGUF writes it."""
    return struct.pack("<Q", len(text)) + text.encode()


def start(tensors: int, keys: int, version: int = 3) -> bytes:
    """A file's first 24 bytes."""
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def entry(name: str, shape: list[int], kind: int, offset: int) -> bytes:
    """A tensor's."""
    axes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return string(name) + axes + struct.pack("<IQ", kind, offset)


def refused(tmp_path: Path, data: bytes) -> str:
    """What is said of the file."""
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(CheckpointError) as error:
        read_gguf(path)
    assert "bad.gguf" in error.value.message
    assert error.value.hint
    return error.value.message


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    layout = [("norm", F32, (3,)), ("matrix", F16, (3, 64)), ("blocks", Q8_0, (3, 64))]
    path = tmp_path / "x.gguf"
    with path.open("wb") as file:
        file.write(make_header(KEYS, layout))
        for kind, values in ((F32, rows[:1, :3]), (F16, rows), (Q8_0, rows)):
            data = encode(kind, values).tobytes()
            file.write(data + padding(len(data)))
    found = read_gguf(path)
    for name, value in KEYS.items():
        np.testing.assert_equal(found.metadata[name], value)
        assert type(found.metadata[name]) is type(value)
    assert {name: tensor.shape for name, tensor in found.tensors.items()} == {
        name: shape for name, _, shape in layout
    }
    np.testing.assert_array_equal(found.tensors["norm"].read_rows(0, 1), rows[:1, :3])
    np.testing.assert_array_equal(
        found.tensors["matrix"].read_rows(1, 3), rows[1:].astype(np.float16)
    )
    assert all(tensor.start % 32 == 0 for tensor in found.tensors.values())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not a GGUF file"),
        (b"PK\3\4" + bytes(40), "is not a GGUF file"),
        (b"GGUF\3\0", "the version has 4 bytes where the file has 2 left"),
        (start(0, 0, version=1), "is GGUF, version 1; read are 2 and 3"),
        (start(0, 0, version=3 << 24), "is GGUF, big-endian"),
        (start(1 << 60, 0), "the number of tensors is 1,152,921,504,606,846,976"),
        (start(0, 1 << 60), "the number of keys is 1,152,921,504,606,846,976"),
        (start(0, 1) + struct.pack("<Q", 1 << 60), "the length of a key is"),
        (
            start(0, 1) + string("k") + struct.pack("<IQ", 8, 1 << 60),
            "the length of 'k' is 1,152,921,504,606,846,976",
        ),
        (
            start(0, 1) + string("k") + struct.pack("<IQ", 8, 1 << 20),
            "'k' has 1,048,576 bytes where the file has 0 left",
        ),
        (
            start(0, 1) + string("k") + struct.pack("<IIQ", 9, 4, 1 << 60),
            "the length of 'k' is 1,152,921,504,606,846,976; at most 2,097,152 are read",
        ),
        (
            start(0, 1) + string("k") + struct.pack("<IIQ", 9, 8, 1 << 20),
            "the length of an entry of 'k' has 8 bytes where the file has 0 left",
        ),
        (start(0, 1) + string("k") + struct.pack("<IIQ", 9, 9, 1), "the value type 9"),
        (start(0, 1) + string("k") + struct.pack("<II", 13, 0), "the value type 13"),
        (
            start(0, 1) + string("k") + struct.pack("<If", 6, float("nan")),
            "'k' is nan, which is not finite",
        ),
        (start(0, 1) + struct.pack("<Q", 2) + b"\xff\xfe" + bytes(8), "a key is not UTF-8"),
        (start(0, 2) + 2 * (string("k") + struct.pack("<I?", 7, True)), "'k' comes twice"),
        (
            start(0, 1) + string("general.alignment") + struct.pack("<II", 4, 7),
            "general.alignment is 7",
        ),
        (start(1, 0) + string("t") + struct.pack("<I", 1 << 30), "the number of axes of 't'"),
        (start(1, 0) + entry("t", [1 << 60, 1 << 60], 0, 0), "tensor 't' would end at byte"),
        (start(1, 0) + entry("t", [8], 0, 1 << 60), "tensor 't' would end at byte"),
        (start(1, 0) + entry("t", [8], 0, 8) + bytes(64), "at 8, which is not aligned"),
        (start(1, 0) + entry("t", [0], 0, 0), "tensor 't' has the shape [0] in F32"),
        (start(1, 0) + entry("t", [33], 8, 0) + bytes(99), "tensor 't' has the shape [33] in Q8_0"),
        (start(1, 0) + entry("t", [256], 12, 0), "tensor 't' is stored as Q4_K"),
        (start(1, 0) + entry("t", [256], 99, 0), "tensor 't' is stored as type 99"),
        (start(2, 0) + 2 * entry("t", [8], 0, 0) + bytes(99), "the tensor 't' comes twice"),
        (
            start(2, 0) + entry("a", [16], 0, 0) + entry("b", [8], 0, 32) + bytes(199),
            "tensor 'b' overlaps another",
        ),
    ],
)
def test_a_bad_file_is_refused_in_words(tmp_path: Path, data: bytes, said: str) -> None:
    """Each of these would crash, hang or take all memory where counts are believed."""
    tracemalloc.start()
    try:
        assert said in refused(tmp_path, data)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [0, 99])
def test_a_name_cannot_drive_a_terminal(tmp_path: Path, kind: int) -> None:
    """Names from a file stood in messages as they are, escape sequences and all."""
    said = refused(tmp_path, start(1, 0) + entry("\x1b]0;mine\x07" + "x" * 200, [8], kind, 0))
    assert "tensor '\\x1b]0;mine\\x07xxx" in said
    assert "\x1b" not in said
    assert "x" * 90 not in said


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    """A download that broke off must not become a model with noise at its end."""
    whole = make_header(KEYS, [("t", F32, (8,))]) + bytes(32)
    for length in range(0, len(whole) - 1, 7):
        refused(tmp_path, whole[:length])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        read_gguf(tmp_path / "nothing.gguf")
