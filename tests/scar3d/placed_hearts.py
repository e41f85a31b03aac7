"""Ventricles of any place, size and pose as formulas: half a shell, seen in slices, with a round scar by the septum."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from cardioscar.scar3d.observation.observations import Observations
from cardioscar.scar3d.observation.sorting import complete_batches

_BASE = np.array([-1.0, 1.0, 1.0]) / np.sqrt(3)
_SEPTUM = np.array([-1.0, -1.0, 0.0]) / np.sqrt(2)
AXES = np.stack([_SEPTUM, np.cross(_BASE, _SEPTUM), _BASE])
"""Septum, anterior and base of every heart, LPS (rows)."""


def heart(
    seed: int,
    *,
    nodes: int = 1500,
    size: float = 1.0,
    shift_mm: float = 0.0,
    tilt_deg: float = 0.0,
    turn: Rotation | None = None,
) -> Observations:
    """Observations of a heart whose scar lies where that of all hearts does, within 8 mm; `size` 1 is a usual one."""
    points = np.random.default_rng(0).normal(size=(nodes, 3))
    points[:, 2] = -np.abs(points[:, 2])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    local = points * [28, 28, 75] * np.random.default_rng(1).uniform(0.85, 1.15, (nodes, 1)) + [0, 0, 40]
    centre = np.array([20.0, 12.0, 10.0]) + np.random.default_rng(seed).uniform(-4, 4, 3)
    scarred = (np.linalg.norm(local - centre, axis=1) < 20).astype(float)
    tilt = Rotation.from_rotvec([np.radians(tilt_deg), 0, 0]).as_matrix()
    height = local @ tilt[:, 2]
    number = np.floor(height / 10).astype(int)
    seen = (height - number * 10) < 7
    around = np.floor((np.arctan2(local[:, 1], local[:, 0]) + np.pi) / (2 * np.pi) * 12).astype(int).clip(0, 11)
    rotation = (turn or Rotation.identity()).as_matrix()
    world = local * size @ AXES @ rotation.T + shift_mm
    names, group = np.unique(np.stack([number, around], axis=1)[seen], axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(group.ravel()))])
    targets = np.add.reduceat(scarred[seen][order], offsets[:-1]) / np.diff(offsets)
    return Observations(
        world[seen][order],
        offsets,
        targets,
        np.ones(len(targets), dtype=int),
        complete_batches(offsets, 500),
        names[:, 0],
    )
