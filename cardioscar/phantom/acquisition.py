"""What the scanner sees of a phantom: slices thinner than their spacing, pixels that average the wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.spatial.transform import Rotation

from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.lge_image import in_papillary_muscle, lge_signal, surroundings
from cardioscar.phantom.scar import ScarField
from cardioscar.phantom.shape import LVShape
from cardioscar.types import AffineMatrix, Points

SUPERSAMPLES = (3, 3, 5)
"""Sample points of a pixel's prism along i, along j and through the slice."""
MARGIN_MM = 22.0
"""Distance from the wall to the edge of the image."""


@dataclass(frozen=True)
class Protocol:
    """Where the slices of one examination lie.

    Attributes:
        affine: Voxel index to mm LPS; columns are the step along i, along j, and from slice to slice.
        shape: Number of pixels along i and j, and of slices.
        thickness_mm: Thickness of each slice, at most the distance between slices.
        shifts_mm: In-plane shift of the heart in each slice against its stated place, shape (slices, 2).
        tilt_deg: Angle between the slice normal and the long axis.
    """

    affine: AffineMatrix
    shape: tuple[int, int, int]
    thickness_mm: float
    shifts_mm: np.ndarray
    tilt_deg: float


@dataclass(frozen=True)
class Acquisition:
    """Images of one phantom on one grid.

    Attributes:
        labels: uint8 `Label` of each pixel: wall or blood pool where it covers at least half of the prism,
            scar where scar covers at least half of the wall in the prism.
        scar_fraction: float32 share of the wall in each prism that is scar, 0 to 1; 0 outside the labelled
            wall.
        lge: int16 LGE image.
        protocol: Where the slices lie.
    """

    labels: Volume
    scar_fraction: Volume
    lge: Volume
    protocol: Protocol


def draw_protocol(rng: np.random.Generator, shape: LVShape, config: PhantomConfig) -> Protocol:
    """Draw a short-axis stack that covers the ventricle from apex to base.

    Args:
        rng: Source of the draws.
        shape: The wall.
        config: Ranges of the draws.
    """
    pixel = round(rng.uniform(*config.pixel_mm), 2)
    thickness = round(rng.uniform(*config.thickness_mm), 1)
    spacing = max(round(rng.uniform(*config.spacing_mm), 1), thickness)
    tilt = rng.uniform(*config.tilt_deg)
    towards, turn, phase = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.4), rng.uniform(0.3, 0.7)

    hinge = shape.axes @ np.array([np.cos(towards), np.sin(towards), 0])
    tilted = Rotation.from_rotvec(np.radians(tilt) * hinge).as_matrix() @ shape.axes
    # The radiological view, from the apex: septum left, anterior wall up; slices count from apex to base.
    normal = tilted[:, 2]
    along_i = Rotation.from_rotvec(turn * normal).as_matrix() @ -tilted[:, 0]
    steps = np.column_stack([along_i, np.cross(normal, along_i), normal])

    local = (shape.outline_mm() - shape.base_center_mm) @ steps
    low, high = local.min(axis=0), local.max(axis=0)
    first = low[2] + phase * spacing
    # First and last slice have their middle well within the wall: one that only grazes it shows nothing.
    slices = max(1, int(np.floor((high[2] - first) / spacing - 0.3)) + 1)
    pixels = np.ceil((high[:2] - low[:2] + 2 * MARGIN_MM) / pixel).astype(int)
    corner = (low[:2] + high[:2]) / 2 - (pixels - 1) / 2 * pixel
    affine = np.eye(4)
    affine[:3, :3] = steps * np.array([pixel, pixel, spacing])
    affine[:3, 3] = shape.base_center_mm + steps @ np.array([*corner, first])
    return Protocol(
        affine=affine,
        shape=(int(pixels[0]), int(pixels[1]), slices),
        thickness_mm=thickness,
        shifts_mm=rng.normal(size=(slices, 2)) * config.shift_mm,
        tilt_deg=tilt,
    )


