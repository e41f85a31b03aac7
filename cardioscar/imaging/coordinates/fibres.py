"""Fibres of the left ventricle by a rule, from its coordinates, and the surfaces that simulators stimulate.

Bayer et al., Ann Biomed Eng 2012;40:2243 [@bayer2012]: the angle of the fibres turns evenly through the wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.types import NodeValues, Points

_LEAST = 1e-9


@dataclass(frozen=True)
class FibreRule:
    """Angles in degrees, as published."""

    helix_endo: float = 40.0
    """Of the fibre from the circumferential direction towards the base, at the endocardium."""
    helix_epi: float = -50.0
    """The same at the epicardium."""
    sheet_endo: float = -65.0
    """Of the sheet about the fibre from the transmural direction, by the left hand, at the endocardium."""
    sheet_epi: float = 25.0
    """The same at the epicardium."""


def fibres(
    outward: Points, towards_base: Points, depth: NodeValues, rule: FibreRule | None = None
) -> tuple[Float[np.ndarray, "points 3"], Float[np.ndarray, "points 3"]]:
    """Fibre and sheet directions.

    Args:
        outward: Gradient of the transmural coordinate at some points, shape (points, 3).
        towards_base: Gradient of the apicobasal coordinate there, shape (points, 3).
        depth: 0 at the endocardium to 1 at the epicardium, shape (points,).
        rule: Angles.

    Returns:
        Unit vectors along fibre and sheet, at right angles. Where a gradient vanishes, as at the tip of the apex, any
        direction at right angles takes its place.
    """
    rule = rule or FibreRule()
    across = _unit(outward, np.array([1.0, 0.0, 0.0]))
    up = towards_base - np.einsum("ij,ij->i", towards_base, across)[:, None] * across
    spare = np.eye(3)[np.argmin(np.abs(across), axis=1)]
    spare = spare - np.einsum("ij,ij->i", spare, across)[:, None] * across
    short = np.linalg.norm(up, axis=1) < _LEAST
    up = _unit(np.where(short[:, None], spare, up), np.array([0.0, 0.0, 1.0]))
    around = np.cross(up, across)
    part = np.clip(np.asarray(depth, dtype=float), 0, 1)
    helix = np.radians(rule.helix_endo + part * (rule.helix_epi - rule.helix_endo))[:, None]
    turn = np.radians(rule.sheet_endo + part * (rule.sheet_epi - rule.sheet_endo))[:, None]
    along = np.cos(helix) * around + np.sin(helix) * up
    sheet = np.cos(turn) * across + np.sin(turn) * np.cross(across, along)
    return along, sheet


def _unit(vectors: Points, spare: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length < _LEAST, spare, vectors / np.maximum(length, _LEAST))
