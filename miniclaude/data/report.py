"""The report of a prepared dataset, as one JSON value; `report_page.py` draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from miniclaude.data.validate import DISTINCT, GUIDE, tier_of

ENOUGH_VALIDATION = 20  # rows, below which a validation loss jumps about
ENOUGH_IN_GUIDE = 0.6  # share of answers of a good length
MANY_REJECTED = 0.2  # share of the rows


def make_report(
    *,
    name: str,
    sources: Sequence[str],
    task: str,
    accounting: Mapping[str, int],
    steps: Mapping[str, Mapping[str, Any]],
    rejections: Mapping[str, Any],
    measures: Mapping[str, Any],
    leaked: int,
) -> dict[str, Any]:
    """Everything there is to say. accounting: rows = train + validation + rejected + merged.
    steps: what the steps of the pipeline reported. leaked: training rows that ask what a validation
    row asks."""
    kept = accounting["train"] + accounting["validation"] + accounting["merged"]
    report: dict[str, Any] = {
        "name": name,
        "sources": list(sources),
        "formats": steps["clean"].get("formats", []),
        "task": task,
        "tier": tier_of(kept),
        "accounting": dict(accounting),
        "stages": {**steps["clean"].get("stages", {}), **steps["split"].get("stages", {})},
        "augmentation": dict(steps["augment"]),
        "rejections": dict(rejections),
        "measures": dict(measures),
        "split": {
            "train": accounting["train"],
            "validation": accounting["validation"],
            "leaked": leaked,
        },
    }
    report["advice"] = advice(report)
    return report


def advice(report: Mapping[str, Any]) -> list[str]:
    """What would make the dataset better, most useful first, a sentence each."""
    said: list[str] = []
    tier, accounting, measures = report["tier"], report["accounting"], report["measures"]
    rejected, rows = accounting["rejected"], max(accounting["rows"], 1)
    if rejected > MANY_REJECTED * rows:
        worst, facts = next(iter(report["rejections"].items()))
        said.append(
            f"{rejected:,} of {rows:,} rows were left out, most of them as {worst}: {facts['cure']}"
        )
    if tier["missing"]:
        said.append(f"{tier['missing']:,} more examples reach the next tier, {tier['next']}.")
    if report["split"]["leaked"]:
        said.append(
            f"{report['split']['leaked']} training rows ask what a validation row asks; validation"
            " will look better than it is."
        )
    if 0 < accounting["validation"] < ENOUGH_VALIDATION:
        said.append(
            f"With {accounting['validation']} validation rows the validation loss will jump about;"
            f" {ENOUGH_VALIDATION} or more steady it."
        )
    if not accounting["validation"] and rows < ENOUGH_VALIDATION:
        said.append(
            "Nothing is held out of so few rows, so nobody can tell whether a model has learnt from"
            " them or only by heart."
        )
    if measures["trigrams"]["windowed"] < DISTINCT:
        said.append(
            f"Rows repeat each other: {measures['trigrams']['windowed']:.0%} of the trigrams in a"
            f" window are distinct, {DISTINCT:.0%} is the guide. "
            "Vary how things are asked and said."
        )
    if report["task"] == "text":
        return said
    answers = measures["answers"]
    if answers["count"] and answers["in_guide"] < ENOUGH_IN_GUIDE:
        side = "shorter" if answers["median"] < GUIDE[0] else "longer"
        side = side if not GUIDE[0] <= answers["median"] <= GUIDE[1] else "shorter or longer"
        said.append(
            f"{1 - answers['in_guide']:.0%} of the answers are {side} than the"
            f" {GUIDE[0]}-{GUIDE[1]} tokens that small models learn best from."
        )
    missing = measures["missing_kinds"]
    if missing:
        few = ", ".join(missing[:5]) + (" and others" if len(missing) > 5 else "")
        said.append(f"Kinds of conversation it has none of: {few}. Add some if you will need them.")
    return said