def acquire(
    rng: np.random.Generator, shape: LVShape, scar: ScarField, protocol: Protocol, config: PhantomConfig
) -> Acquisition:
    """Average the truth over every pixel's prism, and make the images that a reader would have.

    Args:
        rng: Source of the noise.
        shape: The wall.
        scar: The true scar.
        protocol: Where the slices lie.
        config: Noise levels.
    """
    wall, cavity, scarred, dark, remainder = _shares(shape, scar, protocol)
    fraction = np.divide(scarred, wall, out=np.zeros_like(wall), where=wall > 0)
    read = _misread(rng, fraction, wall, config.label_noise) if config.label_noise else fraction

    labels = np.full(protocol.shape, Label.BACKGROUND, dtype=np.uint8)
    labels[cavity >= 0.5] = Label.BLOOD_POOL
    labels[wall >= 0.5] = Label.MYOCARDIUM
    labels[(wall >= 0.5) & (read >= 0.5)] = Label.SCAR
    read = np.where(wall >= 0.5, read, 0)

    image = lge_signal(rng, wall - scarred + dark, scarred, cavity - dark, remainder, snr=config.snr)
    thickness = protocol.thickness_mm
    return Acquisition(
        labels=Volume(labels, protocol.affine, "labels.nii.gz", thickness),
        scar_fraction=Volume(read.astype(np.float32), protocol.affine, "scar.nii.gz", thickness),
        lge=Volume(image, protocol.affine, "lge.nii.gz", thickness),
        protocol=protocol,
    )


def _shares(shape: LVShape, scar: ScarField, protocol: Protocol) -> tuple[np.ndarray, ...]:
    """Share of wall, cavity, scar and papillary muscle in every prism, and the signal that all else adds.

    One column of samples through each pixel tells which pixels may hold wall; only those are sampled in full.
    """
    through = _centered(SUPERSAMPLES[2])
    pixels = np.indices(protocol.shape).reshape(3, -1)
    wall, cavity, dark, other, signal = (np.zeros(pixels.shape[1]) for _ in range(5))
    for t in through:
        at = shape.coordinates(_sample_mm(protocol, pixels, (0.0, 0.0, t)))
        wall += at.in_wall
        cavity += at.in_cavity
        dark += in_papillary_muscle(shape, at)
        rest = ~(at.in_wall | at.in_cavity)
        other += rest
        signal[rest] += surroundings(shape, at.where(rest))
    signal = np.divide(signal, other, out=np.zeros_like(signal), where=other > 0)

    pure = np.maximum(cavity, other) == len(through)
    mixed = binary_dilation(~pure.reshape(protocol.shape), structure=np.ones((3, 3, 1), dtype=bool))
    full = np.flatnonzero(mixed)
    wall, cavity, dark = wall / len(through), cavity / len(through), dark / len(through)
    scarred = np.zeros_like(wall)
    counts = np.zeros((3, len(full)))
    for i in _centered(SUPERSAMPLES[0]):
        for j in _centered(SUPERSAMPLES[1]):
            for t in through:
                at = shape.coordinates(_sample_mm(protocol, pixels[:, full], (i, j, t)))
                counts[0] += at.in_wall
                counts[1] += at.in_cavity
                counts[2] += scar.evaluate(at)[0]
    wall[full], cavity[full], scarred[full] = counts / np.prod(SUPERSAMPLES)
    remainder = np.clip(1 - wall - cavity, 0, None) * signal
    dark = np.minimum(dark, cavity)
    return tuple(a.reshape(protocol.shape) for a in (wall, cavity, scarred, dark, remainder))


def _centered(n: int) -> np.ndarray:
    """Middles of n equal parts of [-0.5, 0.5]."""
    return (np.arange(n) + 0.5) / n - 0.5


def _sample_mm(protocol: Protocol, pixels: np.ndarray, offset: tuple[float, float, float]) -> Points:
    """Position of one sample of each prism: `offset` in pixels along i and j, in thicknesses through."""
    spacing = np.linalg.norm(protocol.affine[:3, :3], axis=0)
    shift = (protocol.shifts_mm / spacing[:2])[pixels[2]].T
    index = pixels + np.array([*offset[:2], offset[2] * protocol.thickness_mm / spacing[2]])[:, None]
    index[:2] -= shift
    return index.T @ protocol.affine[:3, :3].T + protocol.affine[:3, 3]


def _misread(rng: np.random.Generator, fraction: np.ndarray, wall: np.ndarray, level: float) -> np.ndarray:
    """A reader's scar fraction: contours are drawn, not dotted, so errors are smooth, and lie near scar."""
    error = gaussian_filter(rng.standard_normal(fraction.shape), (1.5, 1.5, 0))
    error *= level * 2 * np.sqrt(np.pi) * 1.5
    near = binary_dilation(fraction > 0, structure=np.ones((3, 3, 1), dtype=bool)) & (wall > 0)
    return np.where(near, np.clip(fraction + error, 0, 1), fraction)
