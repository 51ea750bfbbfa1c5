"""Adapters beside one model: loaded when a request names one, dropped when others need the room.

At most so many and so many bytes are kept; of those that no request uses the longest unused goes
first, and one in use never does. The model's linear layers are wrapped when the first adapter comes
and bare again when the last has gone (`model/lora_batch.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import AdapterRef
from miniclaude.errors import CheckpointError, OverloadedError, UnsupportedFieldError
from miniclaude.model.adapter import read_parts
from miniclaude.model.lora_batch import Part, RowLoraLinear, Rows, part_of
from miniclaude.model.transformer import Transformer
from miniclaude.model.tuned import check_files


def name_of(adapter: AdapterRef | None) -> str:
    """What it is known by within the engine; "" is the base alone."""
    return "" if adapter is None else f"{adapter.version}:{adapter.folder}"


@dataclass(slots=True, eq=False)
class Loaded:
    """parts: by the name of the layer that they change. bytes: of all of them. users: requests
    that name it and have not ended."""

    parts: dict[str, tuple[Part, ...]]
    bytes: int
    users: int = 0


class Adapters:
    """The adapters of one engine. `hold` one for each request and `release` it at its end; `assign`
    the rows before every forward pass. model: what they change; its weights may be packed."""

    def __init__(self, model: Transformer, limits: EngineLimits) -> None:
        self.model = model
        self.limits = limits
        self.rows = Rows()
        self.loaded: dict[str, Loaded] = {}  # the first is the longest unused
        self.wrapped: dict[str, RowLoraLinear] = {}

    def hold(self, adapter: AdapterRef | None) -> None:
        """Keep an adapter in memory, loading it if it is not there.

        Raises CheckpointError naming the file at fault, UnsupportedFieldError for DoRA, and
        OverloadedError when there is no room and all others are in use.
        """
        if adapter is None:
            return
        name = name_of(adapter)
        if name not in self.loaded:
            loaded = self.read(Path(adapter.folder))
            self.make_room(loaded.bytes)
            self.attach(name, loaded)
        self.loaded[name] = self.loaded.pop(name)
        self.loaded[name].users += 1

    def release(self, adapter: AdapterRef | None) -> None:
        """A request that held it has ended."""
        if adapter is not None:
            name = name_of(adapter)
            self.loaded[name].users -= 1
            self.loaded[name] = self.loaded.pop(name)

    def assign(self, chunks: Iterable[tuple[int, AdapterRef | None]]) -> None:
        """How many rows the next forward pass has, and whose they are, in order."""
        if self.wrapped:
            self.rows.assign([(count, name_of(adapter)) for count, adapter in chunks])

    def read(self, folder: Path) -> Loaded:
        """An adapter in the number format of the model's activations. What of its files is not used
        goes to the log. Raises CheckpointError, UnsupportedFieldError."""
        check_files(folder)
        parts, what = read_parts(self.model, folder)
        for sentence in what.left_out:
            print(f"{folder}: {sentence}", file=sys.stderr)
        if what.config.lora.dora:
            raise UnsupportedFieldError(
                f"{folder}: an adapter with DoRA's lengths cannot share its base with others.",
                hint="Serve it merged into its base.",
                param="use_dora",
            )
        weight = self.model.norm.get_parameter("weight")  # never packed
        by_layer: dict[str, list[Part]] = {}
        size = 0
        for low_rank in sorted(parts, key=lambda part: part.slot.rows):
            part = part_of(low_rank, weight.dtype, weight.device)
            # It could answer nothing but that its scores are not numbers.
            if not torch.isfinite(part.a).all() or not torch.isfinite(part.b).all():
                raise CheckpointError(
                    f"{folder}: the adapter of {low_rank.slot.name} holds values that are not"
                    " finite numbers.",
                    hint="Train it again, with a lower learning rate.",
                )
            by_layer.setdefault(low_rank.slot.module, []).append(part)
            size += part.a.nbytes + part.b.nbytes
        return Loaded({layer: tuple(group) for layer, group in by_layer.items()}, size)

    def make_room(self, size: int) -> None:
        """Drop the longest unused until one more of `size` bytes fits. Raises OverloadedError, and
        drops none, when those in use leave no room."""
        limits = self.limits
        if size > limits.adapter_bytes:
            raise CheckpointError(
                f"The adapter takes {size:,} bytes; {limits.adapter_bytes:,} are for all of them.",
                hint="Raise adapter_bytes, or train one of a lower rank.",
            )
        count, total = len(self.loaded), sum(other.bytes for other in self.loaded.values())
        leaving = []
        for name, other in self.loaded.items():
            if count < limits.max_adapters and total + size <= limits.adapter_bytes:
                break
            if not other.users:
                leaving.append(name)
                count, total = count - 1, total - other.bytes
        if count >= limits.max_adapters or total + size > limits.adapter_bytes:
            raise OverloadedError(
                f"{count} fine-tuned models are answering, and there is no room for another.",
                hint="Try again in a few seconds, or raise max_adapters or adapter_bytes.",
                retry_after=5,
            )
        for name in leaving:
            self.drop(name)

    def attach(self, name: str, loaded: Loaded) -> None:
        """Put an adapter on the model, wrapping the layers that it is the first to change."""
        self.loaded[name] = loaded
        for layer, parts in loaded.parts.items():
            if layer not in self.wrapped:
                wrapper = RowLoraLinear(self.model.get_submodule(layer), self.rows)
                self.replace(layer, wrapper.train(self.model.training))
                self.wrapped[layer] = wrapper
            self.wrapped[layer].parts[name] = parts

    def drop(self, name: str) -> None:
        """Take an adapter off. The last one leaves the model as it was."""
        del self.loaded[name]
        self.rows.stacked = ()
        for layer, wrapper in list(self.wrapped.items()):
            wrapper.parts.pop(name, None)
            wrapper.cached = None
            if not wrapper.parts:
                self.replace(layer, wrapper.base)
                del self.wrapped[layer]

    def replace(self, layer: str, module: torch.nn.Module) -> None:
        """Put a module where the layer of that name is."""
        owner, _, attribute = layer.rpartition(".")
        setattr(self.model.get_submodule(owner), attribute, module)
