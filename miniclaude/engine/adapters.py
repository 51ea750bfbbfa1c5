"""Adapters beside one model: loaded when a request names one, dropped when others need the room.

At most so many and so many bytes are kept; of those that no request uses the longest unused goes
first, and one in use never does. Of the room for those in use a part is kept for callers who have
none, as of the engine's slots (`reserve.py`). How they come to their rows is the model's:
`model/lora_batch.py` wraps a transformer's layers, `model/lora_packed.py` tells the fused blocks
over packed weights.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import AdapterRef
from miniclaude.engine.reserve import Part as Share
from miniclaude.engine.reserve import Reserve
from miniclaude.engine.turns import group_and_user
from miniclaude.errors import CheckpointError, OverloadedError, UnsupportedFieldError
from miniclaude.model.adapter import read_parts
from miniclaude.model.lora_batch import Layers, Part, WrappedAdapters, part_of
from miniclaude.model.transformer import Transformer
from miniclaude.model.tuned import check_files

if TYPE_CHECKING:  # its compiler takes a second to import
    from miniclaude.engine.fused import FusedModel


Made = tuple[Any, int]
"""An adapter as a model takes it, and its bytes."""


def name_of(adapter: AdapterRef | None) -> str:
    """What it is known by within the engine; "" is the base alone."""
    return "" if adapter is None else f"{adapter.version}:{adapter.folder}"


class Attached(Protocol):
    """A model's adapters, by name."""

    def make(self, layers: Layers) -> Made:
        """An adapter as `attach` takes it, and its bytes."""

    def attach(self, name: str, adapter: Any) -> None:
        """Let rows have it."""

    def drop(self, name: str) -> None:
        """Forget it."""

    def unstack(self) -> None:
        """Let go of copies by which several are computed together."""

    def assign(self, counts: Sequence[tuple[int, str]]) -> None:
        """How many rows the next forward pass has, and whose, in order; "" is the base alone."""


@dataclass(slots=True, eq=False)
class Loaded:
    """bytes: of its weights, as they are kept. holders: how many requests name it and have not
    ended, by caller."""

    bytes: int
    holders: Counter[str] = field(default_factory=Counter)

    @property
    def users(self) -> int:
        """Requests that name it and have not ended."""
        return self.holders.total()


class Adapters:
    """The adapters of one engine. `hold` one for each request and `release` it at its end; `assign`
    the rows before every forward pass. model: what they change; its weights may be packed."""

    def __init__(self, model: Transformer | FusedModel, limits: EngineLimits) -> None:
        self.attached: Attached
        if isinstance(model, Transformer):
            self.model, self.attached = model, WrappedAdapters(model)
        else:
            self.model, self.attached = model.model, model.adapters
        self.limits = limits
        self.loaded: dict[str, Loaded] = {}  # the first is the longest unused
        self.read_last: tuple[str, Made] | None = None

    def has(self, adapter: AdapterRef | None) -> bool:
        """Whether `hold` finds it in memory."""
        return adapter is None or name_of(adapter) in self.loaded

    def load(self, adapter: AdapterRef) -> Made:
        """Read an adapter's files; no other method is called from any other thread than the step
        loop's. What was read last is kept until it is attached: several requests may ask for it at
        once. Raises CheckpointError naming the file at fault, UnsupportedFieldError for DoRA."""
        name, read = name_of(adapter), self.read_last
        if read is None or read[0] != name:
            made = self.attached.make(self.read(Path(adapter.folder)))
            read = self.read_last = (name, made)
        return read[1]

    def hold(self, adapter: AdapterRef | None, made: Made | None = None, user: str = "") -> None:
        """Keep an adapter in memory. made: what `load` gave; it is loaded here if it is not there
        and none is given. user: whose request it is for.

        Raises what `load` raises, and OverloadedError when there is no room and all others are in
        use, or what is left is kept for other callers.
        """
        if adapter is None:
            return
        name, (caller, _) = name_of(adapter), group_and_user(user)
        if name not in self.loaded:
            weights, size = made or self.load(adapter)
            self.read_last = None
            self.make_room(size, caller)
            self.attached.attach(name, weights)
            self.loaded[name] = Loaded(size)
        elif not self.loaded[name].users:
            self.check_share(self.loaded[name].bytes, caller)
        self.loaded[name] = self.loaded.pop(name)
        self.loaded[name].holders[caller] += 1

    def release(self, adapter: AdapterRef | None, user: str = "") -> None:
        """A request of this user's that held it has ended."""
        if adapter is not None:
            name, (caller, _) = name_of(adapter), group_and_user(user)
            holders = self.loaded[name].holders
            holders[caller] -= 1
            if not holders[caller]:
                del holders[caller]
            self.loaded[name] = self.loaded.pop(name)
            if sum(loaded.users > 0 for loaded in self.loaded.values()) < 2:
                self.attached.unstack()

    def assign(self, chunks: Iterable[tuple[int, AdapterRef | None]]) -> None:
        """How many rows the next forward pass has, and whose they are, in order; of none at all,
        all are the base's."""
        if self.loaded:
            self.attached.assign([(count, name_of(adapter)) for count, adapter in chunks])

    def read(self, folder: Path) -> Layers:
        """An adapter in the number format of the model's activations. What of its files is not used
        goes to the log. Raises CheckpointError, UnsupportedFieldError."""
        try:
            check_files(folder)
            parts, what = read_parts(self.model, folder)
        except OSError as error:
            raise CheckpointError(
                f"{folder}: the adapter cannot be read: {error.strerror or error}.",
                hint="Check the files and the disk they lie on, then ask again.",
            ) from error
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
        return {layer: tuple(group) for layer, group in by_layer.items()}

    def check_share(self, size: int, caller: str) -> None:
        """Raise OverloadedError when what a caller already holds and one more of `size` bytes leave
        too little for others; see `reserve.py`."""
        limits = self.limits
        used = [loaded for loaded in self.loaded.values() if loaded.users]
        reserve = Reserve(
            limits.callers, ((who, 1, each.bytes) for each in used for who in each.holders)
        )
        count, total = reserve.held(caller)
        free = limits.adapter_bytes - sum(each.bytes for each in used)
        parts = (
            Share(limits.max_adapters, limits.max_adapters - len(used), count, 1, 1),
            Share(limits.adapter_bytes, free, total, size, size),
        )
        if count and not reserve.allows(caller, parts):
            raise OverloadedError(
                f"{count} fine-tuned models are answering for this key, and what room is left is"
                " kept for others.",
                hint="Try again in a few seconds, or raise max_adapters or adapter_bytes.",
                retry_after=5,
            )

    def make_room(self, size: int, caller: str) -> None:
        """Drop the longest unused until one more of `size` bytes fits. Raises OverloadedError, and
        drops none, when those in use leave no room, or too little for other callers."""
        limits = self.limits
        if size > limits.adapter_bytes:
            raise CheckpointError(
                f"The adapter takes {size:,} bytes; {limits.adapter_bytes:,} are for all of them.",
                hint="Raise adapter_bytes, or train one of a lower rank.",
            )
        self.check_share(size, caller)
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

    def drop(self, name: str) -> None:
        """Take an adapter off. The last one leaves the model as it was."""
        del self.loaded[name]
        self.attached.drop(name)
