"""The report of a suite as one page: no scripts, nothing fetched, pictures as inline SVG.

Whatever a person or a model wrote is text and is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from miniclaude.data.report_frame import framed
from miniclaude.evaluation.gate import Verdict
from miniclaude.evaluation.report_page import MORE_STYLE, SHOWN
from miniclaude.evaluation.report_pictures import pair_of_bars
from miniclaude.evaluation.summary import Line, lines

SHOWN_FAILURES = 6
"""Of each kind."""
SHOWN_ANSWERS = 12

STYLE = (
    MORE_STYLE
    + """
td.figure,th.figure{text-align:right;white-space:nowrap}
tr.better td.change{color:var(--good)}tr.worse td.change{color:var(--c1)}
.why{color:var(--c1);font-size:14px}
"""
)


def suite_page(
    report: Mapping[str, Any],
    old: Mapping[str, Any] | None = None,
    verdict: Verdict | None = None,
    numbers: str = "the JSON file beside it",
) -> str:
    """The whole page as HTML. old, verdict: of a comparison. numbers: where the figures are."""
    found = lines(report, old)
    sections = [
        _head(report, old, verdict),
        _kinds(found),
        _compared(found) if old is not None else "",
        _table(found, old),
        _failures(report["checks"]),
        _answers(report["references"]),
        _replies(report["replies"]),
        _facts(report),
    ]
    return framed(
        f"{escape(str(report['model']))}: evaluation",
        "".join(sections),
        f"The same figures, and every answer, are in {escape(numbers)}.",
        STYLE,
    )


def _head(report: Mapping[str, Any], old: Mapping[str, Any] | None, verdict: Verdict | None) -> str:
    passed = sum(one["passed"] for one in report["kinds"].values())
    count = sum(one["count"] for one in report["kinds"].values())
    said = f'<p class="lead">{passed:,} of {count:,} checks pass.</p>' if count else ""
    if verdict is not None and old is not None:
        reasons = "".join(f"<br>{escape(one)}" for one in verdict.reasons)
        against = f"{escape(str(old['model']))} ({escape(str(old['dtype']))})"
        word = "Go" if verdict.go else "No go"
        said += (
            f'<p class="verdict{"" if verdict.go else " worse"}">{word}, compared with'
            f" {against}.{reasons}</p>"
        )
    return (
        f'<header><p class="kicker">Evaluation</p><h1>{escape(str(report["model"]))}</h1>{said}'
        "</header>"
    )


def _kinds(found: Sequence[Line]) -> str:
    checks = [one for one in found if one.group == "Checks"]
    if not checks:
        return ""
    rows, height = [], 8 + 30 * len(checks)
    for place, one in enumerate(checks):
        y = 8 + 30 * place
        width = max(430 * one.number, 1.5)
        rows.append(
            f'<text x="230" y="{y + 15}" text-anchor="end">{escape(one.name[:34])}</text>'
            f'<rect class="wash" x="240" y="{y}" width="430" height="20" rx="4"/>'
            f'<rect class="c2" x="240" y="{y}" width="{width:.1f}" height="20" rx="4"/>'
            f'<text class="value" x="680" y="{y + 15}">{one.number:.0%}</text>'
        )
        if one.before is not None:
            x = 240 + 430 * one.before
            rows.append(
                f'<line class="tick" x1="{x:.1f}" y1="{y - 3}" x2="{x:.1f}" y2="{y + 23}">'
                f"<title>before: {one.before:.1%}</title></line>"
            )
    note = (
        '<p class="quiet">The dark mark is where the other report stands.</p>'
        if any(one.before is not None for one in checks)
        else ""
    )
    picture = (
        f'<svg viewBox="0 0 730 {height}" role="img" aria-label="Pass rates by kind">'
        f"{''.join(rows)}</svg>"
    )
    return f"<section><h2>Checks that pass, by kind</h2>{picture}{note}</section>"


def _compared(found: Sequence[Line]) -> str:
    drawn = "".join(
        pair_of_bars(
            one.name[:1].upper() + one.name[1:], one.before, one.number, one.better, one.form
        )
        for one in found
        if one.group != "Checks" and one.before is not None and one.change != "same"
    )
    if not drawn:
        return ""
    return f'<section><h2>What changed</h2><div class="measures">{drawn}</div></section>'


def _table(found: Sequence[Line], old: Mapping[str, Any] | None) -> str:
    titles = "<th></th><th>measure</th><th>figure</th>"
    if old is not None:
        titles += '<th class="figure">before</th><th></th>'
    rows, group = [], ""
    for one in found:
        shown = "" if one.group == group else escape(one.group)
        group = one.group
        cells = f"<td>{shown}</td><td>{escape(one.name)}</td><td>{escape(one.value)}</td>"
        if old is not None:
            before = "" if one.before is None else f"{one.before:{one.form}}"
            cells += f'<td class="figure">{before}</td><td class="change">{one.change}</td>'
        rows.append(f'<tr class="{one.change}">{cells}</tr>')
    return (
        f"<section><h2>All figures</h2><table><thead><tr>{titles}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></section>"
    )


def _failures(checks: Sequence[Mapping[str, Any]]) -> str:
    failed: dict[str, list[Mapping[str, Any]]] = {}
    for one in checks:
        if not one["passed"]:
            failed.setdefault(str(one["kind"]), []).append(one)
    if not failed:
        return ""
    drawn = []
    for kind, some in failed.items():
        shown = "".join(_sample(one["asked"], one["answer"], one) for one in some[:SHOWN_FAILURES])
        title = f"{escape(kind)}: {len(some):,} do not pass"
        drawn.append(f"<details><summary>{title}</summary>{shown}</details>")
    return f"<section><h2>What went wrong</h2>{''.join(drawn)}</section>"


def _sample(asked: object, answer: object, check: Mapping[str, Any]) -> str:
    calls = "".join(
        f"<p><span class='role'>{_text(one['name'])}</span>{_text(one['arguments'])} →"
        f" {_text(one['result'])}</p>"
        for one in check.get("calls", ())
    )
    why = "; ".join(str(one) for one in check["failed"])
    return (
        f'<div class="sample"><p><span class="role">user</span>{_text(asked)}</p>{calls}'
        f'<p><span class="role">answer</span>{_text(answer) or "(nothing)"}</p>'
        f'<p class="why">It {escape(why)}.</p></div>'
    )


def _answers(references: Mapping[str, Any] | None) -> str:
    if references is None:
        return ""
    drawn = "".join(
        f'<div class="sample"><p><span class="role">user</span>{_text(one["asked"])}</p>'
        f'<div class="answers"><div><b>wanted</b>{_text(one["wanted"])}</div>'
        f'<div class="after"><b>answer</b>{_text(one["answer"]) or "(nothing)"}</div></div></div>'
        for one in references["answers"][:SHOWN_ANSWERS]
    )
    return (
        "<section><h2>Answers beside the wanted ones</h2>"
        f"{drawn}<p class='quiet'>BLEU: {escape(str(references['signature']))}.</p></section>"
    )


def _replies(replies: Mapping[str, Any] | None) -> str:
    if replies is None or not replies["examples"]:
        return ""
    drawn = "".join(
        f'<div class="sample"><p><span class="role">user</span>{_text(one["opening"])}</p>'
        f'<p><span class="role">reply</span>{_text(one["reply"]) or "(nothing)"}</p>'
        f'<p class="why">{_why(one)}</p></div>'
        for one in replies["examples"][:SHOWN_ANSWERS]
    )
    return f"<section><h2>Sampled replies that loop or do not end</h2>{drawn}</section>"


def _why(one: Mapping[str, Any]) -> str:
    if one["repeats"]:
        return f"It repeats “{escape(str(one['repeats']))}”."
    return "It does not end." if str(one["reply"]).strip() else "It is empty."


def _facts(report: Mapping[str, Any]) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in report["settings"].items())
    facts = {
        "model": f"{report['model']}, {report['parameters']:,} parameters, in {report['dtype']}",
        "suite": f"{', '.join(report['suite']['names'])} ({report['suite']['digest']})",
        "seed": report["seed"],
        "sampled with": settings or "the engine's own settings",
    }
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items()
    )
    return f"<section><h2>The run</h2><dl>{rows}</dl></section>"


def _text(text: object) -> str:
    whole = str(text).strip()
    return escape(whole if len(whole) <= SHOWN else whole[:SHOWN] + "…")
