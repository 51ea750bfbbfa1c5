"""The evaluation as one page: no scripts, nothing fetched, pictures as inline SVG.

Whatever a person or a model wrote is text and is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from miniclaude.data.report_frame import framed
from miniclaude.evaluation.report_pictures import loss_curve, pair_of_bars

SHOWN = 2_000
"""Characters of one message or answer that the page shows."""

MORE_STYLE = """
.grid{stroke:var(--line)}.line{fill:none;stroke:var(--c1);stroke-width:2.5;stroke-linejoin:round}
.faint{fill:none;stroke:var(--c1);opacity:.28}.line.other{stroke:var(--c2)}.dot{fill:var(--c2)}
.measures{display:grid;grid-template-columns:1fr 1fr;gap:18px 28px}
.measure h3{font-size:15px;margin:0 0 6px}.measure h3 span{color:var(--soft);font-weight:400;
font-size:13px;margin-left:6px}.measure svg text{font-size:16px}
.verdict{font-size:19px;border-left:4px solid var(--good);padding-left:16px}
.verdict.worse{border-color:var(--c1)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0;font-size:14px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.sample{border-top:1px solid var(--line);padding:18px 0}
.sample:first-of-type{border:0;padding-top:0}
.sample p{margin:0 0 8px;white-space:pre-wrap;overflow-wrap:anywhere}
.role{color:var(--soft);font-size:13px;margin-right:8px}
.answers{display:grid;grid-template-columns:1fr 1fr;gap:12px}
.answers div{background:var(--wash);border-radius:10px;padding:10px 14px;font-size:15px;
white-space:pre-wrap;overflow-wrap:anywhere}
.answers div.after{box-shadow:inset 0 0 0 1.5px var(--c2)}
.answers b{display:block;font-size:13px;color:var(--soft);font-weight:600}
.wanted{color:var(--soft);font-size:14px;margin-top:10px!important}
@media (max-width:640px){.measures,.answers{grid-template-columns:1fr}}
"""


def page(report: Mapping[str, Any]) -> str:
    """The whole page as HTML. report: what `report.make_report` returns."""
    name = escape(str(report["name"]))
    sections = [
        _head(report),
        _measures(report["before"], report["after"]),
        _curve(report["curves"]),
        _facts(report["facts"]),
        _samples(report["samples"]),
    ]
    return framed(
        f"{name}: before and after",
        "".join(sections),
        "The same numbers are in evaluation.json.",
        MORE_STYLE,
    )


def _head(report: Mapping[str, Any]) -> str:
    return (
        f'<header><p class="kicker">Before and after</p><h1>{escape(str(report["name"]))}</h1>'
        f'<p class="verdict{"" if report["learnt"] else " worse"}">'
        f"{escape(str(report['verdict']))}</p></header>"
    )


def _measures(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    drawn = [
        pair_of_bars("Perplexity", before["perplexity"], after["perplexity"], "lower"),
        pair_of_bars("Bits per byte", before["bits_per_byte"], after["bits_per_byte"], "lower"),
    ]
    if before["bleu"] is not None and after["bleu"] is not None:
        drawn.append(pair_of_bars("BLEU", before["bleu"], after["bleu"], "higher"))
        if before["exact"] or after["exact"]:
            drawn.append(
                pair_of_bars("Same as wanted", before["exact"], after["exact"], "higher", ".0%")
            )
    note = f"Scored on {after['tokens']:,} tokens of answers that no training step has read."
    if after["signature"]:
        note += f" BLEU: {after['signature']}."
    return (
        f'<section><h2>On rows it never read</h2><div class="measures">{"".join(drawn)}</div>'
        f'<p class="quiet">{escape(note)}</p></section>'
    )


def _curve(curves: Mapping[str, Any]) -> str:
    if not curves["training"]:
        return ""
    return f"<section><h2>Loss</h2>{loss_curve(curves['training'], curves['held_out'])}</section>"


def _facts(facts: Mapping[str, Any]) -> str:
    if not facts:
        return ""
    lines = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
        for name, value in facts.items()
    )
    return f"<section><h2>The run</h2><dl>{lines}</dl></section>"


def _samples(samples: list[Mapping[str, Any]]) -> str:
    if not samples:
        return ""
    drawn = []
    for sample in samples:
        asked = "".join(
            f'<p><span class="role">{escape(str(one["role"]))}</span>{_text(one["content"])}</p>'
            for one in sample["prompt"]
        )
        answers = "".join(
            f'<div class="{side}"><b>{side}</b>{_text(sample[side]) or "(nothing)"}</div>'
            for side in ("before", "after")
            if sample[side] is not None
        )
        drawn.append(
            f'<div class="sample">{asked}<div class="answers">{answers}</div>'
            f'<p class="wanted">In the dataset: {_text(sample["wanted"])}</p></div>'
        )
    return f"<section><h2>What it answers</h2>{''.join(drawn)}</section>"


def _text(text: object) -> str:
    whole = str(text).strip()
    return escape(whole if len(whole) <= SHOWN else whole[:SHOWN] + "…")
