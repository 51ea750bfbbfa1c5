"""The table of `mini-claude eval`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from miniclaude.data.preview import printable
from miniclaude.evaluation.summary import lines

if TYPE_CHECKING:
    from miniclaude.evaluation.gate import Verdict

COLOURS = {"better": "green", "worse": "red", "same": "dim", "": ""}
NARROW = 100
"""Columns of a pipe."""


def print_report(report: Mapping[str, Any], old: Mapping[str, Any] | None) -> None:
    """All figures; beside them those of `old`, where there is one."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=NARROW)
    suite = ", ".join(report["suite"]["names"])
    console.print(
        Text(
            f"{printable(report['model'])} ({report['dtype']}, {report['parameters']:,}"
            f" parameters) on {printable(suite)}"
        )
    )
    table = Table(show_edge=False, pad_edge=False, box=None, header_style="dim")
    table.add_column("")
    table.add_column("measure")
    table.add_column("figure")
    if old is not None:
        table.add_column("before", justify="right")
        table.add_column("")
    group = ""
    for one in lines(report, old):
        name = "" if one.group == group else one.group
        group = one.group
        cells = [Text(name, "bold"), Text(printable(one.name)), Text(one.value)]
        if old is not None:
            before = "" if one.before is None else f"{one.before:{one.form}}"
            cells += [Text(before), Text(one.change, COLOURS[one.change])]
        table.add_row(*cells)
    console.print(table)


def print_comparison(verdict: Verdict, old: Mapping[str, Any]) -> None:
    """Go or no go, and why."""
    console = Console(highlight=False, soft_wrap=True)
    against = printable(f"{old['model']} ({old['dtype']})")
    if verdict.go:
        console.print(Text(f"Go: it may take the place of {against}.", "bold green"))
        return
    console.print(Text(f"No go: it may not take the place of {against}.", "bold red"))
    for reason in verdict.reasons:
        console.print(Text(f"  {printable(reason)}"))
