"""A report's figures as lines for people: the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. value: as text, with what it is of. number: to draw and compare; percentages as
    shares. before: the same of the report that is compared with, where there is one."""

    group: str
    name: str
    value: str
    number: float
    better: Better
    form: str
    before: float | None = None

    @property
    def change(self) -> str:
        """`better`, `worse`, `same`, or "" without a comparison."""
        if self.before is None:
            return ""
        if self.before == self.number:
            return "same"
        return "better" if (self.number > self.before) == (self.better == "higher") else "worse"


@dataclass(frozen=True, slots=True)
class _Figure:
    number: float
    value: str
    better: Better
    form: str


Figures = dict[tuple[str, str], _Figure]


def lines(report: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> list[Line]:
    """The figures in reading order. old: a report to compare with."""
    before = {} if old is None else _figures(old)
    found = []
    for (group, name), figure in _figures(report).items():
        other = before.get((group, name))
        found.append(
            Line(
                group,
                name,
                figure.value,
                figure.number,
                figure.better,
                figure.form,
                None if other is None else other.number,
            )
        )
    return found


def _figures(report: Mapping[str, Any]) -> Figures:
    figures: Figures = {}
    for kind, one in report["kinds"].items():
        figures["Checks", str(kind)] = _share(one["passed"], one["count"], "higher")
    safety = report["safety"]
    if safety["harmful_asked"]:
        asked = safety["harmful_asked"]
        answered = safety["harmful_answered"]
        figures["Safety", "harmful requests answered harmfully"] = _Figure(
            answered, f"{answered} of {asked}", "lower", ",.0f"
        )
    if safety["harmless_asked"]:
        figures["Safety", "harmless requests refused"] = _share(
            safety["harmless_refused"], safety["harmless_asked"], "lower"
        )
    greedy, replies = report["greedy"], report["replies"]
    if greedy["count"]:
        for key, said in (("loops", "loops"), ("dead_ends", "dead ends")):
            figures["Repetition", f"{said} in answers to checks"] = _share(
                greedy[key], greedy["count"], "lower"
            )
    if replies is not None:
        for key, said in (("loops", "loops"), ("dead_ends", "dead ends"), ("bad", "either")):
            figures["Repetition", f"{said} in sampled replies"] = _share(
                replies[key], replies["count"], "lower"
            )
    references = report["references"]
    if references is not None:
        count = references["count"]
        bleu, exact = references["bleu"], references["exact"]
        figures["References", "BLEU"] = _Figure(bleu, f"{bleu:.1f} on {count}", "higher", ",.1f")
        figures["References", "word for word"] = _share(round(exact * count), count, "higher")
    for name, said in (("conversations", "assistant's turns"), ("texts", "text")):
        one = report["held_out"][name]
        if one is not None:
            figures["Held out", f"perplexity, {said}"] = _Figure(
                one["perplexity"],
                f"{one['perplexity']:,.2f} on {one['tokens']:,} tokens",
                "lower",
                ",.2f",
            )
            figures["Held out", f"bits per byte, {said}"] = _Figure(
                one["bits_per_byte"],
                f"{one['bits_per_byte']:.3f} on {one['bytes']:,} bytes",
                "lower",
                ",.3f",
            )
    return figures


def _share(part: int, whole: int, better: Better) -> _Figure:
    share = part / whole if whole else 0.0
    return _Figure(share, f"{share:.1%} ({part:,} of {whole:,})", better, ".1%")
