"""Every way a run can end before its time leaves something to go on from, and says so."""

from __future__ import annotations

import errno
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from miniclaude.errors import CheckpointError, DiskFullError, SettingsError
from miniclaude.model.lora import LoraConfig, add_lora
from miniclaude.model.transformer import Transformer
from miniclaude.training import checkpoint
from miniclaude.training.averaging import trained_parameters
from miniclaude.training.checkpoint import checkpoints
from miniclaude.training.config import TrainingConfig
from miniclaude.training.loop import Evaluate, Wish, train
from miniclaude.training.run_log import RunLog
from tests.training.tiny import after, counting_batches, tiny_model

CONFIG = TrainingConfig(
    steps=12, learning_rate=0.01, warmup=2, schedule="cosine", checkpoint_every=4
)


def quiet() -> RunLog:
    return RunLog(terminal=io.StringIO())


def adapted() -> Transformer:
    model = tiny_model()
    add_lora(model, LoraConfig(r=2, dropout=0.1))
    return model


def trained(model: Transformer) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in trained_parameters(model).items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def scores(*losses: float) -> Evaluate:
    """An evaluation with a script."""
    left = iter(losses)
    return lambda model: {"loss": next(left)}


def test_a_checkpoint_of_adapters_holds_the_adapters_alone(tmp_path: Path) -> None:
    """The base may be a thousand times as large, and is on the disk already."""
    model = adapted()
    train(model, counting_batches(), replace(CONFIG, steps=2), folder=tmp_path, log=quiet())
    kept = load_file(checkpoints(tmp_path)[-1] / "weights.safetensors")
    assert same(kept, trained(model))


