"""Low-rank adapters on a model's linear layers (Hu et al. 2021, LoRA).

A layer W x becomes W x + scale · B (A x), with W frozen and only A [r, in] and B [out, r] learned.
`add_lora` puts a `LoraLinear` where the linear layer was; the model's forward pass knows nothing of
it. One base can carry several adapters, of which one is in use.

add_lora(model, config)   new adapters, trainable, that change nothing yet (B is 0)
use_adapter(model, name)  which one answers; None is the base alone
merge, unmerge            into the weights and, bit for bit, out again
fold(model, name)         into the weights for good, for serving: no adapter is left to compute
remove_adapter            take it off
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from miniclaude.errors import ConflictError, NotFoundError, SettingsError, UnsupportedFieldError
from miniclaude.model.lora_config import LoraConfig
from miniclaude.model.lora_function import add_low_rank
from miniclaude.model.lora_targets import Slot, select, sizes_of
from miniclaude.model.transformer import Transformer

__all__ = [
    "LoraConfig",
    "LoraLinear",
    "LowRank",
    "add_lora",
    "fold",
    "lora_parameters",
    "merge",
    "remove_adapter",
    "unmerge",
    "use_adapter",
]

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class LowRank(nn.Module):
    """One adapter's A and B for one slot, in float32; with DoRA, the length of each row too."""

    def __init__(self, slot: Slot, config: LoraConfig, device: torch.device) -> None:
        super().__init__()
        self.slot = slot
        self.config = config
        self.scale = config.scale_of(slot.name)
        r = config.rank_of(slot.name)
        self.a = nn.Parameter(torch.empty(r, slot.inputs, device=device))
        self.b = nn.Parameter(torch.zeros(slot.outputs, r, device=device))
        self.magnitude: nn.Parameter | None = None
        if config.dora:
            self.magnitude = nn.Parameter(torch.ones(slot.outputs, device=device))

    def initialise(self, generator: torch.Generator) -> None:
        """A as PEFT has it, uniform within ±1/√in (He et al. 2015 with a = √5); B stays 0."""
        bound = 1 / math.sqrt(self.slot.inputs)
        drawn = torch.rand(self.a.shape, generator=generator)
        with torch.no_grad():
            self.a.copy_(drawn.mul_(2 * bound).sub_(bound))

    def adapted(self, weight: Tensor) -> Tensor:
        """weight: the slot's rows of the base [rows, in] -> what they are with the adapter, in
        float32."""
        changed: Tensor = weight.float() + self.scale * (self.b @ self.a)
        if self.magnitude is not None:
            changed = changed * (self.magnitude / row_norms(changed))[:, None]
        return changed

    def norms(self, weight: Tensor) -> Tensor:
        """‖W + s B A‖ of each row [rows], from products with r columns: the sum is never made."""
        with torch.autocast(weight.device.type, enabled=False):
            weight = weight.float()
            cross = (self.b * (weight @ self.a.T)).sum(dim=1)  # [rows]
            own = (self.b * (self.b @ (self.a @ self.a.T))).sum(dim=1)  # [rows]
            squares = weight.square().sum(dim=1) + 2 * self.scale * cross + self.scale**2 * own
        lengths: Tensor = squares.clamp(min=0).sqrt()
        return lengths


def row_norms(weight: Tensor) -> Tensor:
    """[rows, in] -> the length of each row."""
    lengths: Tensor = torch.linalg.vector_norm(weight.float(), dim=1)
    return lengths


