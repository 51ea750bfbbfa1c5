"""Answers at each checkpoint: real training of a model of a few kilobytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from miniclaude.jobs import samples
from miniclaude.jobs.assemble import run_job
from miniclaude.jobs.order import JobOrder
from miniclaude.jobs.recorder import MAX_SAMPLE_TEXT, samples_of
from miniclaude.jobs.samples import COUNT, Samples
from miniclaude.model.checkpoint import load_model
from miniclaude.tokenizer.load import load_tokenizer
from tests.jobs.test_assemble import go, job_folder
from tests.jobs.test_assemble import order as order
from tests.tiny_checkpoint import write_tiny_checkpoint


def weights(order: JobOrder) -> dict[str, bytes]:
    """The result's files of weights."""
    folder = order.adapters / order.model_id
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def test_the_model_answers_at_each_checkpoint_and_learns_the_same(
    order: JobOrder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answering in the midst of training must not leave a trace in it."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(samples, "SHARE", 1e9)
    folder = job_folder(tmp_path / "job", checkpoint_every=1)
    run_job(order, folder, told.append, go, device="cpu")
    at = {one["step"]: one["samples"] for one in told if one["event"] == "checkpoint"}
    assert sorted(at) == [1, 2, 3]
    for answers in at.values():
        assert [one["prompt"] for one in answers] == [one["prompt"] for one in at[1]]
        assert len(answers) == COUNT
        assert "animal number" in answers[0]["prompt"]
    with_samples = weights(order)
    assert with_samples

    monkeypatch.setattr(Samples, "take", lambda self, last: [])
    other = tmp_path / "other"
    silent = JobOrder.from_dict({**order.as_dict(), "adapters": str(other)})
    told.clear()
    run_job(
        silent, job_folder(tmp_path / "job2", checkpoint_every=1), told.append, go, device="cpu"
    )
    assert [one["samples"] for one in told if one["event"] == "checkpoint"] == [[], [], []]
    assert weights(silent) == with_samples


@pytest.mark.parametrize(("seconds", "counts"), [(-1.0, [COUNT, 0, COUNT]), (1e9, [COUNT] * 3)])
def test_a_short_run_has_answers_too(
    order: JobOrder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    counts: list[int],
) -> None:
    """It was over before it had earned a second look: there was nothing to compare the first
    answers with. Without any time the first and the last checkpoint have some, with a few seconds
    those between."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(samples, "SHARE", 0.0)
    monkeypatch.setattr(samples, "SECONDS", seconds)
    folder = job_folder(tmp_path / "job", checkpoint_every=1)
    run_job(order, folder, told.append, go, device="cpu")
    taken = [one["samples"] for one in told if one["event"] == "checkpoint"]
    assert [len(answers) for answers in taken] == counts


def test_memory_is_told_with_every_step(order: JobOrder, tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    run_job(order, job_folder(tmp_path / "job"), told.append, go, device="cpu")
    steps = [one for one in told if "train_loss" in one]
    assert [one["memory_bytes"] > 1 << 20 for one in steps] == [True, True, True]


def test_without_held_out_rows_plain_questions_are_asked(tmp_path: Path) -> None:
    base = tmp_path / "tiny"
    write_tiny_checkpoint(base)
    model, tokenizer = load_model(base, device=torch.device("cpu")), load_tokenizer(base)
    taken = Samples((), model, tokenizer).take()
    asked = [] if tokenizer.template is None else list(samples.QUESTIONS)
    assert [one["prompt"] for one in taken] == asked


def test_what_is_kept_of_them_is_bounded() -> None:
    long = {"prompt": "x" * 5000, "answer": "y" * 5000, "more": "z"}
    kept = samples_of([long] * 10)
    assert len(kept) == 4
    assert kept[0] == {"prompt": "x" * MAX_SAMPLE_TEXT, "answer": "y" * MAX_SAMPLE_TEXT}
    assert samples_of("no list") == samples_of(None) == samples_of([1, "a"]) == []
