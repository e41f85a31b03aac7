"""Lines over the steps of a training as inline SVG, coloured by the page's own style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 520, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 34
MOST_POINTS = 400
"""Points of a line; longer ones are averaged over equal parts of the steps."""


def line_svg(
    points: Sequence[tuple[float, float]], *, name: str, log: bool = False, mark: float | None = None
) -> Markup:
    """Draw one figure over the steps.

    Args:
        points: Step and value, steps rising; values that are not finite are left out (and not positive ones, if `log`).
        name: What it is, for readers of the page who do not see it.
        log: Draw the values on a logarithmic axis.
        mark: Step to mark with a line, such as that of the weights that were kept.

    Returns:
        An `svg` element; it says its first, last, lowest and highest value aloud.

    Raises:
        ValueError: If no value can be drawn.
    """
    shown = [(x, y) for x, y in points if math.isfinite(y) and (y > 0 or not log)]
    if not shown:
        raise ValueError("a line of no values")
    steps, values = _thinned(np.array(shown, dtype=float))
    scaled = np.log10(values) if log else values
    first, last = float(min(p[0] for p in points)), float(max(p[0] for p in points))
    low, high = float(scaled.min()), float(scaled.max())
    if high - low < 1e-12 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(step: float) -> float:
        return _LEFT + across * ((step - first) / (last - first) if last > first else 0.5)

    def y(value: float) -> float:
        return _TOP + down * (high - value) / (high - low)

    ends = [value for _, value in shown]
    spoken = (
        f"{name}: {len(shown)} values, first {ends[0]:.4g}, last {ends[-1]:.4g}, {min(ends):.4g} to {max(ends):.4g}"
    )
    parts = [f'<svg class="line" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(spoken)}">']
    for tick in _ticks(low, high):
        text = f"{10**tick:.3g}" if log else f"{tick:.4g}"
        parts.append(f'<path class="grid" d="M{_LEFT} {y(tick):.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{text}</text>')
    if mark is not None and first <= mark <= last:
        parts.append(f'<path class="mark" d="M{x(mark):.1f} {_TOP}V{_TOP + down}"><title>step {mark:g}</title></path>')
    route = "L".join(f"{x(step):.1f} {y(value):.1f}" for step, value in zip(steps, scaled, strict=True))
    parts.append(f'<path class="curve" d="M{route}"/>')
    if len(steps) <= 60:
        parts += [
            f'<circle cx="{x(s):.1f}" cy="{y(v):.1f}" r="2.6"><title>step {s:g}: {raw:.4g}</title></circle>'
            for s, v, raw in zip(steps, scaled, values, strict=True)
        ]
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 8}">step {first:g}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 8}" text-anchor="end">{last:g}</text></svg>')
    return Markup("".join(parts))  # noqa: S704 (numbers, and the text escaped above)


def _thinned(shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(shown) <= MOST_POINTS:
        return shown[:, 0], shown[:, 1]
    parts = [part.mean(axis=0) for part in np.array_split(shown, MOST_POINTS)]
    steps, values = np.array(parts).T
    steps[0], steps[-1] = shown[0, 0], shown[-1, 0]
    return steps, values


def _ticks(low: float, high: float) -> list[float]:
    """About four round numbers between two values."""
    rough = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
