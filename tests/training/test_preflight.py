"""The preflight says what then happens, and refuses with a way out."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from miniclaude.data.prepared import PreparedDataset
from miniclaude.errors import CheckpointError, DatasetError, OutOfMemoryError
from miniclaude.model.checkpoint import save_model
from miniclaude.model.facts import read_facts
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training import preflight
from miniclaude.training.machine import Machine, has_fast_bfloat16, own_memory, this_machine
from miniclaude.training.memory import needed, parameters
from miniclaude.training.preflight import (
    ROOM,
    Estimate,
    check,
    estimate,
    megabytes,
    run_child,
    savings,
    sentences,
    variants,
    whole_time,
)
from miniclaude.training.probe import Findings, Order, trial
from miniclaude.training.spec import TuneSpec
from miniclaude.training.tokenise import tokenise
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.training.prepared_rows import chat_row, preference_row, write_prepared

TOLERANCE = 0.2
"""How far memory may be from what was foretold. Time is not tested: see benchmarks/preflight.py."""

SPEC = TuneSpec(epochs=1, max_length=128, batch_tokens=1024, accumulate=2)
MACHINE = Machine(memory=8 << 30, cores=1, device="cpu", fast_bfloat16=False)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose activations show beside the process: 6 layers, 128 wide."""
    tiny = write_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))
    small = read_facts(tiny).config
    wide = replace(small, width=128, head_dim=32, mlp_width=512, layers=6, windows=())
    model = Transformer(wide)
    model.initialise(torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("models") / "wide"
    save_model(model, folder, extra_config={"bos_token_id": 0, "eos_token_id": 2})
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def chats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [chat_row(f"hello {n}", "the cat sat on the mat " * (1 + n % 3)) for n in range(80)]
    return write_prepared(tmp_path_factory.mktemp("chats"), rows, rows[:8]).folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [preference_row(f"hello {n}", "the cat sat " * 2, "the mat") for n in range(40)]
    return write_prepared(tmp_path_factory.mktemp("pairs"), rows, task="preference").folder


def real_run(base: Path, dataset: Path, run: Path, spec: TuneSpec) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.training.real_run"]
    told = [str(base), str(dataset), str(run), json.dumps(spec.as_dict())]
    done = subprocess.run([*command, *told], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize("kind", ["lora", "dpo on a quantised base"])
def test_what_is_foretold_is_what_happens(
    base: Path, chats: Path, pairs: Path, tmp_path: Path, kind: str
) -> None:
    """Counts exactly, memory within a fifth: a preflight that misleads is worse than none."""
    spec, dataset = SPEC, chats
    if kind != "lora":
        spec, dataset = replace(SPEC, method="qlora", objective="dpo"), pairs
    foretold = estimate(base, dataset, spec, MACHINE)
    happened = real_run(base, dataset, tmp_path / "run", spec)
    assert foretold.trained_tokens == happened["trained"]
    assert foretold.tokens == happened["read"]
    assert foretold.steps == happened["steps"]
    assert foretold.memory_bytes == pytest.approx(happened["memory"], rel=TOLERANCE)
    assert foretold.seconds > 0
    check(foretold, MACHINE, read_facts(base).config, spec)


def test_a_trial_counts_the_whole_run_and_not_only_its_own_steps(base: Path, chats: Path) -> None:
    spec = replace(SPEC, method="full", epochs=3, evaluate_every=1)
    values = json.loads(json.dumps(spec.as_dict()))
    found = trial(Order(str(base), str(chats), values, threads=torch.get_num_threads()))
    once = tokenise(
        PreparedDataset.open(chats).examples("train"), load_tokenizer(base), spec.max_length
    )
    assert found.trained == 3 * once.trained
    assert found.tokens == 3 * int(once.documents.lengths.sum())
    assert found.longest <= spec.batch_tokens
    assert found.held_out > 0
    for seconds in (found.token_seconds, found.held_out_seconds, found.save_seconds):
        assert seconds > 0


def test_a_trial_ends_with_whoever_asked_for_it() -> None:
    """A job that was cancelled in its trial left the trial behind, at work for nobody."""
    code = (
        "import threading; from miniclaude.training.probe import leave_with_parent;"
        "leave_with_parent(); threading.Event().wait()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(timeout=240) == 0


def test_a_run_that_outgrows_its_limit_ends_the_trial_alone(base: Path, chats: Path) -> None:
    """Without the watch, the system would end whichever process is largest: perhaps the server."""
    little = replace(MACHINE, memory=280 << 20)
    order = Order(str(base), str(chats), SPEC.as_dict(), limit=little.memory)
    found = run_child(order, seconds=600)
    assert found.exceeded
    assert found.memory > little.memory
    foretold = Estimate(found.memory, 0, 0, 0, 0, 1024, fits=False)
    with pytest.raises(OutOfMemoryError, match="where the trial was ended, and 294 MB can be had"):
        check(foretold, little, read_facts(base).config, SPEC)
    with pytest.raises(OutOfMemoryError, match="by its shapes"):
        estimate(base, chats, SPEC, replace(MACHINE, memory=100 << 20))


def test_what_does_not_fit_is_refused_with_what_would(base: Path) -> None:
    config = read_facts(base).config
    spec = replace(SPEC, method="full", batch_tokens=2048)
    memory = needed(config, spec, 2048).total
    tight = replace(MACHINE, memory=int(memory * 0.85))
    with pytest.raises(OutOfMemoryError) as caught:
        check(Estimate(memory, 1, 1, 1, 1, 2048), tight, config, spec)
    error = caught.value
    assert error.message == (
        f"This run needs {megabytes(memory)} in a trial, and {megabytes(tight.memory)} can be had."
    )
    assert error.hint.startswith("These would fit: batch_tokens 512 with accumulate 8, the same")
    assert error.hint.count("batch_tokens") == 1
    assert error.code == "does_not_fit"
    for _, other, size in variants(config, spec, tight, memory, 2048):
        offered = f"({'about ' + megabytes(size)})" in error.hint
        assert not offered or size * ROOM <= tight.memory, other


def test_every_alternative_needs_less(base: Path) -> None:
    config = read_facts(base).config
    spec = replace(SPEC, method="full", batch_tokens=4096, max_length=1024)
    own = needed(config, spec, 4096).total
    for words, other, positions in savings(spec, 4096):
        assert needed(config, other, positions).total < own, words


def test_when_nothing_would_fit_it_says_so(base: Path) -> None:
    config = read_facts(base).config
    none = replace(MACHINE, memory=1 << 20)
    with pytest.raises(OutOfMemoryError, match=r"Even the most frugal settings need about .* smal"):
        check(Estimate(10**9, 1, 1, 1, 1, 1024), none, config, SPEC)


def test_errors_of_the_trial_come_back_as_themselves(base: Path, tmp_path: Path) -> None:
    """Not as 'the trial failed': the person can do something about a missing dataset."""
    rows = write_prepared(tmp_path / "long", [chat_row("the cat " * 300, "sat")])
    with pytest.raises(DatasetError, match="None of the 1 rows has a token to learn from"):
        estimate(base, rows.folder, SPEC, MACHINE)
    with pytest.raises(CheckpointError):
        estimate(tmp_path / "nowhere", rows.folder, SPEC, MACHINE)


def test_nearly_everything_masked_is_warned_of() -> None:
    found = Findings("2 examples", "rejected: x", 3, steps=4, tokens=10_000, trained=100)
    told = "\n".join(sentences(found, SPEC))
    assert "learns from 100 of them (1%)" in told
    assert "Warning: only 1.0% of the tokens are learnt from; the rest is masked." in told
    assert "Warning: 3 rows are left out. The first: rejected: x" in told


def test_evaluations_and_checkpoints_take_their_time() -> None:
    """A run of ten minutes with ten evaluations of a large validation split takes twenty."""
    found = Findings(
        steps=100, tokens=1000, held_out=500, token_seconds=0.1, held_out_seconds=0.05,
        start_seconds=3, save_seconds=1,
    )  # fmt: skip
    assert whole_time(found, SPEC) == pytest.approx(3 + 100 + 25 + 1)
    often = replace(SPEC, evaluate_every=10, checkpoint_every=50)
    assert whole_time(found, often) == pytest.approx(3 + 100 + 10 * 25 + 13)
    compared = replace(SPEC, objective="dpo", epochs=2)
    assert whole_time(found, compared) == pytest.approx(3 + 100 + 25 + 25 + 1)


def test_sizes_from_shapes_are_those_of_a_real_model(base: Path) -> None:
    config = read_facts(base).config
    model = Transformer(config)
    assert sum(parameters(config)) == sum(parameter.numel() for parameter in model.parameters())


def test_this_machine_and_its_number_formats(tmp_path: Path) -> None:
    machine = this_machine(limit=1000)
    assert machine.memory == 1000
    assert machine.cores >= 1
    cpu = torch.device("cpu")
    flags = tmp_path / "cpuinfo"
    flags.write_text("flags : fpu avx2 avx512_bf16 avx512f\n")
    assert has_fast_bfloat16(cpu, flags)
    flags.write_text("Features : fp asimd notbf16\n")
    assert not has_fast_bfloat16(cpu, flags)
    assert not has_fast_bfloat16(cpu, tmp_path / "none")
    assert own_memory("VmHWM") >= own_memory("VmRSS") > 1 << 20
    assert own_memory("VmNothing") == 0


def test_a_trial_that_ctrl_c_ends_at_its_birth_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between its birth and its own session the trial still gets the terminal's Ctrl-C; it was
    reported as a failure of the run."""
    ended = [
        subprocess.CompletedProcess([], -signal.SIGINT, "", ""),
        subprocess.CompletedProcess([], 0, '{"found": {"steps": 7}}', ""),
    ]
    monkeypatch.setattr(preflight, "start_child", lambda order, seconds: ended.pop(0))
    order = Order("base", "rows", {})
    assert run_child(order, 1.0).steps == 7
