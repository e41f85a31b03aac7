"""A quantified cohort held against labels or indices that are known: every index, the phase, overlap, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.cine import Cine, check_same_grid
from cardioscar.lvquant.agreement import CohortAgreement, FrameIndices, agreement
from cardioscar.lvquant.label_doubts import label_doubts
from cardioscar.lvquant.reference import MeasuredReference, Reference, compared, measured_reference
from cardioscar.lvquant.subject_metrics import SubjectMetrics
from cardioscar.metrics.agreement import bland_altman, pearson

Way = Literal["measured", "regressed"]
WAYS: tuple[Way, ...] = ("measured", "regressed")
VOLUMES = {"lv_edv_ml": "edv_ml", "lv_esv_ml": "esv_ml", "lv_ef_percent": "ef_percent", "lv_mass_g": "mass_g"}
"""Numbers of a stack by their names in `metrics.json`, and in a `Reference`."""
OVERLAPS = ("cavity_dice_ed", "cavity_dice_es", "wall_dice_ed", "wall_dice_es")


@dataclass(frozen=True)
class SubjectEvaluation:
    """One subject.

    Attributes:
        subject: Its id.
        reference: Overlap and true volumes.
        found: Found volumes by name; None where there is none, and so below.
        held: Whether the 90 % interval of each holds the true one.
        ed_apart: Frames by which found end-diastole is from the true one, around the beat.
        es_apart: The same of end-systole.
        doubts: What is odd about the labels.
        indices: True indices of each slice, and the found ones of either way.
    """

    subject: str
    reference: Reference
    found: Mapping[str, float | None]
    held: Mapping[str, bool | None]
    ed_apart: int | None
    es_apart: int | None
    doubts: tuple[str, ...]
    indices: tuple[tuple[FrameIndices, ...], Mapping[Way, tuple[FrameIndices, ...]]]


@dataclass(frozen=True)
class VolumeAgreement:
    """One number of a stack over the cohort, in its unit; NaN where fewer than three subjects have it.

    Attributes:
        mae: Mean absolute error.
        bias: Mean of found minus true.
        limits: Limits of agreement of Bland and Altman.
        pearson: Correlation.
        held: Share of subjects whose 90 % interval holds the true one.
        subjects: Number of subjects.
    """

    mae: float
    bias: float
    limits: tuple[float, float]
    pearson: float
    held: float
    subjects: int


@dataclass(frozen=True)
class Evaluation:
    """The whole cohort.

    Attributes:
        subjects: Those that could be compared.
        failed: Why others could not, by their ids.
        agreement: Of every index in slices and frames in which somebody drew, by either way; empty without subjects.
        volumes: Of the numbers of a stack.
    """

    subjects: tuple[SubjectEvaluation, ...]
    failed: Mapping[str, str]
    agreement: Mapping[Way, CohortAgreement]
    volumes: Mapping[str, VolumeAgreement]

    def overlap(self, name: str) -> Float[np.ndarray, " subjects"]:
        """One of `OVERLAPS`, of the subjects that have it."""
        found = [getattr(one.reference, name) for one in self.subjects]
        return np.array([value for value in found if value is not None])


def evaluated(
    subject: str,
    metrics: SubjectMetrics,
    found: Cine,
    indices: Sequence[tuple[FrameIndices, FrameIndices]],
    labels: Cine,
    stated: FrameIndices | None = None,
) -> SubjectEvaluation | None:
    """Hold one subject against labels; None where no cavity is drawn in any frame.

    Args:
        subject: Its id.
        metrics: Content of its `metrics.json`.
        found: Found labels, in the one order of storage.
        indices: Measured and regressed indices of each slice, from the apex to the base.
        labels: True labels on the same grid.
        stated: True indices and phase of the only slice, where a file states them; default measured on the labels.

    Raises:
        GeometryError: If the labels are of other pixels, slices, frames, or of another place.
    """
    check_same_grid(found, labels)
    truth = measured_reference(labels, metrics.septum_frame)
    if truth is None:
        return None
    reference = compared(found, truth)
    numbers = {name: getattr(metrics, name) for name in VOLUMES}
    return SubjectEvaluation(
        subject,
        reference,
        numbers,
        {name: _held(metrics, name, getattr(reference, key)) for name, key in VOLUMES.items()},
        _apart(metrics.ed_frame, reference.ed_frame, metrics.frames),
        _apart(metrics.es_frame, reference.es_frame, metrics.frames) if len(reference.frames) > 1 else None,
        label_doubts(labels),
        (
            (stated,) if stated is not None else _true_indices(truth),
            {"measured": tuple(one for one, _ in indices), "regressed": tuple(one for _, one in indices)},
        ),
    )


def evaluation(subjects: Sequence[SubjectEvaluation], failed: Mapping[str, str]) -> Evaluation:
    """Gather a cohort.

    Args:
        subjects: Those that could be compared.
        failed: Why others could not, by their ids.
    """
    ways: dict[Way, CohortAgreement] = {}
    truth = [one for subject in subjects for one in subject.indices[0]]
    for way in WAYS if truth else ():
        ways[way] = agreement([one for subject in subjects for one in subject.indices[1][way]], truth)
    return Evaluation(tuple(subjects), dict(failed), ways, {name: _volume(subjects, name) for name in VOLUMES})


def _true_indices(truth: MeasuredReference) -> tuple[FrameIndices, ...]:
    """Of each slice; NaN in frames and slices in which no cavity is drawn."""
    one = truth.indices
    areas = np.stack([one.cavity_mm2, one.myocardium_mm2], axis=-1)
    table = np.concatenate([areas, one.dimensions_mm, one.thickness_mm], axis=-1)
    shown = np.nan_to_num(one.cavity_mm2) > 0
    table = np.where(shown[..., None], table, np.nan)
    return tuple(FrameIndices(table[k], one.systole if shown[k].any() else None) for k in range(len(table)))


def _held(metrics: SubjectMetrics, name: str, true: float | None) -> bool | None:
    low, high = (getattr(metrics, f"{name}_{end}") for end in ("low", "high"))
    return None if true is None or low is None else bool(low <= true <= high)


def _apart(found: int | None, true: int, frames: int) -> int | None:
    if found is None:
        return None
    return (found - true + frames // 2) % frames - frames // 2


def _volume(subjects: Sequence[SubjectEvaluation], name: str) -> VolumeAgreement:
    pairs = [
        (true, one.found[name])
        for one in subjects
        if (true := getattr(one.reference, VOLUMES[name])) is not None and one.found[name] is not None
    ]
    held = [one.held[name] for one in subjects if one.held[name] is not None]
    nothing = float("nan")
    share = float(np.mean([bool(one) for one in held])) if held else nothing
    if len(pairs) < 3:
        apart = [abs(found - true) for true, found in pairs if found is not None]
        return VolumeAgreement(
            float(np.mean(apart)) if apart else nothing, nothing, (nothing, nothing), nothing, share, len(pairs)
        )
    true_values, found_values = np.array(pairs, dtype=float).T
    between = bland_altman(true_values, found_values)
    return VolumeAgreement(
        float(np.abs(found_values - true_values).mean()),
        between.bias,
        between.limits,
        pearson(true_values, found_values),
        share,
        len(pairs),
    )
