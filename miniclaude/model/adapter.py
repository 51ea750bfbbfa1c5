"""Adapters in PEFT's layout: adapter_config.json beside adapter_model.safetensors.

load_adapter(model, folder)   put one on a model, in use at once
save_adapter(model, folder)   the reverse; `peft` loads the result and computes the same
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from miniclaude.errors import CheckpointError, SettingsError
from miniclaude.model.adapter_config import (
    ADAPTER_CONFIG,
    AdapterConfig,
    read_adapter_config,
    write_adapter_config,
)
from miniclaude.model.lora import LoraLinear, LowRank, attach, row_norms, use_adapter, with_adapter
from miniclaude.model.lora_targets import Slot, format_of, select, short_targets
from miniclaude.model.new_folder import new_folder
from miniclaude.model.shards import StoredTensor, make_header, read_header, write_shard
from miniclaude.model.torch_zip import read_torch_zip
from miniclaude.model.transformer import Transformer

__all__ = ["AdapterConfig", "LoadedAdapter", "load_adapter", "read_adapter_config", "save_adapter"]

ADAPTER_WEIGHTS, ADAPTER_ZIP = "adapter_model.safetensors", "adapter_model.bin"
PREFIX = "base_model.model."
CLASSIFIERS = ("score.", "classifier.")
"""What PEFT keeps beside an adapter for a task that ends in classes."""


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """config: the adapter's. left_out: what of the files is not used and why, a sentence each."""

    config: AdapterConfig
    left_out: tuple[str, ...] = ()


def load_adapter(
    model: Transformer, folder: Path, name: str = "default", *, trainable: bool = False
) -> LoadedAdapter:
    """Put the adapter in `folder` on a model and use it. trainable: to learn on.

    Raises CheckpointError naming file, field or tensor when the adapter is malformed, asks for
    what is not implemented, or belongs to another base (both shapes are named).
    """
    config, slots, stored, left_out = open_adapter(model, folder)
    parts = attach(model, slots, config.lora, name)
    fill(parts, stored)
    for part in parts:
        for parameter in tensors_of(part).values():
            parameter.requires_grad_(trainable)
    use_adapter(model, name)
    return LoadedAdapter(config, left_out)


def read_parts(model: Transformer, folder: Path) -> tuple[list[LowRank], LoadedAdapter]:
    """The adapter in `folder` for a model that stays as it is. Raises as `load_adapter` does."""
    config, slots, stored, left_out = open_adapter(model, folder)
    parts = [LowRank(slot, config.lora, torch.device("cpu")) for slot in slots]
    fill(parts, stored)
    return parts, LoadedAdapter(config, left_out)


def open_adapter(
    model: Transformer, folder: Path
) -> tuple[AdapterConfig, list[Slot], dict[str, StoredTensor], tuple[str, ...]]:
    """What the adapter in `folder` is, which places it has in this model, where its tensors lie,
    and what is left out of them; checked, and nothing loaded. Raises as `load_adapter` does."""
    config = read_adapter_config(folder)
    try:
        slots = select(model, config.lora, slices=False)
    except SettingsError as error:
        raise CheckpointError(
            f"{folder / ADAPTER_CONFIG}: the adapter does not fit this model. {error.message}",
            hint=belongs_to(config) + " " + error.hint,
            param="target_modules",
        ) from error
    stored = {
        tensor_name.removeprefix(PREFIX).replace("_vector.weight", "_vector"): tensor
        for tensor_name, tensor in list_adapter_tensors(folder).items()
    }
    return config, slots, stored, check_tensors(folder, model, config, slots, stored)


def fill(parts: Iterable[LowRank], stored: Mapping[str, StoredTensor]) -> None:
    """Read an adapter's tensors into its parts."""
    with torch.no_grad():
        for part in parts:
            for kind, parameter in tensors_of(part).items():
                stored[f"{part.slot.name}.{kind}"].read_into(parameter.data)


def list_adapter_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Where an adapter's tensors lie. A torch zip is looked through without unpickling it.

    Raises CheckpointError when there is neither, or one is corrupt.
    """
    if (folder / ADAPTER_WEIGHTS).is_file():
        return read_header(folder / ADAPTER_WEIGHTS)
    if (folder / ADAPTER_ZIP).is_file():
        return read_torch_zip(folder / ADAPTER_ZIP)
    raise CheckpointError(
        f"{folder} has neither {ADAPTER_WEIGHTS} nor {ADAPTER_ZIP}.",
        hint="Fetch the adapter again.",
    )


def shapes_of(slot: Slot, config: AdapterConfig) -> dict[str, tuple[int, ...]]:
    """The tensors that an adapter has for one layer of this model, by the end of their names."""
    r = config.lora.rank_of(slot.name)
    shapes: dict[str, tuple[int, ...]] = {
        "lora_A.weight": (r, slot.inputs),
        "lora_B.weight": (slot.outputs, r),
    }
    if config.lora.dora:
        shapes["lora_magnitude_vector"] = (slot.outputs,)
    return shapes


def tensors_of(part: LowRank) -> dict[str, Tensor]:
    """A part's tensors by the ends of their names."""
    named: dict[str, Tensor] = {"lora_A.weight": part.a, "lora_B.weight": part.b}
    if part.magnitude is not None:
        named["lora_magnitude_vector"] = part.magnitude
    return named


