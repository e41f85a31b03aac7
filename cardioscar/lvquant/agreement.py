"""How far found indices of a cohort are from true ones: each index over all frames, and the phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.errors import InputError, counted
from cardioscar.lvquant.sectors import DIMENSIONS, SECTORS
from cardioscar.metrics.agreement import bland_altman, pearson

GROUPS = {
    "areas_mm2": ("cavity_mm2", "myocardium_mm2"),
    "dimensions_mm": tuple(f"{name}_mm" for name in DIMENSIONS),
    "thickness_mm": tuple(f"{name}_mm" for name in SECTORS),
}
"""The eleven indices by what they measure, in the order of `lvquant.slice_indices`."""
NAMES = tuple(name for names in GROUPS.values() for name in names)


@dataclass(frozen=True)
class FrameIndices:
    """Indices of one slice over the beat.

    Attributes:
        indices: The eleven, in mm² and mm, shape (frames, 11); NaN where something is not known.
        systole: Whether each frame is of systole, shape (frames,); None where that is not known.
    """

    indices: Float[np.ndarray, "frames 11"]
    systole: Bool[np.ndarray, " frames"] | None


@dataclass(frozen=True)
class IndexAgreement:
    """One index over all frames of all subjects, in its unit.

    Frames of a subject are no independent measurements: limits are those of a frame, and no confidence interval is
    given of them. All is NaN where fewer than three frames are known.

    Attributes:
        mae: Mean absolute error.
        mae_sd: Its standard deviation over subjects' own mean absolute errors; NaN of one subject.
        pearson: Correlation; NaN where nothing varies.
        bias: Mean of found minus true.
        limits: Limits of agreement of Bland and Altman.
        frames: Frames in which both are known.
    """

    mae: float
    mae_sd: float
    pearson: float
    bias: float
    limits: tuple[float, float]
    frames: int


@dataclass(frozen=True)
class CohortAgreement:
    """All indices.

    Attributes:
        indices: By name, `NAMES`.
        mae: Mean of the mean absolute errors of each group of `GROUPS`, as they are published.
        phase_error_percent: Share of frames whose phase is wrong; None where it is not known.
        subjects: Number of slices that were compared.
        missing_frames: Frames of which the truth knows an area and nothing was found.
    """

    indices: dict[str, IndexAgreement]
    mae: dict[str, float]
    phase_error_percent: float | None
    subjects: int
    missing_frames: int


def agreement(found: Sequence[FrameIndices], truth: Sequence[FrameIndices]) -> CohortAgreement:
    """Compare a cohort with its truth, in the same order.

    Args:
        found: Indices of each subject.
        truth: True ones.

    Raises:
        InputError: If numbers of subjects or frames differ.
    """
    if len(found) != len(truth) or not found:
        raise InputError("agreement", "a truth for each subject", f"{len(found)} and {len(truth)}")
    for one, other in zip(found, truth, strict=True):
        if one.indices.shape != other.indices.shape:
            raise InputError("agreement", "as many frames as the truth has", counted(len(one.indices), "frame"))
    every, true = (np.concatenate([one.indices for one in side]) for side in (found, truth))
    subject = np.concatenate([np.full(len(one.indices), n) for n, one in enumerate(found)])
    both = np.isfinite(every) & np.isfinite(true)
    indices = {
        name: _of_index(every[both[:, n], n], true[both[:, n], n], subject[both[:, n]]) for n, name in enumerate(NAMES)
    }
    phases = [
        np.asarray(one.systole) != other.systole
        for one, other in zip(found, truth, strict=True)
        if one.systole is not None and other.systole is not None
    ]
    return CohortAgreement(
        indices,
        {group: float(np.mean([indices[name].mae for name in names])) for group, names in GROUPS.items()},
        float(100 * np.concatenate(phases).mean()) if phases else None,
        len(found),
        int((np.isfinite(true[:, 0]) & ~np.isfinite(every[:, 0])).sum()),
    )


def _of_index(found: np.ndarray, truth: np.ndarray, subject: np.ndarray) -> IndexAgreement:
    if len(found) < 3:
        nothing = float("nan")
        return IndexAgreement(nothing, nothing, nothing, nothing, (nothing, nothing), len(found))
    apart = np.abs(found - truth)
    own = [float(apart[subject == n].mean()) for n in np.unique(subject)]
    between = bland_altman(truth, found)
    return IndexAgreement(
        float(apart.mean()),
        float(np.std(own, ddof=1)) if len(own) > 1 else float("nan"),
        pearson(truth, found),
        between.bias,
        between.limits,
        len(found),
    )
