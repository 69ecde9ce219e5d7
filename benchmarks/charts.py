"""Two pictures as SVG, without a library: bars of ratios, and lines on logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

COLOURS: Final = ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3")
_STYLE: Final = "<style>text{font:12px sans-serif;fill:#222}.axis{stroke:#999}.grid{stroke:#ddd}</style>"


def bars(title: str, rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Horizontal bars, a group for each row; 1 is the peer."""
    names = list(dict.fromkeys(name for _, values in rows for name in values))
    widest = max(1.0, *(value for _, values in rows for value in values.values()))
    scale, top, height = 420 / widest, 60, 18
    parts: list[str] = []
    for label, values in rows:
        parts.append(f'<text x="270" y="{top + 14}" text-anchor="end">{escape(label)}</text>')
        for name, value in values.items():
            colour = COLOURS[names.index(name) % len(COLOURS)]
            parts.append(f'<rect x="280" y="{top}" width="{max(value * scale, 1):.1f}" height="{height - 4}" fill="{colour}"/>')
            parts.append(f'<text x="{284 + value * scale:.1f}" y="{top + 12}">{value:.2f}</text>')
            top += height
        top += 10
    one = 280 + scale
    parts.append(f'<line class="axis" x1="{one:.1f}" y1="50" x2="{one:.1f}" y2="{top}"/>')
    return _picture(760, top + 20, title, names, parts)


def lines(title: str, unit: str, series: Mapping[str, Mapping[int, float]]) -> str:
    """A line for each series, both axes logarithmic."""
    xs = sorted({x for values in series.values() for x in values})
    found = [max(value, 1e-9) for values in series.values() for value in values.values()]
    low, high = math.floor(math.log10(min(found))), math.ceil(math.log10(max(found)))
    left, right = math.log10(xs[0]), math.log10(xs[-1])

    def place(x: float, value: float) -> tuple[float, float]:
        return (
            80 + 640 * (math.log10(x) - left) / max(right - left, 1e-9),
            360 - 300 * (math.log10(max(value, 1e-9)) - low) / max(high - low, 1),
        )

    parts = [
        f'<line class="grid" x1="80" y1="{place(xs[0], 10.0**power)[1]:.1f}" x2="720" y2="{place(xs[0], 10.0**power)[1]:.1f}"/>'
        f'<text x="74" y="{place(xs[0], 10.0**power)[1] + 4:.1f}" text-anchor="end">{10.0**power:g} {unit}</text>'
        for power in range(low, high + 1)
    ]
    parts += [f'<text x="{place(x, 1)[0]:.1f}" y="380" text-anchor="middle">{x:,}</text>' for x in xs]
    for number, values in enumerate(series.values()):
        points = " ".join("{:.1f},{:.1f}".format(*place(x, value)) for x, value in sorted(values.items()))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="2"/>')
    return _picture(760, 400, title, list(series), parts)


def stacked(pictures: Sequence[str], width: int, height: int) -> str:
    """Pictures of one size below each other."""
    inner = "".join(f'<g transform="translate(0 {number * height})">{_inside(picture)}</g>' for number, picture in enumerate(pictures))
    return _frame(width, height * len(pictures), inner)


def _picture(width: int, height: float, title: str, names: Sequence[str], parts: Sequence[str]) -> str:
    legend = "".join(
        f'<rect x="{80 + number * 165}" y="28" width="10" height="10" fill="{COLOURS[number % len(COLOURS)]}"/>'
        f'<text x="{94 + number * 165}" y="37">{escape(name)}</text>'
        for number, name in enumerate(names)
    )
    return _frame(width, height, f'<text x="10" y="18" font-weight="bold">{escape(title)}</text>{legend}{"".join(parts)}')


def _frame(width: int, height: float, inner: str) -> str:
    size = f'width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{_STYLE}<rect width="100%" height="100%" fill="white"/>{inner}</svg>\n'


def _inside(picture: str) -> str:
    return picture[picture.index(">") + 1 : picture.rindex("</svg>")]
