"""The pictures of the report page: inline SVG, coloured by the page's own style."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import cos, pi, sin

WIDTH = 800


def ribbon(parts: Sequence[tuple[str, int, str]]) -> str:
    """Parts of a whole in one bar, with a legend. parts: label, count, colour class."""
    total = sum(count for _, count, _ in parts) or 1
    pieces, legend, x = [], [], 0.0
    for label, count, colour in parts:
        if not count:
            continue
        width = max(WIDTH * count / total, 3.0)
        pieces.append(
            f'<rect class="{colour}" x="{x:.1f}" y="0" width="{width:.1f}" height="30">'
            f"<title>{escape(label)}: {count:,}</title></rect>"
        )
        legend.append(f'<li><i class="{colour}"></i>{escape(label)} {count:,}</li>')
        x += width
    picture = _svg(WIDTH, 30, "".join(pieces), "Where every row went", box=f"0 0 {x:.1f} 30")
    return f'{picture}<ul class="legend">{"".join(legend)}</ul>'


def columns(entries: Sequence[tuple[str, int, bool]]) -> str:
    """Upright bars. entries: label, count, and whether it lies in the band that is guided to."""
    height, base = 190, 160
    most = max((count for _, count, _ in entries), default=0) or 1
    step = WIDTH / len(entries)
    inside = [place for place, (_, _, guided) in enumerate(entries) if guided]
    drawn = []
    if inside:
        x, width = inside[0] * step, len(inside) * step
        drawn.append(
            f'<rect class="wash" x="{x:.1f}" y="0" width="{width:.1f}" height="{base}" rx="6"/>'
        )
    for place, (label, count, guided) in enumerate(entries):
        middle, tall = (place + 0.5) * step, (base - 30) * count / most
        drawn.append(
            f'<rect class="{"c1" if guided else "c4"}" x="{place * step + 5:.1f}"'
            f' y="{base - tall:.1f}" width="{step - 10:.1f}" height="{tall:.1f}" rx="3">'
            f"<title>{escape(label)} tokens: {count:,}</title></rect>"
            f'<text x="{middle:.1f}" y="{base + 18}" text-anchor="middle">{escape(label)}</text>'
        )
        if count:
            drawn.append(
                f'<text class="value" x="{middle:.1f}" y="{base - tall - 6:.1f}"'
                f' text-anchor="middle">{count:,}</text>'
            )
    return _svg(WIDTH, height, "".join(drawn), "Lengths in tokens")


def bars(entries: Sequence[tuple[str, int]]) -> str:
    """Lying bars, one a line. entries: label, count."""
    most = max((count for _, count in entries), default=0) or 1
    left, row = 150, 26
    drawn = []
    for place, (label, count) in enumerate(entries):
        y, width = place * row, max((WIDTH - left - 80) * count / most, 2.0)
        shown = label if len(label) <= 20 else label[:19] + "…"
        drawn.append(
            f'<text x="{left - 12}" y="{y + 17}" text-anchor="end">{escape(shown)}</text>'
            f'<rect class="c2" x="{left}" y="{y + 4}" width="{width:.1f}" height="18" rx="3"/>'
            f'<text class="value" x="{left + width + 8:.1f}" y="{y + 17}">{count:,}</text>'
        )
    return _svg(WIDTH, row * len(entries), "".join(drawn), "Rows of each kind")


def dial(share: float, guide: float | None) -> str:
    """A share of the whole as three quarters of a ring, with a tick where the guide is."""
    radius, middle = 42.0, 55.0
    share = min(max(share, 0.0), 1.0)
    good = " good" if guide is None or share >= guide else ""
    tick = ""
    if guide is not None:
        (x1, y1), (x2, y2) = _on_ring(guide, 34.0, middle), _on_ring(guide, 51.0, middle)
        tick = f'<line class="tick" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
    return _svg(
        110,
        100,
        f'<path class="track" stroke-width="10" stroke-linecap="round"'
        f' d="{_arc(1.0, radius, middle)}"/>'
        f'<path class="arc{good}" stroke-width="10" stroke-linecap="round"'
        f' d="{_arc(max(share, 0.001), radius, middle)}"/>{tick}'
        f'<text class="value" x="55" y="61" text-anchor="middle" style="font-size:19px">'
        f"{share:.0%}</text>",
        f"{share:.0%}",
    )


def _on_ring(share: float, radius: float, middle: float) -> tuple[float, float]:
    angle = pi * (0.75 + 1.5 * share)
    return round(middle + radius * cos(angle), 1), round(middle + radius * sin(angle), 1)


def _arc(share: float, radius: float, middle: float) -> str:
    (x1, y1), (x2, y2) = _on_ring(0, radius, middle), _on_ring(share, radius, middle)
    return f"M{x1} {y1}A{radius} {radius} 0 {int(share > 2 / 3)} 1 {x2} {y2}"


def _svg(width: float, height: float, body: str, label: str, *, box: str = "") -> str:
    stretched = ' preserveAspectRatio="none" style="height:30px;border-radius:8px"' if box else ""
    return (
        f'<svg viewBox="{box or f"0 0 {width} {height}"}" role="img"'
        f' aria-label="{escape(label)}"{stretched}>{body}</svg>'
    )
