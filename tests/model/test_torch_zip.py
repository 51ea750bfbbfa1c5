"""Files of `torch.save` are read without unpickling; whatever is more than tensors is refused."""

from __future__ import annotations

import collections
import pickle
import random
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from miniclaude.errors import CheckpointError
from miniclaude.model.torch_zip import read_torch_zip

RAN: list[str] = []


def save(path: Path, value: object) -> Path:
    torch.save(value, path)
    return path


def repickle(path: Path, data: bytes) -> Path:
    """The same file with another pickle in it."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, data if name.endswith("data.pkl") else content)
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_tensors_come_back_bit_for_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    saved = {
        name: torch.randn(shape, generator=generator).to(dtype)
        for name, shape in {"a": (3, 4), "b.weight": (5,), "scalar": (), "none": (0, 2)}.items()
    }
    saved["part"] = saved["a"][1:]
    found = read_torch_zip(save(tmp_path / "file.bin", saved))
    assert found.keys() == saved.keys()
    for name, tensor in saved.items():
        target = torch.empty(tensor.shape, dtype=dtype)
        found[name].read_into(target)
        assert torch.equal(target, tensor), name


def test_a_state_dict_of_a_module(tmp_path: Path) -> None:
    """An OrderedDict with an attribute, which PEFT's older writers left in."""
    state = torch.nn.Linear(3, 2).state_dict()
    assert isinstance(state, collections.OrderedDict)
    found = read_torch_zip(save(tmp_path / "file.bin", state))
    assert {name: t.shape for name, t in found.items()} == {"weight": (2, 3), "bias": (2,)}


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return RAN.append, ("it ran",)


class EvilSystem:
    """The classic."""

    def __reduce__(self) -> Any:
        import os

        return os.system, ("touch /tmp/never",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_program_in_the_pickle_is_refused_and_never_run(tmp_path: Path, protocol: int) -> None:
    for evil in (Evil(), EvilSystem(), {"a": EvilSystem()}):
        path = save(tmp_path / "file.bin", {"a": torch.zeros(2)})
        repickle(path, pickle.dumps(evil, protocol))
        with pytest.raises(CheckpointError, match="is not opened: its pickle"):
            read_torch_zip(path)
    assert RAN == []


def pickled(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


SYSTEM = b"cposix\nsystem\n"
ORDERED = b"ccollections\nOrderedDict\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (pickled(SYSTEM, b"X\x02\x00\x00\x00ls\x85R"), "asks for 'posix system'"),
        (pickled(b"cbuiltins\neval\n"), "asks for 'builtins eval'"),
        (pickled(b"ctorch\nload\n"), "asks for 'torch load'"),
        (pickled(b"\x8c\x05posix\x8c\x06system\x93"), "the instruction STACK_GLOBAL"),
        (pickled(b"(X\x02\x00\x00\x00lsiposix\nsystem\n"), "the instruction INST"),
        (pickled(b"(" + SYSTEM + b"o"), "asks for 'posix system'"),
        (pickled(b"\x82\x01"), "the instruction EXT1"),
        (
            pickled(ORDERED, b"X\x01\x00\x00\x00a\x85R"),
            "calls 'collections OrderedDict' with a tuple",
        ),
        (pickled(b"}", b"K\x01K\x02s"), "has 1 as a key"),
        (pickled(b"}X\x01\x00\x00\x00aK\x02s"), "its entry 'a' is not a tensor"),
        (pickled(b"K\x01"), "does not hold a dictionary"),
        (pickled(b"h\x05"), "remembers what it never saw"),
        (pickled(b"s"), "takes what it never made"),
        (pickled(b"u"), "takes what it never made"),
        (pickled(b"(s"), "takes what it never made"),
        (pickled(REBUILD, b"(K\x01K\x00))tR"), "calls 'torch._utils _rebuild_tensor_v2'"),
        (pickled(b"X\x02\x00\x00\x00hiQ"), "refers to 'hi'"),
        (pickled(REBUILD, b"}b"), "builds an object"),
        (pickled(b")" + b"q\x00h\x00\x86" * 200 + b"Q"), "refers to a tuple"),
        (pickled(b")" + b"\x85" * 200_000 + b"Q"), "refers to a tuple"),
        (b"\x80\x02}", "is broken"),
        (b"", "is broken"),
        (b"\x80\x02X\xff\xff\xff\x7fabc", "is broken"),
    ],
)
def test_instructions_that_are_refused(tmp_path: Path, program: bytes, problem: str) -> None:
    path = repickle(save(tmp_path / "file.bin", {"a": torch.zeros(2)}), program)
    with pytest.raises(CheckpointError, match=re.escape(problem)) as caught:
        read_torch_zip(path)
    assert "safetensors" in caught.value.hint