class LoraLinear(nn.Module):
    """A linear layer and the adapters on it. base: any module with in_features and out_features,
    quantised ones too; it is not changed but by `merge`."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base
        self.in_features, self.out_features = sizes_of(base)
        self.adapters = nn.ModuleDict()
        self.active: str | None = None
        self.merged: str | None = None
        self.original: Tensor | None = None
        self.train(base.training)

    def parts(self, name: str) -> list[LowRank]:
        """An adapter's parts here: one for each slot, in the order of their rows."""
        return cast("list[LowRank]", list(cast("nn.ModuleList", self.adapters[name])))

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., in] -> [..., out]."""
        if self.active is None or self.active not in self.adapters or self.merged is not None:
            plain: Tensor = self.base(x)
            return plain
        parts = self.parts(self.active)
        flat = x.reshape(-1, x.shape[-1])  # [T, in]: else the base's output is a view of another
        y: Tensor = self.base(flat)  # [T, out]
        hidden = self.training and parts[0].config.dropout > 0
        seen = F.dropout(flat, parts[0].config.dropout) if hidden else flat
        if parts[0].magnitude is not None:
            y = self.with_directions(y, seen, parts, hidden)
        else:
            rows = tuple(part.slot.rows for part in parts)
            scales = tuple(part.scale for part in parts)
            y = add_low_rank(y, seen, rows, scales, *(w for p in parts for w in (p.a, p.b)))
        return y.view(*x.shape[:-1], y.shape[-1])  # [..., out]

    def with_directions(
        self, y: Tensor, seen: Tensor, parts: list[LowRank], hidden: bool
    ) -> Tensor:
        """DoRA: each row of W + s B A scaled to its learned length; the lengths it has are taken as
        constants by the gradient (section 4.3 of the paper).

        y: the base's output [T, out]. seen: the input [T, in], with dropout where `hidden`.
        """
        bias = getattr(self.base, "bias", None)
        plain = (self.base(seen) if hidden else y) - (0 if bias is None else bias)
        columns, at = [], 0
        for part in parts:
            start, stop = part.slot.rows
            with torch.no_grad():
                norms = part.norms(self.base_weight(part.slot))
            assert part.magnitude is not None  # noqa: S101  # the same for all parts
            gain = part.magnitude / norms  # [rows]
            low = (seen.to(y.dtype) @ part.a.to(y.dtype).T) @ part.b.to(y.dtype).T  # [T, rows]
            change = (gain - 1).to(y.dtype) * plain[:, start:stop]
            change = change + (part.scale * gain).to(y.dtype) * low
            columns += [y[:, at:start], y[:, start:stop] + change]
            at = stop
        return torch.cat([*columns, y[:, at:]], dim=1)  # [T, out]

    def base_weight(self, slot: Slot) -> Tensor:
        """The slot's rows of the base's weights [rows, in]. Raises UnsupportedFieldError when the
        base is quantised, naming it."""
        weight = self.base.weight if isinstance(self.base, nn.Linear) else None
        if weight is None:
            raise UnsupportedFieldError(
                f"{slot.module} is quantised: an adapter can be neither merged into it nor have"
                " DoRA's lengths on it.",
                hint="Use the adapter unmerged, or load the model unquantised.",
                param="dora",
            )
        return weight.detach()[slice(*slot.rows)]

    def write(self, name: str, target: Tensor) -> None:
        """Put the adapter's rows into `target`, of the whole weight's shape."""
        with torch.no_grad():
            for part in self.parts(name):
                rows = slice(*part.slot.rows)
                target[rows] = part.adapted(target[rows]).to(target.dtype)

    def merge(self, name: str) -> None:
        """Into the weights; those that were there are kept."""
        base = cast("nn.Linear", self.base)
        self.original = base.weight.data
        base.weight.data = self.original.clone()
        self.write(name, base.weight.data)
        self.merged = name

    def unmerge(self) -> None:
        """The weights that were there, back in their place."""
        if self.original is not None:
            cast("nn.Linear", self.base).weight.data = self.original
        self.original = self.merged = None


def add_lora(
    model: Transformer, config: LoraConfig, *, name: str = "default", seed: int = 0
) -> None:
    """Freeze the model and put a new, trainable adapter on it, which is then in use.

    The same seed gives the same A. Raises SettingsError for targets that are not there,
    ConflictError when an adapter of this name is, UnsupportedFieldError for DoRA on a quantised
    base.
    """
    generator = torch.Generator().manual_seed(seed)
    for part in attach(model, select(model, config), config, name):
        part.initialise(generator)
    use_adapter(model, name)


def attach(model: Transformer, slots: list[Slot], config: LoraConfig, name: str) -> list[LowRank]:
    """Freeze the model and make room for an adapter at `slots`: its parts, not yet filled, in the
    order of the slots. Raises as `add_lora` does."""
    if not NAME.fullmatch(name):
        raise SettingsError(
            f"adapter: {name[:100]!r} is not a name.",
            hint="Use letters, digits, '_' and '-'.",
            param="name",
        )
    require_unmerged(model)
    if any(name in layer.adapters for layer in layers(model)):
        raise ConflictError(
            f"adapter: there is already one called {name!r}.", hint="Remove it first."
        )
    parts: list[LowRank] = []
    fresh: dict[str, LoraLinear] = {}
    for slot in slots:
        current = model.get_submodule(slot.module)
        layer = current if isinstance(current, LoraLinear) else LoraLinear(current)
        layer = fresh.setdefault(slot.module, layer)
        part = LowRank(slot, config, device_of(layer.base))
        if part.magnitude is not None:
            with torch.no_grad():
                part.magnitude.copy_(row_norms(layer.base_weight(slot)))
        parts.append(part)
    model.requires_grad_(False)
    for layer in layers(model):
        layer.adapters.requires_grad_(True)
    for module, layer in fresh.items():
        owner, _, attribute = module.rpartition(".")
        setattr(model.get_submodule(owner), attribute, layer)
        here = sorted((part for part in parts if part.slot.module == module), key=first_row)
        layer.adapters[name] = nn.ModuleList(here)
        layer.train(layer.base.training)
    return parts


def first_row(part: LowRank) -> int:
    """Where among its module's outputs a part begins."""
    return part.slot.rows[0]


