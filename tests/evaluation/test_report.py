"""The report: true numbers, pictures that can be drawn, and nothing that could run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from miniclaude.data.example import Place
from miniclaude.evaluation.before_after import BeforeAfter, Measured
from miniclaude.evaluation.held_out import Prompt
from miniclaude.evaluation.overlap import overlap
from miniclaude.evaluation.perplexity import HeldOutScore
from miniclaude.evaluation.report import Curve, make_report, read_curves, write_report
from miniclaude.evaluation.report_pictures import loss_curve, nice_ticks, smoothed, thinned
from miniclaude.messages import text_message

ATTACK = '<script>alert("1")</script><img src=x onerror=alert(1)>'


def result(answer: str = ATTACK) -> BeforeAfter:
    before = Measured("base", HeldOutScore(300, 100, 400), overlap(["no"], ["yes"]), ("no",))
    after = Measured("tuned", HeldOutScore(200, 100, 400), overlap([answer], ["yes"]), (answer,))
    prompt = Prompt(Place("v.jsonl", 7), (text_message("user", f"Is it? {ATTACK}"),), "yes \ud800")
    return BeforeAfter(before, after, (prompt,))


def written(tmp_path: Path) -> tuple[dict[str, object], str]:
    curves = Curve(((1, 3.0), (2, 2.5), (3, 2.0))), Curve(((3, 2.2),))
    report = make_report(ATTACK, result(), curves=curves, facts={"method": f"lora {ATTACK}"})
    numbers, page = write_report(tmp_path / "run", report)
    return json.loads(numbers.read_text()), page.read_text()


def test_nothing_anybody_wrote_becomes_markup(tmp_path: Path) -> None:
    """A model trained on web pages answers with scripts now and then."""
    _, page = written(tmp_path)
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") == 5  # title, heading, fact, prompt, answer
    assert "default-src 'none'" in page


def test_the_page_is_well_formed_and_has_its_pictures(tmp_path: Path) -> None:
    _, page = written(tmp_path)
    pictures = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(pictures) == 4
    for picture in pictures:
        ElementTree.fromstring(picture)  # noqa: S314  # our own markup
    assert "prefers-color-scheme:dark" in page


def test_the_numbers_are_the_measured_ones(tmp_path: Path) -> None:
    report, page = written(tmp_path)
    after = report["after"]
    assert isinstance(after, dict)
    assert after["perplexity"] == 7.3891
    assert after["bits_per_byte"] == 0.7213
    assert report["learnt"] is True
    assert report["curves"] == {"training": [[1, 3.0], [2, 2.5], [3, 2.0]], "held_out": [[3, 2.2]]}
    assert "7.39" in page
    samples = report["samples"]
    assert isinstance(samples, list)
    assert samples[0]["place"] == "v.jsonl, line 7"


def test_curves_survive_a_log_that_was_cut_off(tmp_path: Path) -> None:
    """A killed run leaves half a line; a later session repeats steps."""
    path = tmp_path / "metrics.jsonl"
    lines = [
        '{"step": 1, "loss": 3.0}',
        '{"step": 2, "loss": null}',
        '{"step": 2, "held_out": {"loss": 2.9, "bits": 1}}',
        "[]",
        '{"step": "x", "loss": 1}',
        '{"step": 1, "loss": 2.8}',
        '{"step": 3, "lo',
    ]
    path.write_text("\n".join(lines))
    training, held_out = read_curves(path)
    assert training.points == ((1, 2.8),)
    assert held_out.points == ((2, 2.9),)
    assert read_curves(tmp_path / "none.jsonl") == (Curve(()), Curve(()))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (2.31, 9.7), (0.001, 0.002), (5, 5000)])
def test_ticks_enclose_the_range(low: float, high: float) -> None:
    """One tick alone would divide by nothing; a curve above the last would leave the picture."""
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 9


def test_long_runs_make_short_pictures() -> None:
    points = [(float(n), 1 / (n + 1)) for n in range(100_000)]
    assert len(thinned(points)) == 400
    assert (thinned(points)[0], thinned(points)[-1]) == (points[0], points[-1])
    assert len(loss_curve(points, points)) < 80_000
    assert smoothed([(1, 2.0)]) == [(1, 2.0)]
    ElementTree.fromstring(f"<p>{loss_curve([(1, 2.0)], [])}</p>")  # noqa: S314
