"""Tensors in a file that `torch.save` wrote, found without unpickling it.

Such a file is a zip: each tensor's bytes are a member of their own, uncompressed, and the names and
shapes are in a pickle, `data.pkl`. A pickle is a program. This one is never run: `pickletools`
splits it into instructions, and the few that put a dictionary of tensors together are followed
here, on plain values. Anything else, whatever it would do, is refused by its name.

Format: torch/serialization.py; pickle's instructions: the source of `pickletools`.
"""

from __future__ import annotations

import math
import pickletools
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from miniclaude.errors import CheckpointError
from miniclaude.model.shards import StoredTensor

MAX_PICKLE_BYTES = 4 << 20
MAX_MEMBERS = 100_000
LOCAL_HEADER = struct.Struct("<4s2xHH16xHH")  # signature, flags, method, name's and extra's length

STORAGES = {
    "torch FloatStorage": "F32",
    "torch DoubleStorage": "F64",
    "torch HalfStorage": "F16",
    "torch BFloat16Storage": "BF16",
}
BYTES = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2}
REBUILD = "torch._utils _rebuild_tensor_v2"
ORDERED = "collections OrderedDict"
ALLOWED = {REBUILD, ORDERED, *STORAGES}

LITERALS = {
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}

CONVERT = (
    "Save it again as safetensors where you trust it: PEFT's save_pretrained writes"
    " adapter_model.safetensors."
)


@dataclass(frozen=True, slots=True)
class Global:
    """A name the pickle asks for; only ever compared, never looked up."""

    name: str


@dataclass(frozen=True, slots=True)
class Storage:
    """A member of the zip that holds numbers. count: of elements."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: from which element of a storage, in which shape."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]


class Mark:
    """Pickle's marker on the stack."""


def read_torch_zip(path: Path) -> dict[str, StoredTensor]:
    """The tensors in the file, by name. Nothing of the file is executed.

    Raises CheckpointError naming the file and what is wrong: no such zip, an instruction or a
    global that a dictionary of tensors does not need, sizes that contradict the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if len(members) > MAX_MEMBERS:
                fail(path, f"it has {len(members):,} members")
            program = [
                name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")
            ]
            if len(program) != 1:
                fail(path, "it has no single data.pkl")
            data = read_member(path, archive, members[program[0]], MAX_PICKLE_BYTES)
            order = members.get(program[0].removesuffix("data.pkl") + "byteorder")
            if order is not None and read_member(path, archive, order, 10) != b"little":
                fail(path, "its byte order is not little")
        found = follow(path, data)
        root = program[0].rpartition("/")[0]
        size = path.stat().st_size
        with path.open("rb") as stream:
            return {
                name: place(path, name, view, root, members, stream, size)
                for name, view in found.items()
            }
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, EOFError) as error:
        raise CheckpointError(
            f"{path} is not a file that torch.save wrote: {str(error)[:200]}.", hint=CONVERT
        ) from error


def read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """The bytes of a member that is stored as it is and has at most so many."""
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        fail(path, f"its member {member.filename[-50:]} is compressed or encrypted")
    if member.file_size > most:
        fail(path, f"its member {member.filename[-50:]} has more than {most:,} bytes")
    with archive.open(member) as file:
        return file.read(most + 1)


def fail(path: Path, problem: str) -> NoReturn:
    """Raise CheckpointError."""
    raise CheckpointError(
        f"{path} is not opened: {problem}, which a file of tensors alone does not need.",
        hint=CONVERT,
    )


def place(
    path: Path,
    name: str,
    view: View,
    root: str,
    members: dict[str, zipfile.ZipInfo],
    stream: Any,
    size: int,
) -> StoredTensor:
    """Where a tensor's bytes lie in the file."""
    member = members.get(f"{root}/data/{view.storage.key}")
    if member is None:
        fail(path, f"tensor {name} lies in a member {view.storage.key[:50]!r} that is not there")
    stream.seek(member.header_offset)
    head = stream.read(LOCAL_HEADER.size)
    if len(head) < LOCAL_HEADER.size or head[:4] != b"PK\x03\x04":
        fail(path, f"the member of tensor {name} has no header")
    _, flags, method, name_length, extra_length = LOCAL_HEADER.unpack(head)
    if method != 0 or flags & 1 or member.compress_type != 0:
        fail(path, f"tensor {name} is compressed or encrypted")
    width = BYTES[view.storage.dtype]
    count = math.prod(view.shape)
    start = member.header_offset + LOCAL_HEADER.size + name_length + extra_length
    whole = member.file_size == view.storage.count * width
    if not whole or view.offset + count > view.storage.count or start + member.file_size > size:
        fail(path, f"tensor {name} of shape {list(view.shape)} does not fit into its storage")
    return StoredTensor(
        path, name, view.storage.dtype, view.shape, start + view.offset * width, count * width
    )


