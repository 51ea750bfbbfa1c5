"""What one checkpoint format has to say: how its config.json reads, and where its tensors go.

`gpt2.py`, `llama.py` and `native.py` each describe one `CheckpointFormat`; `checkpoint.py` does
the reading and writing for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Size

from miniclaude.model.config import ModelConfig
from miniclaude.model.config_json import ConfigFields
from miniclaude.model.shards import StoredTensor


@dataclass(frozen=True, slots=True)
class Piece:
    """One tensor of a checkpoint and its place in our `Transformer`.

    name: in the checkpoint. parameter: the parameter of ours that holds it.
    rows: (start, stop) of the parameter's first axis when several pieces are fused into one.
    expert: which of a stack [experts, rows, columns] the piece is; `rows` are then that matrix's.
    transposed: the checkpoint keeps the matrix as [in, out]; ours is [out, in].
    """

    name: str
    parameter: str
    rows: tuple[int, int] | None = None
    transposed: bool = False
    expert: int | None = None

    def shape(self, parameter: Size) -> tuple[int, ...]:
        """The checkpoint tensor's shape, given that of our whole parameter."""
        shape = tuple(parameter if self.expert is None else parameter[1:])
        if self.rows is not None:
            shape = (self.rows[1] - self.rows[0], *shape[1:])
        return shape[::-1] if self.transposed else shape


def as_it_is(stored: dict[str, StoredTensor], config: ModelConfig) -> dict[str, StoredTensor]:
    """For formats that store nothing as one."""
    return stored


@dataclass(frozen=True, slots=True)
class CheckpointFormat:
    """One way to write a transformer down.

    model_types: the values of config.json's `model_type` it covers.
    read: config.json to ModelConfig; raises CheckpointError or UnknownArchitectureError.
    write: the reverse; None when the format cannot express this configuration.
    pieces: every tensor of a checkpoint of this configuration, once.
    head: the name of the output head's tensor.
    prefix: what all but the head's names begin with; a checkpoint may leave it out.
    ignored: names that carry no weights (masks and tables some writers kept).
    unfused: tensors by name to the same ones apart, where some writers store several as one.
    """

    model_types: tuple[str, ...]
    read: Callable[[ConfigFields], ModelConfig]
    write: Callable[[ModelConfig], dict[str, object] | None]
    pieces: Callable[[ModelConfig], Iterable[Piece]]
    head: str
    prefix: str = ""
    ignored: re.Pattern[str] = re.compile(r"(?!)")
    unfused: Callable[[dict[str, StoredTensor], ModelConfig], dict[str, StoredTensor]] = as_it_is

    def canonical(self, name: str) -> str:
        """A checkpoint's tensor name with its prefix in place."""
        if name == self.head or name.startswith(self.prefix):
            return name
        return self.prefix + name
