"""One phantom that is like people: a ventricle, its true scar, and the slices as someone drew them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.volume import Volume
from cardioscar.phantom.people.anatomy import Anatomy, draw_anatomy, draw_examination
from cardioscar.phantom.people.observer import draw_hand, draw_slices
from cardioscar.phantom.people.scar import TrueScar, draw_scar, thinned
from cardioscar.phantom.shape import APEX_TO_BASE, SEPTUM


@dataclass(frozen=True)
class DrawnHeart:
    """A heart as it is known of people: a stack of slices that someone drew; and the truth, which of people is not.

    Attributes:
        labels: uint8 `Label` of each pixel, slices from apex to base.
        scar_fraction: float32 true share of scar in each pixel of the drawn wall, 0 to 1.
        anatomy: The true wall, in the stack's frame.
        scar: The true scar, in coordinates of the wall.
        septum_direction: Unit vector from the axis to the septum in LPS, shape (3,).
        apex_to_base: Unit vector across the slices in LPS, shape (3,).
        parameters: What was drawn, ready for JSON; `scar_ml` is the truth in the slices,
            `drawn_scar_ml` what was drawn.
    """

    labels: Volume
    scar_fraction: Volume
    anatomy: Anatomy
    scar: TrueScar
    septum_direction: np.ndarray
    apex_to_base: np.ndarray
    parameters: dict[str, Any]


def make_heart(seed: int = 0, index: int = 0) -> DrawnHeart:
    """Make one heart in memory.

    Args:
        seed: Seed of the cohort.
        index: Number of the heart in it, from 0.

    Returns:
        The heart; the same for the same seed and index.

    >>> heart = make_heart(seed=1, index=2)
    >>> heart.labels.values.shape[2] == heart.parameters["slices"], sorted(set(heart.labels.values.ravel().tolist()))
    (True, [0, 1, 2, 3])
    """
    planning, growing, scarring, drawing, placing = (
        np.random.default_rng([seed, index, stream]) for stream in range(5)
    )
    exam = draw_examination(planning)
    anatomy = draw_anatomy(growing, exam)
    scar = draw_scar(scarring, anatomy, exam.heights_mm)
    thinning = scarring.uniform(0, 0.35)
    anatomy = thinned(anatomy, scar, most=thinning)
    hand = draw_hand(drawing)
    labels, truth, corner = draw_slices(drawing, anatomy, scar, exam, hand)

    axes, origin = _place(placing)
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array([exam.pixel_mm, exam.pixel_mm, exam.spacing_mm])
    affine[:3, 3] = origin + axes @ np.array([*corner, exam.apex_mm])
    drawn = np.isin(labels, WALL)
    voxel_ml = exam.pixel_mm**2 * exam.spacing_mm / 1000
    parameters: dict[str, Any] = {
        "family": "people", "seed": seed, "index": index, **scar.facts, "thinning": thinning, **asdict(exam),
        **asdict(hand), "wall_ml": float(drawn.sum() * voxel_ml), "scar_ml": float(truth[drawn].sum() * voxel_ml),
        "drawn_scar_ml": float((labels == Label.SCAR).sum() * voxel_ml),
    }  # fmt: skip
    return DrawnHeart(
        labels=Volume(labels, affine, "labels.nii.gz"),
        scar_fraction=Volume(truth, affine, "scar_truth.nii.gz"),
        anatomy=anatomy,
        scar=scar,
        septum_direction=axes[:, 0],
        apex_to_base=axes[:, 2],
        parameters=parameters,
    )


def _place(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Axes of the stack's frame in LPS (columns), and its origin."""
    mean_axes = np.column_stack([SEPTUM, np.cross(APEX_TO_BASE, SEPTUM), APEX_TO_BASE])
    axes = Rotation.from_rotvec(rng.normal(0, np.radians(9), 3)).as_matrix() @ mean_axes
    return axes, rng.normal([5, -10, 0], [12, 12, 30])