def follow(path: Path, data: bytes) -> dict[str, View]:
    """What the pickle describes: tensors by name."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for name, argument in instructions(path, data):
        if name in LITERALS:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in TUPLES:
            count = TUPLES[name]
            stack[-count:] = [tuple(need(path, stack, count))]
        elif name == "PROTO":
            continue
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "MARK":
            stack.append(Mark)
        elif name == "TUPLE":
            stack.append(tuple(to_mark(path, stack)))
        elif name == "GLOBAL":
            if argument not in ALLOWED:
                fail(path, f"its pickle asks for {str(argument)[:100]!r}")
            stack.append(Global(argument))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = need(path, stack, 1)[0]
        elif name == "MEMOIZE":
            memo[len(memo)] = need(path, stack, 1)[0]
        elif name in ("BINGET", "LONG_BINGET"):
            if argument not in memo:
                fail(path, "its pickle remembers what it never saw")
            stack.append(memo[argument])
        elif name == "BINPERSID":
            stack[-1:] = [storage(path, need(path, stack, 1)[0])]
        elif name == "REDUCE":
            stack[-2:] = [call(path, *need(path, stack, 2))]
        elif name in ("SETITEM", "SETITEMS"):
            pairs = need(path, stack, 2) if name == "SETITEM" else to_mark(path, stack)
            if name == "SETITEM":
                del stack[-2:]
            put(path, need(path, stack, 1)[0], pairs)
        elif name == "BUILD":  # an OrderedDict's attributes: a state_dict's `_metadata`
            _, state = need(path, stack, 2)
            if not isinstance(state, dict) or not isinstance(stack[-2], dict):
                fail(path, "its pickle builds an object")
            del stack[-1]
        elif name == "STOP":
            break
        else:
            fail(path, f"its pickle has the instruction {name}")
    if len(stack) != 1 or not isinstance(stack[0], dict):
        fail(path, "it does not hold a dictionary")
    found = stack[0]
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, View):
            fail(path, f"its entry {str(key)[:50]!r} is not a tensor")
    return found


def instructions(path: Path, data: bytes) -> Iterator[tuple[str, Any]]:
    """The pickle's instructions and their arguments; nothing is done with them."""
    try:
        for opcode, argument, _ in pickletools.genops(data):
            yield opcode.name, argument
    except (ValueError, IndexError, struct.error, OverflowError) as error:
        fail(path, f"its pickle is broken ({str(error)[:100]})")


def need(path: Path, stack: list[Any], count: int) -> list[Any]:
    """The top values of the stack."""
    if len(stack) < count or Mark in stack[-count:]:
        fail(path, "its pickle takes what it never made")
    return stack[-count:]


def to_mark(path: Path, stack: list[Any]) -> list[Any]:
    """Take the values above the last mark, and the mark, from the stack."""
    at = next((i for i in range(len(stack) - 1, -1, -1) if stack[i] is Mark), None)
    if at is None:
        fail(path, "its pickle takes what it never made")
    values = stack[at + 1 :]
    del stack[at:]
    return values


def put(path: Path, target: object, pairs: list[Any]) -> None:
    """Fill a dictionary with key, value, key, value…"""
    if not isinstance(target, dict) or len(pairs) % 2:
        fail(path, "its pickle fills what is no dictionary")
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str):
            fail(path, f"its pickle has {shown(key)} as a key")
        target[key] = value


def shown(value: object) -> str:
    """A value in an error. A tuple is never written out: a few bytes of pickle make one that holds
    itself twice, a hundred times over."""
    if isinstance(value, Global):
        return repr(value.name[:100])
    return repr(value)[:100] if isinstance(value, (str, int)) else f"a {type(value).__name__}"


def storage(path: Path, value: object) -> Storage:
    """What torch stands for with ("storage", its class, member, device, count)."""
    match value:
        case ("storage", Global(kind), str(key), str(), int(count)) if kind in STORAGES:
            if count >= 0 and key.isascii() and key.isdigit():
                return Storage(STORAGES[kind], key, count)
    fail(path, f"its pickle refers to {shown(value)}")


def call(path: Path, function: object, arguments: object) -> object:
    """The two calls that a dictionary of tensors is made of: a tensor, and an empty dictionary."""
    match function, arguments:
        case Global(name), () if name == ORDERED:
            return {}
        case Global(name), (Storage() as kept, int(offset), tuple(shape), tuple(strides), *_) if (
            name == REBUILD
        ):
            return view(path, kept, offset, shape, strides)
    fail(path, f"its pickle calls {shown(function)} with {shown(arguments)}")


def view(
    path: Path, kept: Storage, offset: int, shape: tuple[Any, ...], strides: tuple[Any, ...]
) -> View:
    """A tensor whose elements lie end to end."""
    numbers = (offset, *shape, *strides)
    if len(shape) > 8 or len(strides) != len(shape) or not all(type(n) is int for n in numbers):
        fail(path, "a tensor's shape is not of whole numbers")
    expected, step = [], 1
    for size in reversed(shape):
        expected.append(step)
        step *= max(size, 1)
    contiguous = all(
        size == 1 or stride == wanted
        for size, stride, wanted in zip(shape, strides, reversed(expected), strict=True)
    )
    if min(numbers) < 0 or not contiguous:
        fail(path, f"a tensor of shape {list(shape)} does not lie end to end")
    return View(kept, offset, tuple(shape))
