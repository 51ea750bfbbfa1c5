"""The pictures of the evaluation page: inline SVG, coloured by the page's own style."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

Point = tuple[float, float]

WIDTH, HEIGHT = 800, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 790, 14, 262
MOST_POINTS = 400


def loss_curve(training: Sequence[Point], held_out: Sequence[Point]) -> str:
    """Loss by step: a line of the training loss, smoothed over, and dots of the held-out one."""
    points = [*training, *held_out]
    last = max((step for step, _ in points), default=1.0)
    ticks = nice_ticks(
        min((loss for _, loss in points), default=0.0),
        max((loss for _, loss in points), default=1.0),
    )
    low, high = ticks[0], ticks[-1]

    def place(point: Point) -> str:
        x = LEFT + (RIGHT - LEFT) * point[0] / max(last, 1)
        y = BOTTOM - (BOTTOM - TOP) * (point[1] - low) / (high - low)
        return f"{x:.1f},{y:.1f}"

    drawn = []
    for tick in ticks:
        y = place((0, tick)).split(",")[1]
        drawn.append(
            f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{RIGHT}" y2="{y}"/>'
            f'<text x="{LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    steps = sorted({round(last * part / 4) for part in range(5)})
    for step in steps:
        x = place((step, low)).split(",")[0]
        drawn.append(f'<text x="{x}" y="{BOTTOM + 20}" text-anchor="middle">{step:,}</text>')
    drawn.append(f'<text x="{RIGHT}" y="{BOTTOM + 36}" text-anchor="end">steps</text>')
    thin = thinned(training)
    drawn.append(f'<polyline class="faint" points="{" ".join(map(place, thin))}"/>')
    drawn.append(f'<polyline class="line" points="{" ".join(map(place, smoothed(thin)))}"/>')
    if held_out:
        some = thinned(held_out)
        drawn.append(f'<polyline class="line other" points="{" ".join(map(place, some))}"/>')
        for point in some:
            x, y = place(point).split(",")
            said = f"step {point[0]:g}: held out {point[1]:.3f}"
            drawn.append(
                f'<circle class="dot" cx="{x}" cy="{y}" r="4"><title>{said}</title></circle>'
            )
    legend = '<li><i class="c1"></i>training</li>'
    legend += '<li><i class="c2"></i>held out</li>' if held_out else ""
    picture = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss by step">'
        f"{''.join(drawn)}</svg>"
    )
    return f'{picture}<ul class="legend">{legend}</ul>'


def pair_of_bars(label: str, before: float, after: float, better: str, form: str = ",.2f") -> str:
    """One measure before and after, as two lying bars. better: `lower` or `higher`."""
    most = max(before, after, 1e-9)
    improved = after < before if better == "lower" else after > before
    rows = []
    for place, (name, value) in enumerate((("before", before), ("after", after))):
        y, width = 8 + place * 30, max(400 * value / most, 2.0)
        colour = "c4" if name == "before" else ("c2" if improved else "c1")
        rows.append(
            f'<text x="64" y="{y + 15}" text-anchor="end">{name}</text>'
            f'<rect class="{colour}" x="74" y="{y}" width="{width:.1f}" height="20" rx="4"/>'
            f'<text class="value" x="{82 + width:.1f}" y="{y + 15}">{value:{form}}</text>'
        )
    return (
        f'<div class="measure"><h3>{escape(label)} <span>{escape(better)} is better</span></h3>'
        f'<svg viewBox="0 0 560 68" role="img" aria-label="{escape(label)}">{"".join(rows)}</svg>'
        "</div>"
    )


def nice_ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers that enclose a range."""
    span = max(high - low, 0.01)
    size = 10 ** floor(log10(span / 4))
    step = next((size * n for n in (1, 2, 5, 10) if span / (size * n) <= 6), size * 10)
    first, last = floor(low / step), max(ceil(high / step), floor(low / step) + 1)
    return [round(n * step, 10) for n in range(first, last + 1)]


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most MOST_POINTS of them, first and last included."""
    if len(points) <= MOST_POINTS:
        return list(points)
    last = len(points) - 1
    return [points[round(n * last / (MOST_POINTS - 1))] for n in range(MOST_POINTS)]


def smoothed(points: Sequence[Point]) -> list[Point]:
    """Each loss as the mean of it and its neighbours, a twentieth of all on either side."""
    reach = len(points) // 20
    result = []
    for place, (step, _) in enumerate(points):
        near = points[max(0, place - reach) : place + reach + 1]
        result.append((step, sum(loss for _, loss in near) / len(near)))
    return result
