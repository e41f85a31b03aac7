"""Misalignment of slices against the heart's own axis, where no mesh tells: a ventricle's centres lie on a smooth line.

The centre of what the epicardium encloses is a straight line along the stack, plus a smooth deviation (a Gaussian
process through-plane), plus the shift of each slice (independent). How large deviation and shifts are is found by
maximum likelihood from the stack itself, so that a bent axis is not taken for shifts. What cannot be told is a shift of
all slices together, or one that grows evenly from slice to slice: the straight line takes it.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_fill_holes
from scipy.optimize import minimize

from cardioscar.imaging.alignment.slice_alignment import MAX_SHIFT_MM, Finding, SliceShift
from cardioscar.imaging.slices import SliceStack

AXIS_SCALE_MM = 20.0
"""Length along the stack over which the axis bends."""
LEAST_SLICES = 8
"""Fewer centres do not tell a bend from shifts."""
LEAST_SPREAD_MM = 1.0
"""Standard deviation of the shifts of a stack below which none is applied: a bent axis looks like as much."""

_CENTER_MM = 0.1  # error of a centre by the pixels' size
_BEND_MM = 1.5  # usual size of the axis' deviation from a line, known to a factor of e^½


def shifts_to_axis(stack: SliceStack) -> list[SliceShift]:
    """Estimate how far each slice lies off the smooth axis of the stack.

    Args:
        stack: Slices whose observed pixels are the wall as drawn, side by side in one frame.

    Returns:
        One row for each slice with wall, in the order of the stack; none where fewer than `LEAST_SLICES` have wall.
    """
    pieces = [piece for piece in stack if piece.observed.any()]
    if len(pieces) < LEAST_SLICES:
        return []
    frame = pieces[0].frame.directions
    centers = np.array([_center_mm(piece.observed, piece.affine) for piece in pieces]) @ np.linalg.inv(frame).T
    shifts, covariance, spread_mm = _off_axis(centers[:, 2], centers[:, :2])
    rows = []
    for piece, shift, variance in zip(pieces, shifts, covariance, strict=True):
        # together or not at all: their errors are mostly the line's, which all slices share
        finding: Finding = "applied"
        if spread_mm < LEAST_SPREAD_MM:
            finding = "uncertain"
        elif float(np.linalg.norm(shift)) > MAX_SHIFT_MM:
            finding = "too far"
        rows.append(SliceShift(piece.number, shift, float(np.sqrt(variance)), None, finding))
    return rows


def _center_mm(wall: np.ndarray, affine: np.ndarray) -> np.ndarray:
    enclosed = np.argwhere(binary_fill_holes(wall))
    return np.asarray(affine[:3, :2] @ enclosed.mean(axis=0) + affine[:3, 3])


def _off_axis(height_mm: np.ndarray, centers_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Shift of each slice, its variance, and the standard deviation of all shifts, by restricted maximum likelihood."""
    count = len(height_mm)
    line = np.column_stack([np.ones(count), (height_mm - height_mm.mean()) / np.ptp(height_mm)])
    bend = np.exp(-0.5 * ((height_mm[:, None] - height_mm) / AXIS_SCALE_MM) ** 2)

    def solved(log_sd: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Covariance of the centres, its inverse freed of the line, and the line's normal matrix."""
        bent, moved = np.exp(2 * log_sd)
        covariance = bent * bend + (moved + _CENTER_MM**2) * np.eye(count)
        inverse = np.linalg.inv(covariance)
        normal = line.T @ inverse @ line
        return covariance, inverse - inverse @ line @ np.linalg.solve(normal, line.T @ inverse), normal

    def misfit(log_sd: np.ndarray) -> float:
        covariance, free, normal = solved(log_sd)
        # two in-plane coordinates share one covariance
        fit = 0.5 * np.einsum("ik,ij,jk->", centers_mm, free, centers_mm)
        return float(
            fit + np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(normal)[1]
            + 0.5 * ((log_sd[0] - np.log(_BEND_MM)) / 0.5) ** 2
        )  # fmt: skip

    starts = (np.log([_BEND_MM, 0.3]), np.log([_BEND_MM, 2.0]))
    found = [minimize(misfit, start, method="L-BFGS-B", bounds=[(-3, 3), (-3, 3)]) for start in starts]
    log_sd = min(found, key=lambda one: float(one.fun)).x
    moved = float(np.exp(2 * log_sd[1]))
    free = solved(log_sd)[1]
    return moved * free @ centers_mm, moved - moved**2 * np.diag(free), float(np.sqrt(moved))
