"""A picture of the figures that `generate.py --results` keeps: bars, one panel for each figure.

    python benchmarks/picture.py [--results FILE] [--shape S] [--into docs/images/speed.svg]

Ours are coloured, the others grey; the colours can be read on white and on black.
"""

from __future__ import annotations

import argparse
import json
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "generate.json"

PANELS = {
    "first_token_ms": ("First token of 512, ms", False),
    "alone": ("Alone, tokens/s", True),
    "reply_ms": ("Whole reply of 64 + 40, ms", False),
    "streams_16": ("16 streams, tokens/s", True),
    "streams_64": ("64 streams, tokens/s", True),
    "requests_16": ("16 at once, requests/s", True),
    "peak_alone_mb": ("Peak memory alone, MB", False),
}
ORDER = [
    "ours-int8", "ours-int4", "llama.cpp-q8", "llama.cpp-q4", "ctranslate2-int8", "openvino-int8",
    "openvino-int4", "transformers-bfloat16", "transformers",
]  # fmt: skip
WIDTH, LABEL, BAR, ROW, PANEL = 840, 150, 150, 17, 420


def draw(figures: dict[str, dict[str, float]], shape: str) -> str:
    """The whole SVG. figures: of each side, its figures by name."""
    sides = [side for side in ORDER if side in figures]
    panels = [name for name in PANELS if any(name in figures[side] for side in sides)]
    height = 40 + -(-len(panels) // 2) * (len(sides) * ROW + 40)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#808080">',
        f"<title>Speed and memory, {escape(shape)} shape</title>",
        f'<text x="10" y="22" font-size="14" font-weight="600">{escape(shape)} shape, random '
        "weights, two CPU cores</text>",
    ]
    for number, name in enumerate(panels):
        x = (number % 2) * PANEL + 10
        y = 56 + (number // 2) * (len(sides) * ROW + 40)
        parts += panel(name, {side: figures[side].get(name) for side in sides}, x, y)
    return "\n".join([*parts, "</svg>", ""])


def panel(name: str, values: dict[str, float | None], x: int, y: int) -> list[str]:
    """One figure's bars, the longest as long as there is room. x, y: where its title stands."""
    label, more = PANELS[name]
    hint = "more is better" if more else "less is better"
    parts = [
        f'<text x="{x}" y="{y}"><tspan font-weight="600">{label}</tspan> ({hint})</text>',
    ]
    longest = max((value for value in values.values() if value), default=1.0)
    for row, (side, value) in enumerate(values.items()):
        top = y + 8 + row * ROW
        parts.append(f'<text x="{x + LABEL - 8}" y="{top + 12}" text-anchor="end">{side}</text>')
        if not value:
            parts.append(f'<text x="{x + LABEL}" y="{top + 12}">-</text>')
            continue
        length = max(1, round(BAR * value / longest))
        colour = "#d97757" if side.startswith("ours") else "#9aa0a6"
        digits = 1 if value < 10 else 0
        parts += [
            f'<rect x="{x + LABEL}" y="{top + 2}" width="{length}" height="{ROW - 5}" rx="2" '
            f'fill="{colour}"/>',
            f'<text x="{x + LABEL + length + 6}" y="{top + 12}">{value:,.{digits}f}</text>',
        ]
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--shape", default="smollm2-360m")
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "images" / "speed.svg")
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text())
    if arguments.shape not in results:
        raise SystemExit(f"{arguments.results} has {', '.join(results)}, not {arguments.shape}.")
    arguments.into.write_text(draw(results[arguments.shape], arguments.shape), encoding="utf-8")
    print(arguments.into)


if __name__ == "__main__":
    main()
