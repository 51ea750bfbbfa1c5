"""The report as one page: no scripts, nothing fetched, pictures as inline SVG.

Whatever came from a row or a file name is text and is escaped.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from miniclaude.data.report_frame import framed
from miniclaude.data.report_pictures import bars, columns, dial, ribbon
from miniclaude.data.validate import DISTINCT, GUIDE, TIERS

MOST_KINDS = 18
MOST_ERRORS = 20


def write_page(path: Path, report: Mapping[str, Any]) -> None:
    """Write the page. Raises OSError."""
    path.write_text(page(report), encoding="utf-8")


def page(report: Mapping[str, Any]) -> str:
    """The whole page as HTML."""
    name = escape(str(report["name"]))
    sections = [
        _head(report),
        _accounting(report),
        _advice(report["advice"]),
        _lengths(report),
        _variety(report),
        _augmentation(report["augmentation"]),
        _rejections(report["rejections"]),
        _stages(report["stages"]),
    ]
    return framed(
        f"{name}: what is in it",
        "".join(sections),
        "Made by <code>mini-claude data prepare</code>. The same numbers are in report.json, every"
        " row that was left out in rejected.jsonl.",
    )


def _head(report: Mapping[str, Any]) -> str:
    tier, split = report["tier"], report["split"]
    total = max(tier["examples"], 1)
    steps = [(step.name, step.at_least, total >= step.at_least) for step in TIERS[1:]]
    following = (
        f"{tier['missing']:,} more to <b>{escape(str(tier['next']))}</b>."
        if tier["missing"]
        else "The last tier is reached."
    )
    marks = "".join(
        f'<li class="{"done" if reached else "open"}"><b>{escape(name)}</b><span>{at:,}</span></li>'
        for name, at, reached in steps
    )
    sources = ", ".join(
        f"{escape(str(one['source']))} ({escape(str(one['format']))})" for one in report["formats"]
    )
    return (
        f'<header><p class="kicker">Dataset</p><h1>{escape(str(report["name"]))}</h1>'
        f'<p class="lead"><b>{tier["examples"]:,}</b> examples for {escape(report["task"])}'
        f" training: {split['train']:,} to learn from, {split['validation']:,} held out to check."
        f'</p><p class="quiet">From {sources or "no source"}</p>'
        f'<ol class="tiers">{marks}</ol>'
        f"<p>This is <b>{escape(tier['name'])}</b>. {escape(tier['says'])} {following}</p></header>"
    )


def _accounting(report: Mapping[str, Any]) -> str:
    numbers = report["accounting"]
    parts = [
        ("to learn from", numbers["train"], "c1"),
        ("held out", numbers["validation"], "c2"),
        ("merged into others", numbers["merged"], "c3"),
        ("left out", numbers["rejected"], "c4"),
    ]
    sentence = " + ".join(f"{count:,} {label}" for label, count, _ in parts if count)
    return _section(
        "Where every row went",
        f"{ribbon(parts)}<p>{numbers['rows']:,} rows read = {sentence}.</p>",
    )


def _advice(lines: Sequence[str]) -> str:
    if not lines:
        return _section("What would make it better", "<p>Nothing that can be counted.</p>")
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return _section("What would make it better", f'<ul class="advice">{items}</ul>')


def _lengths(report: Mapping[str, Any]) -> str:
    lengths = report["measures"]["answers"]
    if not lengths["count"]:
        return ""
    edges = lengths["edges"]
    labels = [
        f"{low}" if low + 1 == high else f"{low}-{high - 1}"
        for low, high in itertools.pairwise(edges)
    ] + [f"{edges[-1]}+"]
    guided = [GUIDE[0] <= low < GUIDE[1] for low in edges]
    how = "estimated at 4 characters each" if report["measures"]["lengths_estimated"] else "counted"
    what = "Texts" if report["task"] == "text" else "Answers"
    text = (
        f"Half of the {lengths['count']:,} have at most {lengths['median']:,} tokens ({how}),"
        f" nine of ten at most {lengths['p90']:,}, the longest {lengths['longest']:,}."
    )
    if report["task"] != "text":
        text += (
            f" <b>{lengths['in_guide']:.0%}</b> lie in the band of {GUIDE[0]} to {GUIDE[1]} that"
            " small models learn best from."
        )
    picture = columns(list(zip(labels, lengths["bars"], guided, strict=True)))
    return _section(f"{what}: how long they are", f"{picture}<p>{text}</p>")


def _variety(report: Mapping[str, Any]) -> str:
    measures = report["measures"]
    trigrams = measures["trigrams"]
    kinds = sorted(measures["kinds"].items(), key=lambda entry: -entry[1])[:MOST_KINDS]
    about = "about " if trigrams["estimated"] else ""
    body = (
        f'<div class="pair"><figure>{dial(trigrams["windowed"], DISTINCT)}<figcaption>'
        f"<b>{trigrams['windowed']:.0%}</b> of the trigrams in a window of"
        f" {trigrams['window_trigrams']:,} are distinct; the guide is {DISTINCT:.0%}. Over all"
        f" {trigrams['trigrams']:,} it is {about}{trigrams['plain']:.0%}, which falls with size for"
        f" any text.</figcaption></figure>"
    )
    if report["task"] != "text":
        missing = ", ".join(escape(kind) for kind in measures["missing_kinds"])
        body += (
            f"<figure>{dial(measures['type_coverage'], None)}<figcaption>"
            f"<b>{measures['type_coverage']:.0%}</b> of the kinds and forms of conversation occur."
            f" {f'None of: {missing}.' if missing else 'All of them.'}</figcaption></figure>"
        )
    body += f"</div>{bars(kinds)}"
    turns = measures["turns"]
    if turns and report["task"] != "text":
        several = sum(count for number, count in turns.items() if int(number) > 1)
        body += (
            f"<p>{several:,} conversations go on for several turns;"
            f" {measures['forms']['system-prompt']:,} begin with a system prompt.</p>"
        )
    return _section("How varied it is", body)


def _augmentation(done: Mapping[str, Any]) -> str:
    if not done.get("applied"):
        why = escape(str(done.get("why_not", "")))
        return _section("Augmentation", f"<p>None. {why}</p>")
    samples = "".join(
        f"<tr><td>{escape(one['before'][:200])}</td><td>{escape(one['after'][:200])}</td></tr>"
        for one in done["samples"]
    )
    before, after = done["before"], done["after"]
    table = (
        f"<table><thead><tr><th>asked</th><th>now asked</th></tr></thead><tbody>{samples}</tbody>"
        f"</table>"
        if samples
        else ""
    )
    return _section(
        "Augmentation",
        f"<p>{done['varied_requests']:,} requests put in other words, {done['joined_rows']:,}"
        f" exchanges joined into conversations, {done['given_system_prompts']:,} rows given a"
        f" system prompt; {done['tried_and_undone']:,} changes that did not help were undone."
        f" Distinct trigrams of the training rows: {before['distinct_ratio']:.2%} before,"
        f" <b>{after['distinct_ratio']:.2%}</b> after; coverage of kinds and forms"
        f" {before['type_coverage']:.0%} before, <b>{after['type_coverage']:.0%}</b> after.</p>"
        f"{table}",
    )


def _rejections(rejections: Mapping[str, Any]) -> str:
    if not rejections:
        return _section("Left out", "<p>No row.</p>")
    cards = []
    for error, facts in list(rejections.items())[:MOST_ERRORS]:
        firsts = "".join(
            f"<li><b>{escape(str(one['place']))}</b> {escape(str(one['message']))}"
            f"<code>{escape(str(one['row']))}</code></li>"
            for one in facts["first"]
        )
        cards.append(
            f"<details><summary><b>{facts['count']:,}</b> {escape(error)}</summary>"
            f"<p>{escape(str(facts['cure']))}</p><ul>{firsts}</ul></details>"
        )
    return _section("Left out, by reason", "".join(cards))


def _stages(stages: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(str(stage))}</th><td>{escape(_facts(facts))}</td></tr>"
        for stage, facts in stages.items()
    )
    return _section("What each stage did", f"<table><tbody>{rows}</tbody></table>")


def _facts(facts: object) -> str:
    """A stage's report in a line: names and numbers."""
    if isinstance(facts, Mapping):
        said = [
            f"{name}: {_facts(value)}"
            if not isinstance(value, Mapping)
            else f"{name} ({_facts(value)})"
            for name, value in facts.items()
            if value not in (0, {}, [], "")
        ]
        return ", ".join(said) or "nothing to do"
    return f"{facts:,}" if isinstance(facts, int) else str(facts)


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"
