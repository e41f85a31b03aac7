"""Whether slices lie across the left ventricle: long-axis series look like a stack and measure something else."""

from __future__ import annotations

import logging

import numpy as np
from jaxtyping import Float

from cardioscar.errors import GeometryError

USUAL_LONG_AXIS = np.array([-0.57, 0.53, 0.62]) / np.linalg.norm([-0.57, 0.53, 0.62])
"""Long axis of most patients' left ventricle from apex to base, LPS; hearts differ from it by some 25°."""

STACK_DEG, SINGLE_DEG = 72.0, 60.0
"""Largest angle between the slices' normal and the usual long axis, of a stack and of a single slice.

The normals of two-, three- and four-chamber slices lie at right angles to the heart's own long axis: 80 to 90° for the
usual one, 63° where an outflow tract was aimed at. Those of short-axis stacks are within 40° in people and reach 70° in
animals, that lie otherwise; a stack of parallel long-axis slices is hardly ever taken, a single one in every exam.
"""
_ODD_DEG = 55.0
"""Angle from which a warning is said; slices across the body (z) lie at 52°."""

log = logging.getLogger(__name__)


def check_short_axis(where: str, normal: Float[np.ndarray, " xyz"], *, slices: int) -> None:
    """Refuse slices that lie along the long axis of the heart.

    Args:
        where: File name, for errors.
        normal: Unit normal of the slices, LPS; its sign plays no part.
        slices: Number of parallel slices.

    Raises:
        GeometryError: If they do.

    >>> check_short_axis("cine", np.array([0.05, 0.82, -0.57]), slices=1)
    Traceback (most recent call last):
    cardioscar.errors.GeometryError: cine: expected short-axis slices, found slices along the long axis of the heart \
(their normal 87° off the usual one)
    """
    angle = float(np.degrees(np.arccos(min(abs(float(normal @ USUAL_LONG_AXIS)), 1.0))))
    if angle > (STACK_DEG if slices > 1 else SINGLE_DEG):
        finding = f"slices along the long axis of the heart (their normal {angle:.0f}° off the usual one)"
        raise GeometryError(where, "short-axis slices", finding)
    if angle > _ODD_DEG:
        log.warning("%s: the slices' normal lies %.0f° off the usual long axis; are they short-axis?", where, angle)
