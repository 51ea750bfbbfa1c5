"""Defaults that follow from the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from miniclaude.engine import machine
from miniclaude.engine.engine import Engine
from miniclaude.engine.machine import (
    SMALL,
    default_kv_tokens,
    default_threads,
    free_memory,
    physical_cores,
)
from miniclaude.errors import ContextLengthError
from tests.engine.tiny import ByteVocabulary, ask, tiny_config, tiny_model

CPU = torch.device("cpu")
TOKEN_BYTES = 2 * 2 * 4 * 8 * 4  # keys and values, layers, heads, head_dim, bytes of a float32


@pytest.mark.parametrize(
    ("free", "running", "tokens"),
    [
        (10**12, 4, 4 * 96),  # plenty: every running answer may fill the context
        (10**12, 10**6, 65_536),  # but not without bound
        (3 * 200 * TOKEN_BYTES, 4, 200),  # a third of what is free
        (0, 4, 96),  # a context that takes next to nothing
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


@pytest.mark.parametrize(
    ("free", "expected"), [(2000, {"cpu": 1800, "cuda": 1800}), (500, {"cpu": 1000, "cuda": 450})]
)
def test_a_context_that_memory_does_not_hold_gets_a_smaller_cache(
    free: int, expected: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU all of it is claimed at once. On a CPU it is as it is written, and one text that is
    longer than memory would end the worker, and everybody's answers; but a little is always there.
    """
    config = tiny_config("llama", context=10_000)
    size = machine.token_bytes(config, torch.float32)
    monkeypatch.setattr(machine, "free_memory", lambda device: free * size)
    monkeypatch.setattr(machine, "LEAST_BYTES", 1000 * size)
    tokens = {
        name: machine.default_kv_tokens(
            config, running=4, dtype=torch.float32, device=torch.device(name)
        )
        for name in expected
    }
    assert tokens == expected


def test_a_text_that_the_cache_does_not_hold_is_refused_with_the_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "free_memory", lambda device: 100 * TOKEN_BYTES)
    monkeypatch.setattr(machine, "LEAST_BYTES", 0)
    engine = Engine(tiny_model(context=200), ByteVocabulary())
    said = capsys.readouterr().err
    assert "memory is free for 90 tokens, fewer than the model's context, 200" in said
    with pytest.raises(ContextLengthError, match="exceeds the 96 tokens that the engine's cache"):
        engine.submit(ask("a", "x", max_tokens=120))


def test_files_that_were_read_count_as_free_in_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control group counts them as used, and a checkpoint that has just been read may be most of
    what is: there would seem to be no memory for the cache."""
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("900000\n")
    stat = "anon 300000\nfile 600000\nshmem 50000\ninactive_file 500000\nactive_file 50000\n"
    (tmp_path / "memory.stat").write_text(stat)
    monkeypatch.setattr(machine, "GROUP", tmp_path)
    assert free_memory(CPU) == 650_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(CPU) > 1 << 20


def test_a_small_model_has_one_thread() -> None:
    """Two threads on two cores of which one was busy wrote a third of what one thread does."""
    assert default_threads(SMALL) == 1
    assert default_threads(SMALL + 1) == physical_cores()
