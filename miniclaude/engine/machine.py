"""What this machine has to offer: memory for the cache, cores for the arithmetic."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from miniclaude.model.config import ModelConfig
from miniclaude.model.kv_rows import SCALE_BYTES

MAX_KV_TOKENS = 65_536
PREFIX_BYTES = 256 << 20
LEAST_BYTES = 64 << 20
"""Of a cache in a machine's memory, however little of that is free. It is claimed only as it is
written, and the system may yet make room: no machine is to answer nothing."""
GROUP = Path("/sys/fs/cgroup")
FILES = ("active_file", "inactive_file")
SMALL = 30_000_000
"""Parameters up to which a model of floats has one thread, unless told otherwise: two would mostly
wait for each other, and where others work too, answer at a third of the speed of one."""


def free_memory(device: torch.device) -> int:
    """Bytes that can still be claimed: on the device, or for a CPU on the machine or within this
    process's control group (cgroup v2), whichever is less."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = 4 << 30
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) << 10
    limit = GROUP / "memory.max"
    if limit.exists() and limit.read_text().strip().isdigit():
        used = int((GROUP / "memory.current").read_text())
        # Files that were read stay in memory for as long as nobody needs it.
        lines = (GROUP / "memory.stat").read_text().splitlines()
        files = sum(int(line.split()[1]) for line in lines if line.split()[0] in FILES)
        free = min(free, int(limit.read_text()) - used + files)
    return max(free, 0)


def default_kv_tokens(
    config: ModelConfig,
    *,
    running: int,
    dtype: torch.dtype,
    device: torch.device,
    needed: int = 0,
    beside: int = 0,
) -> int:
    """Capacity of the key/value cache when none is given: a third of the free memory, but at least
    one sequence of the model's whole context, and no more than `running` of them or 64 Ki tokens;
    and never more than nine tenths of the free memory, but for `LEAST_BYTES` on a CPU.

    needed: bytes that count as free and are not: of files that are mapped. beside: bytes that
    another cache takes for each token of this one: a draft model's.
    """
    free, size = free_memory(device) - needed, token_bytes(config, dtype) + beside
    tokens = max(config.context, min(free // 3 // size, running * config.context, MAX_KV_TOKENS))
    most = free * 9 // 10
    if device.type != "cuda":
        most = max(most, LEAST_BYTES)
    return max(1, min(tokens, most // size))


def default_prefix_tokens(
    wanted: int | None,
    kv_tokens: int,
    config: ModelConfig,
    *,
    dtype: torch.dtype,
    device: torch.device,
    needed: int = 0,
    beside: int = 0,
) -> int:
    """How many tokens of the cache may be kept that nobody is using: as many as wanted, or, when
    that is None, a whole context or 256 MiB, whichever is more, but no more than half the cache;
    nor, where only what is written is claimed, than a third of the free memory. needed, beside: as
    `default_kv_tokens` has them.

    0 where a key depends on how long its text has become (`dynamic` rotary positions): what one
    request computed is not what another would have.
    """
    if config.rotates_by_length:
        return 0
    if wanted is not None:
        return wanted
    own = token_bytes(config, dtype)
    tokens = min(kv_tokens // 2, max(config.context, PREFIX_BYTES // own))
    if device.type != "cuda":
        most = max((free_memory(device) - needed) // 3, LEAST_BYTES)
        tokens = min(tokens, most // (own + beside))
    return tokens


def token_bytes(config: ModelConfig, dtype: torch.dtype) -> int:
    """Bytes of one token's keys and values in all layers; in 8 bits with their scales."""
    row = config.head_dim * dtype.itemsize + (SCALE_BYTES if dtype == torch.int8 else 0)
    return 2 * config.layers * config.kv_heads * row


def default_threads(parameters: int) -> int:
    """Threads for a model of floats on the CPU when none are given."""
    return 1 if parameters <= SMALL else physical_cores()


def physical_cores() -> int:
    """Cores this process may use, counting those that share one arithmetic unit once.

    Source: Linux's sysfs topology; elsewhere, every logical core counts.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    siblings = set()
    for cpu in allowed:
        shared = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        siblings.add(shared.read_text() if shared.exists() else str(cpu))
    return len(siblings)
