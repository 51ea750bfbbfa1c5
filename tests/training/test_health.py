"""When a run has gone wrong, and when it learns nothing more."""

from __future__ import annotations

import json
import math

from miniclaude.training.health import Divergence, EarlyStopping


def test_a_noisy_run_that_learns_has_not_diverged() -> None:
    watch = Divergence()
    losses = [3 + math.sin(step) - step / 100 for step in range(200)]
    assert not any(watch.found(loss) for loss in losses)


def test_a_lucky_row_at_the_beginning_is_not_where_a_run_began() -> None:
    """With one row a step, a row of "Yes." among the first three made every later loss look like
    divergence: one healthy run in five was stopped, and kept no checkpoint until then."""
    for lucky in range(3):
        losses = [5.0, 4.6, 5.4, 5.1, 4.9, 5.5, 4.8, 5.2] * 3
        losses[lucky] = 0.02
        watch = Divergence(chance=math.log(4096))
        assert not any(watch.found(loss) for loss in losses)
        assert not watch.suspicious


def test_one_bad_batch_is_no_divergence_and_ten_are() -> None:
    watch = Divergence()
    for loss in [3.0] * 20 + [30.0] + [3.0] * 9:
        found = watch.found(loss)
    assert not found
    assert Divergence().found(float("nan")) == "the loss is no longer a finite number"
    watch = Divergence()
    all_found = [watch.found(loss) for loss in [3.0] * 5 + [9.0] * 12]
    assert "the loss has grown from 3.00 to" in next(filter(None, all_found))


def test_a_run_that_blows_up_at_once_is_noticed() -> None:
    """The first losses of such a run are large too, so they must not be averaged into a measure."""
    watch = Divergence(chance=math.log(4096))
    all_found = [watch.found(loss) for loss in [3.0, 20.0, 40.0] + [40.0] * 9]
    assert all_found[-1]


def test_patience_counts_evaluations_without_a_better_one() -> None:
    watch = EarlyStopping(2)
    better = [watch.is_better(step, loss) for step, loss in ((1, 2.0), (2, 1.5), (3, 1.6))]
    assert better == [True, True, False]
    again = EarlyStopping.from_dict(json.loads(json.dumps(watch.as_dict())), 2)
    assert not again.stop
    again.is_better(4, float("nan"))
    assert again.stop
    assert again.best_step == 2
