"""Choose where the model runs and in what number format. Returned, never global."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from miniclaude.errors import SettingsError

DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
FLOAT8 = "float8"
"""A number format of products alone (`model/float8.py`): what lies between them is bfloat16."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A device and the dtype of the weights on it."""

    device: torch.device
    dtype: torch.dtype


def choose_device(name: str = "auto") -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU; any other name is taken literally.

    Raises SettingsError when the named device is not on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(
            f"device: {name!r} is not usable on this machine.",
            hint="Use auto, cpu, cuda, cuda:N or mps.",
            param="device",
        ) from error
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 on CUDA and float32 elsewhere: exact first, fast where it is free.

    Raises SettingsError for a dtype that is none of float32, bfloat16, float16,
    float8.
    """
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name == FLOAT8:
        return torch.bfloat16
    if name not in DTYPES:
        raise SettingsError(
            f"dtype: {name!r} is unknown.",
            hint=f"Use auto, {', '.join((*DTYPES, FLOAT8))}.",
            param="dtype",
        )
    return DTYPES[name]


def choose_placement(device: str = "auto", dtype: str = "auto") -> Placement:
    """Both choices at once. Raises SettingsError as the two above do."""
    chosen = choose_device(device)
    return Placement(chosen, choose_dtype(dtype, chosen))
