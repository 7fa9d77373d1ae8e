"""Bars as SVG, written by hand: one bar per result, its length the ratio on a scale of tens, so that 1 and 300 fit beside each other."""

import math
from collections.abc import Sequence
from html import escape

from tests.bench.measure import Result

LINE, LEFT, WIDTH, RIGHT, TOP = 22, 250, 420, 70, 56
STYLE = """text{font:13px system-ui,sans-serif;fill:#1b2733}.title{font-weight:600;font-size:15px}.small{font-size:11px;fill:#5b6b7a}
.bar{fill:#2f6f8f}.over{fill:#b3392f}.grid{stroke:#d5dde4}.most{stroke:#b3392f;stroke-dasharray:4 3}"""


def bars(title: str, results: Sequence[Result]) -> str:
    """One picture. Bars above what was promised are red, and the promise is a dashed line."""
    top = max([10.0, *(result.ratio * 1.2 for result in results)]) if _tens(results) else _most(results) * 1.6
    height, right = TOP + LINE * len(results) + 34, LEFT + WIDTH
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right + RIGHT} {height}" role="img" '
        f'aria-label="{escape(title)}">',
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
    ]
    bottom = TOP + LINE * len(results)
    for tick in _ticks(results, top):
        at = LEFT + _length(tick, top, tens=_tens(results))
        lines += [
            f'<line class="grid" x1="{at:.1f}" y1="{TOP - 6}" x2="{at:.1f}" y2="{bottom}"/>',
            f'<text class="small" x="{at:.1f}" y="{bottom + 15}" text-anchor="middle">{tick:g}x</text>',
        ]
    for row, result in enumerate(results):
        lines += _bar(result, TOP + LINE * row, top, tens=_tens(results))
    for most in {result.most for result in results if result.most is not None}:
        at = LEFT + _length(most, top, tens=_tens(results))
        lines.append(f'<line class="most" x1="{at:.1f}" y1="{TOP - 10}" x2="{at:.1f}" y2="{bottom}"/>')
    return "\n".join([*lines, "</svg>", ""])


def _bar(result: Result, y: int, top: float, *, tens: bool) -> list[str]:
    length = max(1.0, _length(result.ratio, top, tens=tens))
    kind = "over" if result.most is not None and result.ratio > result.most else "bar"
    return [
        f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(result.what)}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="{LINE - 7}" rx="2"/>',
        f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{result.ratio:.3g}x</text>',
    ]


def _tens(results: Sequence[Result]) -> bool:
    return max(result.ratio for result in results) > 10


def _most(results: Sequence[Result]) -> float:
    return max(max(result.ratio, result.most or 1.0) for result in results)


def _ticks(results: Sequence[Result], top: float) -> list[float]:
    if _tens(results):
        return [10.0**power for power in range(int(math.log10(top)) + 1)]
    step = next(step for step in (0.5, 1.0, 2.0, 5.0) if top / step <= 10 or step == 5.0)
    return [step * number for number in range(int(top / step) + 1)]


def _length(value: float, top: float, *, tens: bool) -> float:
    part = math.log10(max(value, 1.0)) / math.log10(top) if tens else value / top
    return WIDTH * min(part, 1.0)
