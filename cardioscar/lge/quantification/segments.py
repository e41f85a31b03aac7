"""AHA segments of labelled slices, and how far through the wall scar reaches in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from cardioscar.errors import GeometryError
from cardioscar.imaging.affine import Affine
from cardioscar.imaging.coordinates.aha import segments_at
from cardioscar.imaging.coordinates.lv_coordinates import RIGHT_ANTERIOR
from cardioscar.imaging.labels import WALL, Label

CHORDS = 100
"""Chords through the wall around a slice, as in the centre-line method [@sheehan1986]."""
APEX = 17


@dataclass(frozen=True)
class Transmurality:
    """How far scar reaches through the wall of a segment, over its chords.

    Attributes:
        chords: Chords with wall, over all slices.
        scarred: Share of them with scar.
        mean: Mean share of the wall's thickness that is scar, over chords with scar; 0 without any.
        over_half: Share of chords in which more than half of the thickness is scar, which hardly recover [@kim2000].
    """

    chords: int
    scarred: float
    mean: float
    over_half: float


def segments(
    labels: UInt8[np.ndarray, "i j slices"],
    frame: Affine,
    *,
    septum_direction: Float[np.ndarray, " xyz"] | None = None,
) -> Int[np.ndarray, "i j slices"]:
    """AHA segment of each voxel of the wall [@cerqueira2002].

    Levels are thirds of the slices that show cavity, the usual apex first, as `canonical` orders them; wall beyond them
    at the apex is segment 17. A single slice cannot say its level and counts as mid-ventricular.

    Args:
        labels: `Label` of each voxel, slices last, apex first.
        frame: Their place.
        septum_direction: Direction from the long axis to the middle of the septum, LPS; default right and anterior of
            the patient, where it lies in most.

    Returns:
        1 to 17 in the wall, 0 elsewhere.

    Raises:
        GeometryError: If the septum lies along the slices' normal.
    """
    angle, _ = around_cavity(labels, frame, septum_direction=septum_direction)
    shown = np.flatnonzero((labels == Label.BLOOD_POOL).any(axis=(0, 1)))
    wall = np.isin(labels, WALL)
    found = np.zeros(labels.shape, dtype=np.int64)
    if not wall.any():
        return found
    if len(shown) == 0:
        found[wall] = APEX
        return found
    k = np.broadcast_to(np.arange(labels.shape[2]), labels.shape)[wall]
    along = (k - shown[0] + 0.5) / (shown[-1] - shown[0] + 1)
    found[wall] = np.where(along < 0, APEX, segments_at(np.clip(along, 0, 1), angle[wall]))
    return found


def around_cavity(
    labels: UInt8[np.ndarray, "i j slices"],
    frame: Affine,
    *,
    septum_direction: Float[np.ndarray, " xyz"] | None = None,
) -> tuple[Float[np.ndarray, "i j slices"], Float[np.ndarray, "i j slices"]]:
    """Angle and distance of each voxel from the middle of the cavity of its slice, or of the wall where it has none.

    Returns:
        Angle from the middle of the septum towards anterior, radians, −π to π, and distance in mm; 0 in slices without
        a heart.
    """
    axis = frame.normal(2)
    septum = np.asarray(RIGHT_ANTERIOR if septum_direction is None else septum_direction, dtype=float)
    across = septum - (septum @ axis) * axis
    length = float(np.linalg.norm(across))
    if septum.shape != (3,) or not np.isfinite(across).all() or length < 0.1 * max(float(np.linalg.norm(septum)), 1e-9):
        raise GeometryError("septum", "a septum direction across the slices' normal", "one along it, or none")
    septum = across / length
    anterior = np.cross(axis, septum)
    angle, distance = np.zeros(labels.shape), np.zeros(labels.shape)
    places = np.indices(labels.shape[:2]).reshape(2, -1).T
    for k in range(labels.shape[2]):
        plane = labels[..., k]
        middle = plane == Label.BLOOD_POOL
        middle = middle if middle.any() else np.isin(plane, WALL)
        if not middle.any():
            continue
        away = (places - np.argwhere(middle).mean(axis=0)) @ frame.matrix[:3, :2].T
        angle[..., k] = np.arctan2(away @ anterior, away @ septum).reshape(plane.shape)
        distance[..., k] = np.linalg.norm(away, axis=1).reshape(plane.shape)
    return angle, distance


def transmurality(
    labels: UInt8[np.ndarray, "i j slices"],
    frame: Affine,
    segment: Int[np.ndarray, "i j slices"],
    *,
    septum_direction: Float[np.ndarray, " xyz"] | None = None,
) -> dict[int, Transmurality]:
    """How far scar reaches through the wall, by AHA segment.

    A chord is a sector of 1/`CHORDS` of a turn about the middle of the cavity; pixels count the less the farther out
    they lie (1/distance), so that a sum over a sector is one of thickness and not of area. Slices without cavity have
    no chords.

    Args:
        labels: `Label` of each voxel.
        frame: Their place.
        segment: AHA segment of each voxel, see `segments`.
        septum_direction: As for `segments`.

    Returns:
        By segment, those with chords alone.
    """
    angle, distance = around_cavity(labels, frame, septum_direction=septum_direction)
    wall = np.isin(labels, WALL) & (labels == Label.BLOOD_POOL).any(axis=(0, 1))
    k = np.broadcast_to(np.arange(labels.shape[2]), labels.shape)[wall]
    chord = np.minimum(((angle[wall] + np.pi) / (2 * np.pi) * CHORDS).astype(int), CHORDS - 1) + CHORDS * k
    weight = 1 / np.maximum(distance[wall], float(frame.spacing_mm[:2].min()))
    size = CHORDS * labels.shape[2]
    thickness = np.bincount(chord, weights=weight, minlength=size)
    scarred = np.bincount(chord, weights=weight * (labels[wall] == Label.SCAR), minlength=size)
    # a chord at a border between two segments belongs to that of most of its wall
    votes = np.zeros((size, APEX + 1))
    np.add.at(votes, (chord, segment[wall]), weight)
    owner = votes.argmax(axis=1)
    found = {}
    for number in range(1, APEX + 1):
        mine = (owner == number) & (thickness > 0)
        if mine.any():
            share = scarred[mine] / thickness[mine]
            has = share > 0
            found[number] = Transmurality(
                chords=int(mine.sum()),
                scarred=float(has.mean()),
                mean=float(share[has].mean()) if has.any() else 0.0,
                over_half=float((share > 0.5).mean()),
            )
    return found
