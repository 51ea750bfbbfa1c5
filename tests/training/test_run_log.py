"""Progress lines: one a while in a file, redrawn in place on a terminal."""

from __future__ import annotations

import io

import pytest

from miniclaude.training.run_log import RunLog, duration


class Screen(io.StringIO):
    """A terminal to write to."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"), [(48.2, "48 s"), (725, "12 min 05 s"), (12_000, "3 h 20 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_file_gets_few_lines_but_always_the_last() -> None:
    terminal = io.StringIO()
    log = RunLog(terminal=terminal, every=3600)
    for done in range(1, 101):
        log.step(done, done / 100, loss=2.0, tokens=10, seconds=float(done))
    lines = terminal.getvalue().splitlines()
    assert len(lines) == 2
    assert "step 100" in lines[1]
    assert "0 s left" in lines[1]


def test_a_terminal_is_redrawn_in_place() -> None:
    screen = Screen()
    log = RunLog(terminal=screen, every=0)
    log.step(1, 0.5, loss=2.0, tokens=10, seconds=60.0)
    log.step(2, 1.0, loss=1.0, tokens=10, seconds=120.0)
    assert screen.getvalue().count("\n") == 1
    assert "1 min 00 s left" in screen.getvalue()
