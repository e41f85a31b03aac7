"""The cine of a phantom patient: its wall comes in sector by sector, when and by as much as its strain says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardioscar.activation.phantoms.patient import PhantomPatient
from cardioscar.activation.phantoms.patient_strain import PatientScan, center_at, slice_curves, wall_radii
from cardioscar.activation.strain.matrix import SECTORS
from cardioscar.activation.strain.sectors import sector_centers
from cardioscar.imaging.cine import Cine
from cardioscar.phantom.beating_cine import BeatingImages
from cardioscar.phantom.lge_image import BLOOD, FAT, LIVER, REMOTE, RV_BLOOD, surroundings
from cardioscar.types import AffineMatrix

_MARGIN_MM = 20.0
_ENDS = (0.1, 0.97)
_BLOOD, _MUSCLE, _LUNG = 900.0, 300.0, 60.0
_SIGNALS = {RV_BLOOD: _BLOOD, BLOOD: _BLOOD, REMOTE: _MUSCLE, FAT: 620.0, 0.6 * FAT: 420.0, LIVER: 330.0}
"""Signals of a steady-state image by those of late enhancement, which tell the tissues around the heart apart."""


def patient_cine(
    patient: PhantomPatient,
    scan: PatientScan | None = None,
    *,
    frames: int = 24,
    pixel_mm: float = 1.4,
    distance_mm: float = 8.0,
) -> BeatingImages:
    """Draw the beat of a patient in slices across its long axis.

    The middle of the wall moves with the strain of its sector, the wall keeps its area, and nothing moves along the
    long axis: contours show the strain as well as they can.

    Args:
        patient: The patient.
        scan: Heart rate; strain has no noise here.
        frames: Of the beat, the first at the R wave.
        pixel_mm: Size of a pixel.
        distance_mm: Between slices, from near the apex to near the base.

    Returns:
        Shares of pixels in the one order of storage, septum at the left of the picture, slices from apex to base.
    """
    shape, scan = patient.phantom.shape, scan or PatientScan()
    low, high = (float(center_at(patient, end) @ shape.apex_to_base) for end in _ENDS)
    slices = int((high - low) / distance_mm) + 1
    heights = np.interp(low + distance_mm * np.arange(slices), [low, high], _ENDS)
    beat_ms = 60_000 / scan.heart_rate_bpm
    times = np.arange(frames) * beat_ms / frames
    angles = sector_centers(SECTORS)
    outer_mm = max(float(wall_radii(patient, float(one), angles)[1].max()) for one in heights)
    size = 2 * int(np.ceil((outer_mm + _MARGIN_MM) / pixel_mm))
    # septum and anterior, against the steps of i and j
    across = -(np.arange(size) - (size - 1) / 2) * pixel_mm
    x, y = np.meshgrid(across, across, indexing="ij")
    radius, angle = np.hypot(x, y), np.mod(np.arctan2(-y, x), 2 * np.pi)
    cavity, wall = (np.zeros((size, size, slices, frames), dtype=np.float32) for _ in range(2))
    for k, height in enumerate(heights):
        inner, outer = wall_radii(patient, float(height), angles)
        strain = slice_curves(patient, float(height), times, scan)
        stretch = np.sqrt(1 + 2 * (strain - strain[:, :1]))
        middle, thickness = (inner + outer)[:, None] / 2 * stretch, (outer - inner)[:, None] / stretch
        for t in range(frames):
            ends = (middle[:, t] - thickness[:, t] / 2, middle[:, t] + thickness[:, t] / 2)
            within = [np.clip((_around(angle, angles, one) - radius) / pixel_mm + 0.5, 0, 1) for one in ends]
            cavity[:, :, k, t], wall[:, :, k, t] = within[0], within[1] - within[0]
    axes = np.column_stack(
        [-shape.septum_direction, -np.cross(shape.apex_to_base, shape.septum_direction), shape.apex_to_base]
    )
    affine: AffineMatrix = np.eye(4)
    affine[:3, :3] = axes * [pixel_mm, pixel_mm, distance_mm]
    first = center_at(patient, 0.5)
    first = first + (low - first @ shape.apex_to_base) * shape.apex_to_base
    affine[:3, 3] = first - affine[:3, :2] @ np.full(2, (size - 1) / 2)
    share = Cine(cavity, affine, times, "phantom", distance_mm)
    return BeatingImages(share, share.with_values(np.clip(wall, 0, 1)), distance_mm * np.arange(slices))


def cine_image(patient: PhantomPatient, beat: BeatingImages, random: np.random.Generator, *, snr: float = 20.0) -> Cine:
    """The picture of a beat: bright blood in both ventricles, dark muscle, fat, liver and lung that stay at rest.

    Args:
        patient: The patient.
        beat: As `patient_cine` drew it.
        random: Source of the noise.
        snr: Signal of blood over the deviation of each channel's noise.
    """
    cavity, wall = beat.cavity.values, beat.wall.values
    shape, grid = patient.phantom.shape, beat.cavity.grid
    places = grid.index_to_mm(np.indices(cavity.shape[:3]).reshape(3, -1).T)
    at = surroundings(shape, shape.coordinates(places))
    rest = np.full(at.shape, _LUNG)
    for enhanced, signal in _SIGNALS.items():
        rest[np.isclose(at, enhanced)] = signal
    rest = rest.reshape(cavity.shape[:3])[..., None]
    signal = _BLOOD * cavity + _MUSCLE * wall + rest * (1 - cavity - wall)
    noise = random.standard_normal((2, *signal.shape)) * (_BLOOD / snr)
    values = np.rint(np.hypot(signal + noise[0], noise[1])).astype(np.int16)
    return replace(beat.cavity, values=values, source="cine")


def _around(
    wanted: Float[np.ndarray, "i j"], angles: Float[np.ndarray, " angles"], values: Float[np.ndarray, " angles"]
) -> Float[np.ndarray, "i j"]:
    return np.interp(wanted, angles, values, period=2 * np.pi)
