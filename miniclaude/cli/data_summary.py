"""What the terminal shows of a dataset and of a row.

File names, errors and tokens come from other people's files: whatever could steer a terminal is
made visible (`printable`), and nothing is read as markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from miniclaude.data.prepared import PAGE, REJECTED
from miniclaude.data.preview import printable

if TYPE_CHECKING:
    from miniclaude.data.example import Example
    from miniclaude.data.preview import PreviewPart

LEARNT = "bold black on green"
SHOWN = "dim"
MOST_ERRORS = 8
SAMPLES = 2
SAMPLE_WIDTH = 160  # characters of a message


def print_summary(report: Mapping[str, Any], folder: Path | None) -> None:
    """The report in a screenful: what was kept, what was not and why, what it is like."""
    numbers, measures, tier = report["accounting"], report["measures"], report["tier"]
    say = _say
    say(
        f"{report['name']}: {numbers['train']:,} rows to learn from, {numbers['validation']:,} held"
        f" out, of {numbers['rows']:,} read."
    )
    for one in report["formats"]:
        say(f"  {one['source']}: {one['format']} ({one['why']})")
    if numbers["rejected"]:
        say(f"\nLeft out: {numbers['rejected']:,}")
        for error, facts in list(report["rejections"].items())[:MOST_ERRORS]:
            say(f"  {facts['count']:>7,}  {error}")
            for one in facts["first"][:SAMPLES]:
                say(f"           {one['place']}: {one['message'][:SAMPLE_WIDTH]}")
            say(f"           → {facts['cure']}")
        more = len(report["rejections"]) - MOST_ERRORS
        if more > 0:
            say(f"           … and {more} more kinds of errors")
    done = report["augmentation"]
    if done.get("applied"):
        before, after = done["before"], done["after"]
        say(
            f"\nVariety added: {done['varied_requests']:,} requests in other words,"
            f" {done['joined_rows']:,} exchanges joined into conversations"
            f" ({numbers['merged']:,} rows fewer), {done['given_system_prompts']:,} system prompts."
            f"\n  Distinct trigrams {before['distinct_ratio']:.1%} → {after['distinct_ratio']:.1%},"
            f" kinds and forms covered {before['type_coverage']:.0%} →"
            f" {after['type_coverage']:.0%}."
        )
    answers = measures["answers"]
    if answers["count"]:
        about = "about " if measures["lengths_estimated"] else ""
        say(
            f"\nAnswers: half have at most {about}{answers['median']:,} tokens, nine of ten"
            f" {about}{answers['p90']:,}; {answers['in_guide']:.0%} lie within the guide of 10-200."
        )
    say(f"Distinct trigrams: {measures['trigrams']['windowed']:.0%} (guide: more than 80%).")
    say(f"\nTier: {tier['name']}. {tier['says']}")
    for line in report["advice"]:
        say(f"  - {line}")
    if folder is not None:
        say(f"\nThe report with pictures: {folder / PAGE}")
        if numbers["rejected"]:
            say(f"Every row left out, with its cure: {folder / REJECTED}")


def print_preview(example: Example, parts: tuple[PreviewPart, ...]) -> None:
    """Tokens in colour; where there is no colour, what is learnt stands between ⟦ and ⟧."""
    console = Console(highlight=False, markup=False, emoji=False)
    coloured = console.is_terminal and console.color_system is not None
    console.print(Text(f"{printable(str(example.place))}: {example.task}"))
    for part in parts:
        console.print(
            Text(f"\n{part.label}: {part.count:,} tokens, {part.learnt:,} learnt", style="bold")
        )
        shown = Text()
        before = False
        for place, token in enumerate(part.tokens):
            if not coloured and token.learnt != before:
                shown.append("⟦" if token.learnt else "⟧")
                before = token.learnt
            style = LEARNT if token.learnt else SHOWN
            if token.special:
                style += " italic"
            elif place % 2:
                style += " underline"  # so that neighbouring tokens can be told apart
            shown.append(token.text, style=style)
        if before:
            shown.append("⟧")
        console.print(shown)
        if part.count > len(part.tokens):
            console.print(Text(f"… {part.count - len(part.tokens):,} more"))
    if coloured:
        legend = Text()
        legend.append(" learnt ", style=LEARNT)
        legend.append("  only read", style=SHOWN)
        console.print(legend)


def _say(line: str) -> None:
    typer.echo(printable(line))
