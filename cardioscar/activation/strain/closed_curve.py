"""A contour of the wall as a distance from the middle at each angle, smooth and closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.activation.strain.sectors import Heading
from cardioscar.errors import InputError

HARMONICS = 12
"""Waves around the circumference that are kept: the finest is 30° long, shorter ones are stairs of pixels."""
_FINE = 720
_FEWEST = 8
_BACKWARDS = 0.02
"""Share of a contour that may run backwards as seen from the middle: hands and pixels wobble."""


@dataclass(frozen=True, eq=False)
class ClosedCurve:
    """Distance from the middle by angle.

    Attributes:
        waves: Complex Fourier coefficients, those of the positive frequencies doubled.
    """

    waves: np.ndarray

    def radius(self, angles: Float[np.ndarray, " angles"]) -> Float[np.ndarray, " angles"]:
        """Distance from the middle at an angle, in the contour's unit."""
        return np.real(np.exp(1j * np.outer(angles, np.arange(len(self.waves)))) @ self.waves)

    def slope(self, angles: Float[np.ndarray, " angles"]) -> Float[np.ndarray, " angles"]:
        """Derivative of the distance by the angle."""
        order = np.arange(len(self.waves))
        return np.real(np.exp(1j * np.outer(angles, order)) @ (1j * order * self.waves))

    def between(self, other: ClosedCurve) -> ClosedCurve:
        """The curve half way to another one about the same middle."""
        return ClosedCurve((self.waves + other.waves) / 2)

    def lengths(self, sectors: int) -> Float[np.ndarray, " sectors"]:
        """Length within each sector."""
        parts = max(4, -(-_FINE // sectors))
        angles = 2 * np.pi * (np.arange(sectors * parts) + 0.5) / (sectors * parts)
        steps = np.hypot(self.radius(angles), self.slope(angles)) * 2 * np.pi / len(angles)
        return steps.reshape(sectors, parts).sum(axis=1)


def closed_curve(
    contour: Float[np.ndarray, "points axes"], center: Float[np.ndarray, " axes"], heading: Heading, *, where: str
) -> ClosedCurve:
    """The curve through the points of a contour.

    Args:
        contour: Points in order, either way round; the last is joined to the first.
        center: Middle, within the contour.
        heading: Directions of the angles.
        where: Name for errors.

    Raises:
        InputError: If there are too few points, some are not finite, or the contour is not seen whole from its middle
            (open, folded, or not about it).
    """
    if contour.ndim != 2 or len(contour) < _FEWEST or not np.isfinite(contour).all():
        rule = f"closed contours of {_FEWEST} finite points and more"
        raise InputError(where, rule, f"{len(contour)} points, {int((~np.isfinite(contour)).sum())} numbers not finite")
    offsets = contour - center
    angles = np.unwrap(heading.angles(offsets))
    turn = np.mod(angles[0] - angles[-1] + np.pi, 2 * np.pi) - np.pi
    winding = round((angles[-1] + turn - angles[0]) / (2 * np.pi))
    steps = np.diff(angles) * (winding or 1)
    if abs(winding) != 1 or -steps[steps < 0].sum() > _BACKWARDS * 2 * np.pi or np.max(np.abs(steps)) > np.pi / 2:
        raise InputError(where, "a contour that runs once around the cavity", "an open or a folded one")
    order = np.argsort(np.mod(angles, 2 * np.pi), kind="stable")
    at = np.mod(angles, 2 * np.pi)[order]
    across = np.hypot(offsets @ heading.septum, offsets @ heading.inferior)[order]
    fine = 2 * np.pi * np.arange(_FINE) / _FINE
    radius = _chord(fine, at, across)
    waves = np.fft.rfft(radius)[: HARMONICS + 1] / _FINE
    waves[1:] *= 2
    return ClosedCurve(waves)


def area_center(contour: Float[np.ndarray, "points axes"]) -> Float[np.ndarray, " axes"]:
    """Middle of the area that a plane contour encloses, in the plane or in space.

    >>> area_center(np.array([[0.0, 0], [2, 0], [2, 1], [0, 1]]))
    array([1. , 0.5])
    """
    origin = contour.mean(axis=0)
    here, onward = contour - origin, np.roll(contour, -1, axis=0) - origin
    if contour.shape[1] == 2:
        areas = here[:, 0] * onward[:, 1] - here[:, 1] * onward[:, 0]
    else:
        normals = np.cross(here, onward)
        total = normals.sum(axis=0)
        areas = normals @ (total / max(float(np.linalg.norm(total)), 1e-12))
    if abs(areas.sum()) < 1e-12:
        return origin
    return origin + (areas[:, None] * (here + onward)).sum(axis=0) / (3 * areas.sum())


def _chord(fine: np.ndarray, at: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Distances where rays meet the straight lines between neighbouring points."""
    # the same angle twice would be a line towards the middle
    at, first = np.unique(at, return_index=True)
    across = across[first]
    at = np.concatenate([at[-1:] - 2 * np.pi, at, at[:1] + 2 * np.pi])
    across = np.concatenate([across[-1:], across, across[:1]])
    after = np.clip(np.searchsorted(at, fine, side="right"), 1, len(at) - 1)
    a, b, ra, rb = at[after - 1], at[after], across[after - 1], across[after]
    # the line between two points in polar form: 1/r is a combination of sines
    return np.asarray(ra * rb * np.sin(b - a) / (ra * np.sin(fine - a) + rb * np.sin(b - fine)))
