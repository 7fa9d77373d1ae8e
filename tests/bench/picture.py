"""Bars and lines as SVG, written by hand; on scales of tens, so that 1 and 300 fit beside each other."""

import math
from collections.abc import Sequence
from html import escape

from tests.bench.measure import Result

LINE, LEFT, WIDTH, RIGHT, TOP, HEIGHT = 22, 340, 420, 70, 56, 260
LETTER, APART = 6.8, 15
"""What a letter of a label takes at most, on average, and how far names stand below each other."""
STYLE = """text{font:13px system-ui,sans-serif;fill:#1b2733}.title{font-weight:600;font-size:15px}.small{font-size:11px;fill:#5b6b7a}
.line{fill:none;stroke:#2f6f8f;stroke-width:2}.bar{fill:#2f6f8f}.over{fill:#b3392f}.grid{stroke:#d5dde4}.name{paint-order:stroke;stroke:#fff;stroke-width:3}.most{stroke:#b3392f;stroke-dasharray:4 3}"""


def bars(title: str, results: Sequence[Result]) -> str:
    """One picture. Bars that break a promise are red; a dashed line is what was promised of a bar."""
    top = max([10.0, *(result.ratio * 1.2 for result in results)]) if _tens(results) else _most(results) * 1.6
    left = max(LEFT, math.ceil(LETTER * max(len(result.what) for result in results)) + 26)
    height, right = TOP + LINE * len(results) + 34, left + WIDTH
    drawn = _head(title, right + RIGHT, height)
    bottom = TOP + LINE * len(results)
    for tick in _ticks(results, top):
        at = left + _length(tick, top, tens=_tens(results))
        drawn += [
            f'<line class="grid" x1="{at:.1f}" y1="{TOP - 6}" x2="{at:.1f}" y2="{bottom}"/>',
            f'<text class="small" x="{at:.1f}" y="{bottom + 15}" text-anchor="middle">{tick:g}x</text>',
        ]
    for row, result in enumerate(results):
        drawn += _bar(result, left, TOP + LINE * row, top, tens=_tens(results))
    return "\n".join([*drawn, "</svg>", ""])


def lines(title: str, results: Sequence[Result]) -> str:
    """One picture: a line for each series, size to the right and time upwards, both on a scale of tens."""
    sizes = [float(result.size or 1) for result in results]
    low, high = (math.floor(math.log10(min(r.a for r in results))), math.ceil(math.log10(max(r.a for r in results))))
    bottom, left, right = TOP + HEIGHT, 40, LEFT + WIDTH
    wide = right - left

    def across(size: float) -> float:
        return left + wide * math.log10(size / min(sizes)) / max(math.log10(max(sizes) / min(sizes)), 0.1)

    def up(time: float) -> float:
        return bottom - HEIGHT * (math.log10(time) - low) / max(high - low, 1)

    drawn = [*_head(title, right + RIGHT, bottom + 40)]
    for size in sorted(set(sizes)):
        at = across(size)
        drawn.append(f'<line class="grid" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{bottom}"/>')
        drawn.append(f'<text class="small" x="{at:.1f}" y="{bottom + 15}" text-anchor="middle">{size:,.0f}</text>')
    for power in range(low, high + 1):
        at = up(10.0**power)
        drawn.append(f'<line class="grid" x1="{left}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}"/>')
        drawn.append(f'<text class="small" x="{right + 6}" y="{at + 4:.1f}">{10.0**power:g} {results[0].unit}</text>')
    ends = []
    for name in dict.fromkeys(result.series for result in results):
        points = [(across(r.size or 1), up(r.a)) for r in results if r.series == name]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn.append(f'<polyline class="line" points="{path}"/>')
        drawn += [f'<circle class="bar" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points]
        ends.append((points[-1][1] - 9, points[-1][0], str(name)))
    above = math.inf
    for y, x, name in sorted(ends, reverse=True):
        above = min(y, above - APART)  # where lines end close together, their names stand in the same order
        drawn.append(f'<text class="name" x="{x:.1f}" y="{above:.1f}" text-anchor="end">{escape(name)}</text>')
    return "\n".join([*drawn, "</svg>", ""])


def _head(title: str, width: int, height: int) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">',
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
    ]


def _bar(result: Result, left: int, y: int, top: float, *, tens: bool) -> list[str]:
    length = max(1.0, _length(result.ratio, top, tens=tens))
    kind = "over" if result.broken else "bar"
    drawn = [
        f'<text x="{left - 10}" y="{y + 14}" text-anchor="end">{escape(result.what)}</text>',
        f'<rect class="{kind}" x="{left}" y="{y + 3}" width="{length:.1f}" height="{LINE - 7}" rx="2"/>',
        f'<text x="{left + length + 6:.1f}" y="{y + 14}">{result.ratio:.3g}x</text>',
    ]
    if result.promised is not None:
        at = left + _length(result.promised, top, tens=tens)
        drawn.append(f'<line class="most" x1="{at:.1f}" y1="{y - 1}" x2="{at:.1f}" y2="{y + LINE - 1}"/>')
    return drawn


def _tens(results: Sequence[Result]) -> bool:
    return max(result.ratio for result in results) > 10


def _most(results: Sequence[Result]) -> float:
    return max(max(result.ratio, result.promised or 1.0) for result in results)


def _ticks(results: Sequence[Result], top: float) -> list[float]:
    if _tens(results):
        return [10.0**power for power in range(int(math.log10(top)) + 1)]
    step = next(step for step in (0.5, 1.0, 2.0, 5.0) if top / step <= 10 or step == 5.0)
    return [step * number for number in range(int(top / step) + 1)]


def _length(value: float, top: float, *, tens: bool) -> float:
    part = math.log10(max(value, 1.0)) / math.log10(top) if tens else value / top
    return WIDTH * min(part, 1.0)