@pytest.mark.parametrize("autocast", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("recomputing", [False, True])
def test_paused_and_resumed_is_the_same_in_every_precision(
    tmp_path: Path, autocast: str, recomputing: bool
) -> None:
    """float16's loss scale is part of the state."""
    config = replace(
        CONFIG,
        autocast=autocast,  # type: ignore[arg-type]
        gradient_checkpointing=recomputing,
        ema=0.9,
    )
    whole, parts = adapted(), adapted()
    result = train(whole, counting_batches(), config, log=quiet())
    assert result.ended == "finished"
    paused = train(
        parts, counting_batches(), config, folder=tmp_path, log=quiet(), control=after(5, "pause")
    )
    assert (paused.ended, paused.steps) == ("paused", 5)
    resumed = adapted()
    again = train(resumed, counting_batches(), config, folder=tmp_path, log=quiet())
    assert same(trained(whole), trained(resumed))
    assert (again.trained, again.read) == (result.trained, result.read)
    assert all(parameter.dtype == torch.float32 for parameter in trained(resumed).values())


def test_float16_scales_its_loss(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=1, autocast="float16")
    train(adapted(), counting_batches(), config, folder=tmp_path, log=quiet())
    manifest = json.loads((checkpoints(tmp_path)[-1] / "manifest.json").read_text())
    assert manifest["numbers"]["scaler"]["scale"] > 1


def test_cancelling_leaves_no_checkpoint_of_its_own(tmp_path: Path) -> None:
    result = train(
        adapted(),
        counting_batches(),
        CONFIG,
        folder=tmp_path,
        log=quiet(),
        control=after(6, "cancel"),
    )
    assert (result.ended, result.steps) == ("cancelled", 6)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000004"]


def test_early_stopping_gives_back_the_best_weights(tmp_path: Path) -> None:
    """And a run that has stopped stays stopped when it is taken up."""
    config = replace(CONFIG, evaluate_every=2, patience=2)
    script = (3.0, 2.0, 2.5, 2.6)
    for folder in (tmp_path, None):
        model, reference = adapted(), adapted()
        result = train(
            model, counting_batches(), config, folder=folder, log=quiet(), evaluate=scores(*script)
        )
        assert (result.ended, result.steps, result.kept) == ("stopped early", 8, 4)
        train(reference, counting_batches(), config, log=quiet(), control=after(4, "pause"))
        assert same(trained(model), trained(reference))
    again = adapted()
    result = train(
        again, counting_batches(), config, folder=tmp_path, log=quiet(), evaluate=scores(2.6)
    )
    assert (result.ended, result.steps, result.kept) == ("stopped early", 8, 4)
    assert same(trained(again), trained(model))


def test_a_checkpoint_is_on_disk_before_an_evaluation_begins(tmp_path: Path) -> None:
    """An evaluation that crashes must not cost the steps before it."""

    def crash(model: Transformer) -> dict[str, float]:
        raise MemoryError

    config = replace(CONFIG, evaluate_every=3, checkpoint_every=0)
    with pytest.raises(MemoryError):
        train(adapted(), counting_batches(), config, folder=tmp_path, log=quiet(), evaluate=crash)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000003"]


def test_divergence_keeps_the_last_good_checkpoint_and_names_the_cure(tmp_path: Path) -> None:
    """The loss goes wrong in step 7; the checkpoint of step 4 is from before."""
    model, reference = adapted(), adapted()

    class Poison:
        """Makes the weights infinite at step 6, as too high a rate would."""

        steps = 0

        def __call__(self) -> Wish:
            if self.steps == 6:
                with torch.no_grad():
                    for parameter in trained_parameters(model).values():
                        parameter.fill_(float("inf"))
            self.steps += 1
            return "go"

    log = RunLog(tmp_path / "metrics.jsonl", io.StringIO())
    run = tmp_path / "run"
    result = train(model, counting_batches(), CONFIG, folder=run, log=log, control=Poison())
    assert (result.ended, result.steps, result.kept) == ("diverged", 6, 4)
    assert result.problem is not None
    assert result.problem.message == (
        "At step 7 the loss is no longer a finite number. Training stopped; the checkpoint of"
        " step 4 is kept."
    )
    assert "Lower learning_rate from 0.01 to 0.001" in result.problem.hint
    train(reference, counting_batches(), CONFIG, log=quiet(), control=after(4, "pause"))
    assert same(trained(model), trained(reference))
    assert '"diverged"' in (tmp_path / "metrics.jsonl").read_text()


def test_a_rate_that_is_far_too_high_is_noticed() -> None:
    config = replace(CONFIG, steps=40, learning_rate=3.0, warmup=0, clip=0.0)
    model = tiny_model()
    result = train(model, counting_batches(), config, log=quiet())
    assert result.ended == "diverged"
    assert result.steps < 40


def test_a_full_disk_pauses_the_run_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = adapted()
    train(whole, counting_batches(), CONFIG, log=quiet())

    real, calls = save_file, []

    def full(tensors: dict[str, Tensor], path: Path) -> None:
        calls.append(path)
        if len(calls) > 3:  # the first checkpoint has two files; this one breaks off in between
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(tensors, path)

    run = tmp_path / "run"
    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(DiskFullError) as caught:
        train(adapted(), counting_batches(), CONFIG, folder=run, log=quiet())
    assert str(run / "step-00000008") in caught.value.message
    assert "it needs " in caught.value.message
    assert "goes on from step-00000004" in caught.value.hint
    assert [path.name for path in run.iterdir()] == ["step-00000004"], "no draft is left"

    monkeypatch.setattr(checkpoint, "save_file", real)
    resumed = adapted()
    train(resumed, counting_batches(), CONFIG, folder=run, log=quiet())
    assert same(trained(whole), trained(resumed))


def test_too_little_room_is_seen_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=9))
    with pytest.raises(DiskFullError, match="and 9 are free"):
        train(adapted(), counting_batches(), CONFIG, folder=tmp_path, log=quiet())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_while_logging_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = RunLog(tmp_path / "metrics.jsonl", io.StringIO())

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(DiskFullError, match=r"No room to write \d+ bytes to .*metrics.jsonl"):
        log.write({"step": 1})


def test_another_base_or_other_data_is_refused_naming_both(tmp_path: Path) -> None:
    """A LoRA on the wrong base would go on in silence, and answer nonsense."""
    config = replace(CONFIG, steps=2)
    identity = {"base": "aaa", "data": "bbb"}
    train(adapted(), counting_batches(), config, folder=tmp_path, log=quiet(), identity=identity)
    with pytest.raises(CheckpointError, match="base was aaa, now xxx") as caught:
        train(
            adapted(),
            counting_batches(),
            config,
            folder=tmp_path,
            log=quiet(),
            identity={"base": "xxx", "data": "bbb"},
        )
    assert caught.value.code == "checkpoint_mismatch"
    with pytest.raises(CheckpointError, match="data was bbb, now yyy"):
        train(
            adapted(),
            counting_batches(),
            config,
            folder=tmp_path,
            log=quiet(),
            identity={"base": "aaa", "data": "yyy"},
        )


def test_a_model_with_nothing_to_train_is_refused() -> None:
    model = tiny_model().requires_grad_(False)
    with pytest.raises(SettingsError, match="No parameter of the model takes a gradient"):
        train(model, counting_batches(), CONFIG, log=quiet())
