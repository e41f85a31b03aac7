"""Strain of a phantom patient: slices across its ventricle whose curves follow from its true onset and scar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from cardioscar.activation.phantoms.curves import strain_curves
from cardioscar.activation.phantoms.patient import PhantomPatient
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sectors import sector_centers
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import ConfigError
from cardioscar.imaging.alignment.lv_axes import LVAxes

_NEAR_MM = 5.0
_LOST = 0.9
"""Share of the shortening that wall loses which is scar through all its depth."""


@dataclass(frozen=True)
class PatientScan:
    """How the strain of a patient is measured, and what differs between that examination and the other."""

    heights: tuple[float, ...] = (0.2, 0.35, 0.5, 0.65, 0.8)
    """Of the slices, 0 apex to 1 base."""
    heart_rate_bpm: float = 68.0
    """Beats a minute."""
    interval_ms: float = 17.0
    """Between frames."""
    noise: float = 0.012
    """Standard deviation of the noise of strain."""
    shift_mm: float = 2.0
    """Standard deviation of the shift of the whole heart against the other examination, along each axis."""
    tilt_deg: float = 3.0
    """Standard deviation of its rotation about each axis."""
    septum_deg: float = 6.0
    """Standard deviation of the error with which the septum is marked."""

    def __post_init__(self) -> None:
        if not (self.heights and all(0 < one < 1 for one in self.heights)):
            raise ConfigError("heights", "heights within 0 to 1", "others")
        for name, low, high in (
            ("heart_rate_bpm", 30, 200), ("interval_ms", 5, 60), ("noise", 0, 0.2), ("shift_mm", 0, 50),
            ("tilt_deg", 0, 90), ("septum_deg", 0, 90),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ConfigError(name, f"{low} to {high}", f"{getattr(self, name):g}")


def center_at(patient: PhantomPatient, height: float) -> Float[np.ndarray, " xyz"]:
    """The point of the long axis at a height of the LV coordinates, LPS."""
    shape, at = patient.phantom.shape, patient.coordinates
    along = (patient.mesh.nodes_mm - shape.base_center_mm) @ shape.apex_to_base
    near = np.abs(at.apicobasal - height) <= 0.04
    return np.asarray(shape.base_center_mm + float(np.median(along[near])) * shape.apex_to_base)


def scar_share(patient: PhantomPatient, height: float, sectors: int = SECTORS) -> Float[np.ndarray, " sectors"]:
    """Share of the wall near the middle of each sector that is scar."""
    at, scar = patient.coordinates, patient.scar
    nodes = patient.mesh.nodes_mm
    angles = sector_centers(sectors)
    places = np.column_stack([np.full(sectors, height), np.cos(angles), np.sin(angles)])
    known = np.column_stack([at.apicobasal, np.cos(at.rotational), -np.sin(at.rotational)])
    middles = nodes[cKDTree(known).query(places, k=4)[1]].mean(axis=1)
    near = cKDTree(nodes).query_ball_point(middles, _NEAR_MM)
    return np.array([float(scar[one].mean()) if one else 0.0 for one in near])


def slice_curves(
    patient: PhantomPatient, height: float, frame_ms: Float[np.ndarray, " frames"], scan: PatientScan
) -> Float[np.ndarray, "sectors frames"]:
    """Strain without noise of the sectors of a slice, counted from the true septum."""
    random = np.random.default_rng([patient.phantom.parameters["index"], 32])
    shortening, phase = random.uniform(0.13, 0.19), random.uniform(0, 2 * np.pi)
    size = shortening * (1 + 0.1 * np.cos(2 * sector_centers(SECTORS) - phase))
    lost = _LOST * scar_share(patient, height)
    return strain_curves(frame_ms, patient.slice_tos_ms(height), size, lost, scan.heart_rate_bpm)


def patient_strain(
    patient: PhantomPatient, scan: PatientScan | None = None, *, seed: int = 0
) -> tuple[list[StrainSlice], list[SlicePlace]]:
    """Measure the strain of a patient.

    Args:
        patient: The patient.
        scan: How.
        seed: Of noise and motion.

    Returns:
        Slices from apex to base, and where they lie in the frame of the scanner, in which the heart has moved since
        the other examination.
    """
    scan = scan or PatientScan()
    random = np.random.default_rng([patient.phantom.parameters["index"], seed, 33])
    last_ms = 0.8 * 60_000 / scan.heart_rate_bpm
    frame_ms = scan.interval_ms * np.arange(1, int(last_ms / scan.interval_ms) + 1)
    shape = patient.phantom.shape
    moved = Rotation.from_rotvec(np.radians(random.normal(0, scan.tilt_deg, 3)))
    shift, middle = random.normal(0, scan.shift_mm, 3), center_at(patient, 0.5)
    marked = random.normal(0, scan.septum_deg)
    slices, places = [], []
    for height in scan.heights:
        clean = slice_curves(patient, height, frame_ms, scan)
        noisy = clean + scan.noise * _noise(random, clean.shape)
        center = moved.apply(center_at(patient, height) - middle) + middle + shift
        axis = moved.apply(shape.apex_to_base)
        # a septum that is marked further towards anterior: the true one is then some sectors towards inferior
        septum = Rotation.from_rotvec(np.radians(marked) * axis).apply(moved.apply(shape.septum_direction))
        first = round(-marked / 360 * SECTORS)
        location = float(center @ axis)
        true_ms = np.maximum(patient.slice_tos_ms(height), frame_ms[0])
        one = StrainSlice(noisy, frame_ms, location_mm=location, tos_ms=true_ms, source="phantom").turned(first)
        slices.append(one)
        places.append(SlicePlace(LVAxes.of(center, axis, septum), location, _radius_mm(patient, height)))
    return slices, places


def wall_radii(
    patient: PhantomPatient, height: float, angles: Float[np.ndarray, " angles"]
) -> tuple[Float[np.ndarray, " angles"], Float[np.ndarray, " angles"]]:
    """Distance of endocardium and epicardium from the long axis at a height.

    Args:
        patient: The patient.
        height: 0 apex to 1 base.
        angles: In the order of sectors, radians, from the true septum.
    """
    shape = patient.phantom.shape
    center, steps = center_at(patient, height), np.arange(0.25, 60, 0.25)
    anterior = np.cross(shape.apex_to_base, shape.septum_direction)
    towards = np.cos(angles)[:, None] * shape.septum_direction - np.sin(angles)[:, None] * anterior
    points = center + steps[None, :, None] * towards[:, None]
    depth = shape.coordinates(points.reshape(-1, 3)).transmural.reshape(len(angles), -1)
    inner = steps[np.argmax(depth >= 0, axis=1)] - 0.125
    outer = steps[np.argmax(depth >= 1, axis=1)] - 0.125
    return inner, outer


def _radius_mm(patient: PhantomPatient, height: float) -> float:
    inner, outer = wall_radii(patient, height, sector_centers(36))
    return float((inner + outer).mean() / 2)


def _noise(random: np.random.Generator, shape: Sequence[int]) -> Float[np.ndarray, "sectors frames"]:
    """Noise of unit size, half of its square shared by neighbours."""
    own = random.normal(size=shape)
    shared = ndimage.gaussian_filter1d(random.normal(size=shape), shape[0] * 10 / 360, axis=0, mode="wrap")
    return np.asarray((own + shared / shared.std()) / np.sqrt(2))
