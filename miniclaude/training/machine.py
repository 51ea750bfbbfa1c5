"""What a training run can count on here: memory, cores, and which number formats are fast."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch

from miniclaude.engine.machine import free_memory, physical_cores

FAST_BFLOAT16 = re.compile(r"\b(avx512_bf16|amx_bf16|bf16)\b")
"""CPU flags of x86 and ARM that mean: multiplies bfloat16 in hardware."""


@dataclass(frozen=True, slots=True)
class Machine:
    """memory: bytes that can still be claimed on `device`. cores: physical ones this process may
    use. fast_bfloat16: whether bfloat16 is computed in hardware; emulated it is slower than
    float32."""

    memory: int
    cores: int
    device: str
    fast_bfloat16: bool


def this_machine(device: torch.device | str = "cpu", limit: int | None = None) -> Machine:
    """The machine as it is now. limit: bytes to stay within, where less is allowed than is free."""
    device = torch.device(device)
    memory = free_memory(device)
    return Machine(
        memory=memory if limit is None else min(memory, limit),
        cores=physical_cores(),
        device=device.type,
        fast_bfloat16=has_fast_bfloat16(device),
    )


def held_memory(device: torch.device) -> int:
    """Bytes that this process holds at present, of a GPU's memory or else of the machine's; 0 where
    the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.memory_reserved(device))
    return own_memory("VmRSS")


def own_memory(field: str) -> int:
    """A size of this process, in bytes; 0 where the system does not say. Source: proc(5)."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith(f"{field}:")), f"{field}: 0 kB")
    return int(found.split()[1]) << 10


def has_fast_bfloat16(device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """By the chip's own word: compute capability 8 and above, or the CPU's flags."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu" or not cpuinfo.is_file():
        return False
    with cpuinfo.open(encoding="utf-8", errors="replace") as file:
        head = file.read(16_384)
    return FAST_BFLOAT16.search(head) is not None
