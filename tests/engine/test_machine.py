"""Defaults that follow from the machine."""

from __future__ import annotations

import os

import pytest
import torch

from miniclaude.engine import machine
from miniclaude.engine.machine import (
    SMALL,
    default_kv_tokens,
    default_threads,
    free_memory,
    physical_cores,
)
from tests.engine.tiny import tiny_config

CPU = torch.device("cpu")
TOKEN_BYTES = 2 * 2 * 4 * 8 * 4  # keys and values, layers, heads, head_dim, bytes of a float32


@pytest.mark.parametrize(
    ("free", "running", "tokens"),
    [
        (10**12, 4, 4 * 96),  # plenty: every running answer may fill the context
        (10**12, 10**6, 65_536),  # but not without bound
        (3 * 200 * TOKEN_BYTES, 4, 200),  # a third of what is free
        (0, 4, 96),  # never less than one context
    ],
)
def test_the_cache_is_sized_by_free_memory_within_bounds(
    free: int, running: int, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "free_memory", lambda device: free)
    chosen = default_kv_tokens(tiny_config(), running=running, dtype=torch.float32, device=CPU)
    assert chosen == tokens


def test_mapped_weights_are_no_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system counts them as free, for it could drop them; then every token would wait for the
    disk."""
    monkeypatch.setattr(machine, "free_memory", lambda device: 3 * 300 * TOKEN_BYTES)
    needed = 3 * 100 * TOKEN_BYTES
    config = tiny_config()
    assert (
        default_kv_tokens(config, running=4, dtype=torch.float32, device=CPU, needed=needed) == 200
    )


def test_this_machine_has_memory_and_cores() -> None:
    assert free_memory(CPU) > 1 << 20
    assert 1 <= physical_cores() <= (os.cpu_count() or 1)


def test_a_gpu_too_small_for_one_context_gets_a_smaller_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of it is claimed at once there; on a CPU only what is written."""
    config = tiny_config("llama", context=1000)
    size = machine.token_bytes(config, torch.float32)
    monkeypatch.setattr(machine, "free_memory", lambda device: 500 * size)
    tokens = {
        name: machine.default_kv_tokens(
            config, running=4, dtype=torch.float32, device=torch.device(name)
        )
        for name in ("cpu", "cuda")
    }
    assert tokens == {"cpu": 1000, "cuda": 450}


def test_a_small_model_has_one_thread() -> None:
    """Two threads on two cores of which one was busy wrote a third of what one thread does."""
    assert default_threads(SMALL) == 1
    assert default_threads(SMALL + 1) == physical_cores()
