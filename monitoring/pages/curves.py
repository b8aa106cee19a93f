"""Learning curves as inline SVG, without scripts, fonts or network, in the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 12, 26


def curve_svg(title: str, values: Sequence[tuple[int, float]], chosen: int | None = None) -> str:
    """One line over epochs (from 1); a ring marks the chosen epoch. Empty without values."""
    if not values:
        return ""
    epochs, heights = [epoch for epoch, _ in values], [value for _, value in values]
    first, last = min(epochs), max(max(epochs), min(epochs) + 1)
    low, high = min(heights), max(heights)
    pad = 0.05 * (high - low) or max(abs(high) * 0.05, 1e-6)
    low, high = low - pad, high + pad

    def x(epoch: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - first) / (last - first)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    grid = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        for value in _ticks(low, high)
    )
    below = "".join(
        f'<text x="{x(epoch):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{label}</text>'
        for epoch, anchor, label in ((first, "start", f"epoch {first}"), (last, "end", f"{last}"))
    )
    points = " ".join(f"{x(epoch):.1f},{y(value):.1f}" for epoch, value in values)
    dots = "".join(f'<circle class="dot" cx="{x(e):.1f}" cy="{y(v):.1f}" r="1.8"/>' for e, v in values)
    ring = next((f'<circle class="ring" cx="{x(e):.1f}" cy="{y(v):.1f}" r="5"/>' for e, v in values if e == chosen), "")
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)} over epochs, from {heights[0]:.3g} to {heights[-1]:.3g}">'
        f'{grid}{below}<polyline class="curve" points="{points}"/>{dots}{ring}</svg></figure>'
    )


def _ticks(low: float, high: float) -> list[float]:
    return [low + (high - low) * share for share in (0.1, 0.5, 0.9)]
