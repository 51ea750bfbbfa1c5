"""The same numbers as curves, where TensorBoard is installed."""

from __future__ import annotations

import builtins
import io
from pathlib import Path
from typing import Any

import pytest

from miniclaude.errors import SettingsError
from miniclaude.training.run_log import RunLog
from miniclaude.training.tensorboard import TensorBoard


def test_every_step_is_a_point_of_each_curve(tmp_path: Path) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = TensorBoard(tmp_path)
    log = RunLog(terminal=io.StringIO(), board=board)
    for done in (1, 2):
        log.step(done, done / 2, loss=3.0 - done, tokens=8, seconds=1.0, learning_rate=0.1)
    log.held_out(2, {"loss": 0.5})
    board.close()
    curves = reading.EventAccumulator(str(tmp_path)).Reload()
    assert [(point.step, point.value) for point in curves.Scalars("loss")] == [(1, 2.0), (2, 1.0)]
    assert [point.value for point in curves.Scalars("held_out/loss")] == [0.5]


def test_without_tensorboard_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def absent(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(SettingsError, match=r"pip install 'mini-claude\[tensorboard\]'"):
        TensorBoard(tmp_path)


def test_a_resumed_run_keeps_what_was_drawn_before(tmp_path: Path) -> None:
    """Everything from step 0 on was hidden when a run went on, and its curves began in the
    middle."""
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for steps in ((1, 2, 3), (3, 4)):  # step 3 is done again
        board = TensorBoard(tmp_path)
        for step in steps:
            board.scalars(step, {"loss": float(step)})
        board.close()
    curves = reading.EventAccumulator(str(tmp_path)).Reload()
    assert [point.step for point in curves.Scalars("loss")] == [1, 2, 3, 4]
