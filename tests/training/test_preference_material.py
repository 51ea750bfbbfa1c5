"""What a preference run reads, and that the whole of it trains."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from miniclaude.data.prepared import PreparedDataset
from miniclaude.errors import DatasetError
from miniclaude.model.checkpoint import load_model
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training.preference import DPO, KTO
from miniclaude.training.preference_material import gather_comparisons, unknown_reference
from miniclaude.training.run_log import RunLog
from miniclaude.training.spec import TuneSpec
from miniclaude.training.tune import tune
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.training.prepared_rows import Row, chat_row, preference_row, write_prepared

SPEC = TuneSpec(
    objective="dpo", max_length=100, batch_tokens=200, accumulate=1, learning_rate=5e-3, epochs=4
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("model"))


def pairs(folder: Path, answers: int = 8) -> PreparedDataset:
    rows = [preference_row(f"hello {n}", "the cat sat", "the mat") for n in range(answers)]
    return write_prepared(folder, rows, rows[:2], task="preference")


def ratings(folder: Path) -> PreparedDataset:
    rows: list[Row] = []
    for number in range(9):
        good = number % 3 == 0
        row = chat_row(f"hello {number}", "the cat sat" if good else "the mat")
        rows.append({**row, "label": good})
    return write_prepared(folder, rows, task="kto")


def test_the_objective_and_its_counts(base: Path, tmp_path: Path) -> None:
    """KTO's mismatched answers are read and not learnt from: counting them would promise twice the
    training."""
    tokenizer = load_tokenizer(base)
    paired = gather_comparisons(pairs(tmp_path / "p"), tokenizer, SPEC, 256, unknown_reference)
    assert isinstance(paired.objective, DPO)
    once = replace(SPEC, epochs=1)
    material = gather_comparisons(pairs(tmp_path / "p"), tokenizer, once, 256, unknown_reference)
    batches = [material.batches[n] for n in range(len(material.batches))]
    assert sum(batch.trained for batch in batches) == material.trained
    assert material.summary.startswith("8 pairs of answers, ")
    rated = gather_comparisons(
        ratings(tmp_path / "k"), tokenizer, replace(once, objective="kto"), 256, unknown_reference
    )
    assert isinstance(rated.objective, KTO)
    assert (rated.objective.desirable, rated.objective.undesirable) == (2, 1)
    batches = [rated.batches[n] for n in range(len(rated.batches))]
    assert sum(batch.trained for batch in batches) == rated.trained
    assert material.fingerprint != rated.fingerprint


def test_rows_for_another_objective_are_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^p holds preferences .* Set objective to 'dpo'"):
        gather_comparisons(
            pairs(tmp_path / "p"), load_tokenizer(base), replace(SPEC, objective="kto"), 256,
            unknown_reference,
        )  # fmt: skip


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_whole_run_learns_what_is_preferred(base: Path, tmp_path: Path, method: str) -> None:
    """With full tuning the reference must be taken before the first step: taken later, it would
    follow the policy and the margin would stay at zero."""
    spec = replace(SPEC, method=method)  # type: ignore[arg-type]
    log = RunLog(tmp_path / "metrics.jsonl", terminal=io.StringIO())
    data = pairs(tmp_path / "p")
    result = tune(load_model(base), load_tokenizer(base), data, spec, tmp_path / "run", log=log)
    assert result.run.held_out["accuracy"] == 1
    assert result.run.held_out["reward_margin"] > 0.05
    assert result.run.held_out["loss"] < np.log(2)
    assert '"reward_margin"' in (tmp_path / "metrics.jsonl").read_text()


def test_kto_raises_the_good_and_lowers_the_bad(base: Path, tmp_path: Path) -> None:
    spec = replace(SPEC, objective="kto", epochs=8)
    log = RunLog(tmp_path / "metrics.jsonl", terminal=io.StringIO())
    data = ratings(tmp_path / "k")
    tune(load_model(base), load_tokenizer(base), data, spec, tmp_path / "run", log=log)
    last = (tmp_path / "metrics.jsonl").read_text().splitlines()
    losses = [float(line.split('"loss": ')[1].split(",")[0]) for line in last if '"loss"' in line]
    assert losses[-1] < losses[0]