def layers(model: nn.Module) -> Iterator[LoraLinear]:
    """Every layer that has adapters."""
    return (module for module in model.modules() if isinstance(module, LoraLinear))


def with_adapter(model: nn.Module, name: str) -> list[LoraLinear]:
    """The layers that this adapter changes. Raises NotFoundError."""
    found = [layer for layer in layers(model) if name in layer.adapters]
    if not found:
        there = sorted({other for layer in layers(model) for other in layer.adapters})
        raise NotFoundError(
            f"adapter: the model has none called {name[:100]!r}.",
            hint=f"It has: {', '.join(there) or 'none'}.",
        )
    return found


def parts_of(model: nn.Module, name: str = "default") -> list[LowRank]:
    """An adapter's parts, in the model's order. Raises NotFoundError."""
    return [part for layer in with_adapter(model, name) for part in layer.parts(name)]


def lora_parameters(model: nn.Module, name: str = "default") -> Iterator[tuple[str, nn.Parameter]]:
    """What an adapter learns, by PEFT's names of it without their prefix. Raises NotFoundError."""
    for part in parts_of(model, name):
        yield f"{part.slot.name}.lora_A.weight", part.a
        yield f"{part.slot.name}.lora_B.weight", part.b
        if part.magnitude is not None:
            yield f"{part.slot.name}.lora_magnitude_vector", part.magnitude


def use_adapter(model: nn.Module, name: str | None) -> None:
    """Answer with this adapter; with None, as the base does. Raises NotFoundError for a name that
    is not there, ConflictError while one is merged."""
    if name is not None:
        with_adapter(model, name)
    require_unmerged(model)
    for layer in layers(model):
        layer.active = name


def require_unmerged(model: nn.Module) -> None:
    """Raise ConflictError while an adapter is merged."""
    for layer in layers(model):
        if layer.merged is not None:
            raise ConflictError(
                f"adapter: {layer.merged!r} is merged into the weights.", hint="Unmerge it first."
            )


def merge(model: nn.Module, name: str = "default") -> None:
    """Add an adapter into the weights, in float32 and rounded once; the weights that were there
    are kept for `unmerge`, so the adapted layers take twice their memory meanwhile.

    Raises NotFoundError, ConflictError while another is merged, and UnsupportedFieldError, before
    anything is changed, when a layer is quantised.
    """
    changed = with_adapter(model, name)
    require_unmerged(model)
    for layer in changed:
        layer.base_weight(layer.parts(name)[0].slot)
    for layer in changed:
        layer.merge(name)


def unmerge(model: nn.Module) -> None:
    """The weights as they were before `merge`, bit for bit."""
    for layer in layers(model):
        layer.unmerge()


def fold(model: nn.Module, name: str = "default") -> None:
    """Add an adapter into the weights for good and take every adapter off: an ordinary model is
    left, as fast as its base. Raises as `merge` does."""
    changed = with_adapter(model, name)
    require_unmerged(model)
    for layer in changed:
        layer.base_weight(layer.parts(name)[0].slot)
    for layer in changed:
        layer.write(name, cast("nn.Linear", layer.base).weight.data)
    restore(model, set(layers(model)))


def remove_adapter(model: nn.Module, name: str = "default") -> None:
    """Take an adapter off, unmerging it first; a layer without any is the base layer again. The
    base stays frozen. Raises NotFoundError."""
    bare = set()
    for layer in with_adapter(model, name):
        if layer.merged == name:
            layer.unmerge()
        del layer.adapters[name]
        if layer.active == name:
            layer.active = None
        if not layer.adapters:
            bare.add(layer)
    restore(model, bare)


def restore(model: nn.Module, bare: set[LoraLinear]) -> None:
    """Put the base layers back where they were."""
    for parent in list(model.modules()):
        for attribute, child in list(parent.named_children()):
            if child in bare:
                setattr(parent, attribute, child.base)


def device_of(module: nn.Module) -> torch.device:
    """Where a layer's weights are, quantised or not."""
    for tensors in (module.parameters(), module.buffers()):
        for tensor in tensors:
            return tensor.device
    return torch.device("cpu")
