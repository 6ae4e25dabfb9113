"""SVG without a library: bars for the README, lines for growth."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path

INK, MUTED, GRID = "#24292f", "#57606a", "#d0d7de"
OURS, THEIRS, LIMIT = "#0969da", "#8c959f", "#1a7f37"
LINES = (OURS, LIMIT, "#bf3989", "#9a6700", "#8250df")
FONT = "font-family='system-ui,sans-serif'"


def _figure(value: float) -> str:
    """Three digits, as engineers write them: 0.52, 38.4, 1,780."""
    return f"{float(f'{value:.3g}'):,.10g}"


def bars(path: Path, title: str, rows: list[tuple[str, float, str]]) -> None:
    """Horizontal bars on a logarithmic scale; ``kind`` is ``ours``, ``theirs`` or ``limit``."""
    width, left, height, step = 760, 300, 40 + 26 * len(rows) + 24, 26
    low = 10 ** math.floor(math.log10(min(value for _, value, _ in rows)))
    high = 10 ** math.ceil(math.log10(max(value for _, value, _ in rows)))
    scale = (width - left - 90) / (math.log10(high) - math.log10(low))

    def at(value: float) -> float:
        return left + (math.log10(value) - math.log10(low)) * scale

    out = [_open(width, height, title)]
    tick = low
    while tick <= high:
        x = at(tick)
        out.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='34' y2='{height - 24}' stroke='{GRID}'/>")
        out.append(_text(x, height - 8, _figure(tick), MUTED, "middle"))
        tick *= 10
    colours = {"ours": OURS, "theirs": THEIRS, "limit": LIMIT}
    for index, (label, value, kind) in enumerate(rows):
        y = 40 + index * step
        out.append(_text(left - 8, y + 14, label, INK, "end"))
        length = max(1.0, at(value) - left)
        out.append(
            f"<rect x='{left}' y='{y}' width='{length:.1f}' height='18' fill='{colours[kind]}'/>"
        )
        out.append(_text(left + length + 6, y + 14, _figure(value), INK, "start"))
    path.write_text("\n".join([*out, "</svg>", ""]))


def lines(
    path: Path, title: str, across: str, up: str, series: dict[str, list[tuple[float, float]]]
) -> None:
    """Lines over a logarithmic x and a y that begins at zero."""
    width, height, left, right, top, bottom = 640, 360, 70, 20, 46, 60
    xs = [x for points in series.values() for x, _ in points]
    most = max(y for points in series.values() for _, y in points) * 1.15 or 1.0
    low, high = math.log10(min(xs)), math.log10(max(xs)) or 1

    def at(x: float, y: float) -> tuple[float, float]:
        part = (math.log10(x) - low) / ((high - low) or 1)
        return (
            left + part * (width - left - right),
            height - bottom - y / most * (height - top - bottom),
        )

    out = [_open(width, height, title)]
    for index in range(5):
        y = most * index / 4
        _, py = at(min(xs), y)
        out.append(
            f"<line x1='{left}' x2='{width - right}' y1='{py:.1f}' y2='{py:.1f}' stroke='{GRID}'/>"
        )
        out.append(_text(left - 6, py + 4, _figure(y), MUTED, "end"))
    for x in sorted(set(xs)):
        px, _ = at(x, 0)
        out.append(_text(px, height - bottom + 18, f"{x:,.0f}", MUTED, "middle"))
    out.append(_text((left + width - right) / 2, height - 22, across, MUTED, "middle"))
    out.append(_text(left, 36, up, MUTED, "start"))
    for index, (label, points) in enumerate(series.items()):
        colour = LINES[index % len(LINES)]
        dots = [at(x, y) for x, y in points]
        path_text = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        out.append(
            f"<polyline points='{path_text}' fill='none' stroke='{colour}' stroke-width='2'/>"
        )
        out += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>" for x, y in dots]
        x = left + index * 170
        out.append(f"<rect x='{x}' y='{height - 14}' width='10' height='10' fill='{colour}'/>")
        out.append(_text(x + 14, height - 5, label, INK, "start"))
    path.write_text("\n".join([*out, "</svg>", ""]))


def _open(width: int, height: int, title: str) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' "
        f"role='img' {FONT} font-size='12'><title>{escape(title)}</title>"
        f"<rect width='100%' height='100%' fill='#ffffff'/>"
        f"<text x='12' y='20' fill='{INK}' font-size='14' font-weight='600'>{escape(title)}</text>"
    )


def _text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' fill='{colour}' text-anchor='{anchor}'>{escape(text)}</text>"