def check_tensors(
    folder: Path,
    model: Transformer,
    config: AdapterConfig,
    slots: list[Slot],
    stored: Mapping[str, StoredTensor],
) -> tuple[str, ...]:
    """Raise CheckpointError unless the file holds exactly what config and model ask for, before any
    memory is taken. Returns what is left out of a classifier's file, in sentences."""
    left = dict(stored)
    for slot in slots:
        for kind, needed in shapes_of(slot, config).items():
            tensor = left.pop(f"{slot.name}.{kind}", None)
            if tensor is None:
                raise CheckpointError(
                    f"{folder} has no tensor {PREFIX}{slot.name}.{kind}, which this model of"
                    f" {model.config.layers} layers and target_modules ask for.",
                    hint=belongs_to(config) + " Or the file is incomplete: fetch it again.",
                )
            if tensor.shape != needed:
                raise CheckpointError(
                    f"{tensor.file}: tensor {tensor.name} has shape {list(tensor.shape)} where"
                    f" this model needs {list(needed)}.",
                    hint=belongs_to(config),
                )
    left_out = []
    for name, tensor in list(left.items()):
        if config.task.endswith("_CLS") and name.startswith(CLASSIFIERS):
            del left[name]
            left_out.append(
                f"{tensor.name!r:.80} {list(tensor.shape)} is not used: it is the head of a"
                f" classifier (task_type {config.task}), and a language model answers with its own"
                " head."
            )
    if left:
        shown = ", ".join(f"{name!r:.80}" for name in sorted(t.name for t in left.values())[:3])
        raise CheckpointError(
            f"{folder} has {len(left)} tensors that this model of {model.config.layers} layers and"
            f" target_modules leave no place for: {shown}{' ...' if len(left) > 3 else ''}.",
            hint=belongs_to(config) + " Whole layers trained beside an adapter are not supported.",
        )
    return tuple(left_out)


def belongs_to(config: AdapterConfig) -> str:
    """Which base the adapter says it is for."""
    if not config.base:
        return "Use it with the base it was made for."
    return f"Use it with the base it was made for, {config.base[:200]}."


def save_adapter(
    model: Transformer,
    folder: Path,
    *,
    base: str,
    name: str = "default",
    companions: Iterable[Path] = (),
    overwrite: bool = False,
) -> None:
    """Write an adapter's folder, which appears whole or not at all. base: the name of the model it
    is for. companions: files copied beside it, such as chat_template.jinja.

    Slices of a layer that the checkpoint has fused are written as one adapter of the whole, of
    their ranks' sum. Raises NotFoundError and what `new_folder` raises.
    """
    tensors: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    alphas: dict[str, float] = {}
    for layer in with_adapter(model, name):
        wholes: dict[str, list[LowRank]] = {}
        for part in layer.parts(name):
            wholes.setdefault(part.slot.part_of or part.slot.name, []).append(part)
        for whole, parts in wholes.items():
            if parts[0].slot.part_of:
                named, alphas[whole] = joined(layer, parts)
            else:
                named = tensors_of(parts[0])
                alphas[whole] = parts[0].config.alpha_of(whole)
            ranks[whole] = named["lora_A.weight"].shape[0]
            tensors |= {f"{PREFIX}{whole}.{kind}": tensor for kind, tensor in named.items()}
    header = make_header((n, t.dtype, tuple(t.shape)) for n, t in tensors.items())
    transposed = any(piece.transposed for piece in format_of(model.config).pieces(model.config))
    with new_folder(folder, overwrite=overwrite) as partial:
        write_adapter_config(
            partial / ADAPTER_CONFIG,
            base=base,
            targets=short_targets(model, set(ranks)),
            ranks=ranks,
            alphas=alphas,
            lora=parts[0].config,
            fan_in_fan_out=transposed,
        )
        write_shard(partial / ADAPTER_WEIGHTS, tensors.items(), header)
        for companion in companions:
            shutil.copyfile(companion, partial / companion.name)


def joined(layer: LoraLinear, parts: list[LowRank]) -> tuple[dict[str, Tensor], float]:
    """Adapters of slices as one of the whole layer, that computes the same, and its alpha.

    A is theirs on top of one another [Σr, in]; B [out, Σr] has each one's in its own rows and
    columns and 0 elsewhere. One scale serves the whole, so that a part with another has the
    quotient in its B.
    """
    r = sum(part.a.shape[0] for part in parts)
    scale = parts[0].scale
    b = torch.zeros(layer.out_features, r)
    at = 0
    for part in parts:
        rank = part.a.shape[0]
        b[slice(*part.slot.rows), at : at + rank] = part.b.detach().cpu() * (part.scale / scale)
        at += rank
    named = {
        "lora_A.weight": torch.cat([part.a.detach().cpu() for part in parts]),
        "lora_B.weight": b,
    }
    if parts[0].magnitude is not None:
        every = Slot("", parts[0].slot.module, (0, layer.out_features), layer.in_features)
        lengths = row_norms(layer.base_weight(every)).cpu()
        for part in parts:
            assert part.magnitude is not None  # noqa: S101  # the same for all parts
            lengths[slice(*part.slot.rows)] = part.magnitude.detach().cpu()
        named["lora_magnitude_vector"] = lengths
    return named, scale * (math.sqrt(r) if parts[0].config.rslora else r)