def tensor_program(member: bytes, count: int, offset: int, shape: bytes, strides: bytes) -> bytes:
    """A pickle of one tensor called `a`."""
    text = b"X" + len(member).to_bytes(4, "little") + member
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + text
    storage += b"X\x03\x00\x00\x00cpuJ" + count.to_bytes(4, "little") + b"tQ"
    rest = b"J" + offset.to_bytes(4, "little", signed=True) + shape + strides + b"\x89}"
    return pickled(b"}X\x01\x00\x00\x00a", REBUILD, b"(", storage, rest, b"tRs")


ONE, TWO, HUGE = b"K\x01\x85", b"K\x02\x85", b"J\xff\xff\xff\x7f\x85"


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (tensor_program(b"7", 2, 0, TWO, ONE), "a member '7' that is not there"),
        (tensor_program(b"../x", 2, 0, TWO, ONE), "refers to a tuple"),
        (tensor_program(b"0", 3, 0, TWO, ONE), "does not fit into its storage"),
        (tensor_program(b"0", 2, 1, TWO, ONE), "does not fit into its storage"),
        (tensor_program(b"0", 2, 0, HUGE, ONE), "does not fit into its storage"),
        (tensor_program(b"0", 2, -1, TWO, ONE), "does not lie end to end"),
        (tensor_program(b"0", 2, 0, TWO, TWO), "does not lie end to end"),
        (tensor_program(b"0", 2, 0, TWO, b")"), "not of whole numbers"),
    ],
)
def test_sizes_that_contradict_the_file(tmp_path: Path, program: bytes, problem: str) -> None:
    path = repickle(save(tmp_path / "file.bin", {"a": torch.zeros(2)}), program)
    with pytest.raises(CheckpointError, match=re.escape(problem)):
        read_torch_zip(path)


def test_the_stand_in_is_a_file_that_can_be_read(tmp_path: Path) -> None:
    """Else the refusals above could all be for another reason."""
    program = tensor_program(b"0", 2, 0, TWO, ONE)
    path = repickle(save(tmp_path / "file.bin", {"a": torch.tensor([1.0, 2.0])}), program)
    target = torch.empty(2)
    read_torch_zip(path)["a"].read_into(target)
    assert target.tolist() == [1, 2]


def test_what_is_no_torch_zip(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(CheckpointError, match=r"file\.bin is not a file that torch\.save wrote"):
        read_torch_zip(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(CheckpointError, match=r"no single data\.pkl"):
        read_torch_zip(path)
    with pytest.raises(CheckpointError, match=r"gone\.bin is not a file"):
        read_torch_zip(tmp_path / "gone.bin")


def test_compressed_members_and_endless_pickles(tmp_path: Path) -> None:
    """A zip can promise a thousand times the bytes it has."""
    path = save(tmp_path / "file.bin", {"a": torch.zeros(2)})
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(CheckpointError, match="compressed"):
        read_torch_zip(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            kind = zipfile.ZIP_STORED if name.endswith("data.pkl") else None
            archive.writestr(name, content, kind)
    with pytest.raises(CheckpointError, match="compressed"):
        read_torch_zip(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"N" * (5 << 20))
    with pytest.raises(CheckpointError, match="more than 4,194,304 bytes"):
        read_torch_zip(path)


def test_bytes_changed_by_chance_are_read_or_refused(tmp_path: Path) -> None:
    """Never a traceback, and never a tensor outside the file."""
    path = save(tmp_path / "file.bin", {"a": torch.zeros(3, 4), "b": torch.ones(2)})
    whole = path.read_bytes()
    chance = random.Random(0)
    refused = 0
    for _ in range(400):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            for tensor in read_torch_zip(path).values():
                tensor.read_into(torch.empty(tensor.shape))
        except CheckpointError:
            refused += 1
    assert 0 < refused < 400
