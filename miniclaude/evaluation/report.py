"""What training did, as one JSON file and one page with pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from miniclaude.evaluation.before_after import BeforeAfter, Measured
from miniclaude.evaluation.report_page import page

JSON_NAME, PAGE_NAME = "evaluation.json", "evaluation.html"
MAX_METRICS_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (step, loss) of one line, rising in step."""

    points: tuple[tuple[int, float], ...]


def read_curves(metrics: Path) -> tuple[Curve, Curve]:
    """The training loss and the held-out loss of a run's metrics.jsonl; empty where there is none.

    A line that was cut off by a crash, or holds no number, is passed over.
    """
    training: dict[int, float] = {}
    held_out: dict[int, float] = {}
    if metrics.is_file():
        with metrics.open("rb") as file:
            text = file.read(MAX_METRICS_BYTES).decode("utf-8", "replace")
        for line in text.splitlines():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if not isinstance(record, dict) or not isinstance(record.get("step"), int):
                continue
            scores = record.get("held_out")
            watched = next(iter(scores.values()), None) if isinstance(scores, dict) else None
            for found, into in ((record.get("loss"), training), (watched, held_out)):
                if isinstance(found, int | float):
                    into[record["step"]] = float(found)
    return Curve(tuple(sorted(training.items()))), Curve(tuple(sorted(held_out.items())))


def make_report(
    name: str,
    result: BeforeAfter,
    *,
    curves: tuple[Curve, Curve] | None = None,
    facts: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Everything the page shows, as JSON values. facts: what else is worth a line (method, rows,
    time), by name."""
    training, held_out = curves or (Curve(()), Curve(()))
    before, after = result.before.answers, result.after.answers
    samples = [
        {
            "place": str(prompt.place),
            "prompt": [{"role": m.role, "content": m.text} for m in prompt.messages],
            "wanted": prompt.answer,
            "before": before[index] if before else None,
            "after": after[index] if after else None,
        }
        for index, prompt in enumerate(result.prompts)
        if before or after
    ]
    return {
        "version": 1,
        "name": name,
        "verdict": result.verdict,
        "learnt": result.learnt,
        "facts": dict(facts or {}),
        "before": _numbers(result.before),
        "after": _numbers(result.after),
        "curves": {"training": list(training.points), "held_out": list(held_out.points)},
        "samples": samples,
    }


def write_report(folder: Path, report: Mapping[str, object]) -> tuple[Path, Path]:
    """evaluation.json and evaluation.html in `folder`. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers, picture = folder / JSON_NAME, folder / PAGE_NAME
    text = json.dumps(report, indent=1, ensure_ascii=False)
    numbers.write_text(text.encode("utf-8", "replace").decode() + "\n", encoding="utf-8")
    picture.write_text(page(report).encode("utf-8", "replace").decode(), encoding="utf-8")
    return numbers, picture


def _numbers(measured: Measured) -> dict[str, object]:
    return {
        "name": measured.name,
        "perplexity": round(measured.score.perplexity, 4),
        "bits_per_byte": round(measured.score.bits_per_byte, 4),
        "tokens": measured.score.tokens,
        "bleu": round(measured.overlap.bleu, 2) if measured.answers else None,
        "exact": round(measured.overlap.exact, 4) if measured.answers else None,
        "signature": measured.overlap.signature,
    }
