"""A map that is a formula, on a wall that is one, and a series of images that cuts it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvista as pv

from cardioscar.imaging.formats.volume_files import read_volume
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.volume import Volume
from tests.imaging.formats.image_bytes import dicom

INNER, OUTER = 20.0, 30.0
OBLIQUE = np.linalg.qr(np.array([[1.0, 0.2, 0.1], [-0.1, 1.0, 0.3], [0.0, -0.2, 1.0]]))[0]
OBLIQUE = OBLIQUE * np.sign(np.linalg.det(OBLIQUE))
PIXEL, STEP, SHAPE = 1.6, 8.0, (50, 46, 5)


def probability(points: np.ndarray) -> np.ndarray:
    """Linear in space, so that a mesh holds it exactly, and 0 to 1 over the wall."""
    return 0.5 + points @ np.array([0.008, -0.004, 0.002])


def tube() -> LVMesh:
    """A tube about z, with LV coordinates that are linear in the radius of its corners and in z."""
    grid = pv.CylinderStructured(
        radius=np.linspace(INNER, OUTER, 7), height=60.0, theta_resolution=90, z_resolution=31, direction=(0, 0, 1)
    )
    grid = grid.cast_to_unstructured_grid().clean().triangulate()
    nodes = np.asarray(grid.points, dtype=float)
    radius = np.hypot(nodes[:, 0], nodes[:, 1])
    data = {
        "apicobasal": nodes[:, 2] / 60 + 0.5,
        "transmural": np.clip((radius - INNER) / (OUTER - INNER), 0, 1),
        "rotational": np.arctan2(nodes[:, 1], nodes[:, 0]),
        "scar_probability": probability(nodes),
        "scar_uncertainty": 0.1 + 0.001 * nodes[:, 0],
        "scar_binary": (probability(nodes) >= 0.5).astype(np.uint8),
    }
    grid.clear_data()
    for name, values in data.items():
        grid.point_data[name] = values if name == "scar_binary" else values.astype(np.float32)
    return LVMesh(grid, "scar.vtu")


def series(folder: Path, *, thickness_mm: float = 8.0, patient: str = "P-001") -> Path:
    """DICOM images across the tube, oblique, their files in another order than their places."""
    folder.mkdir(parents=True)
    size = np.array([PIXEL, PIXEL, STEP])
    origin = -OBLIQUE @ (size * (np.array(SHAPE) - 1) / 2)
    for k in range(SHAPE[2]):
        content = dicom(
            np.full(SHAPE[:2], 100 + k),
            position=tuple(origin + k * STEP * OBLIQUE[:, 2]),
            orientation=(*OBLIQUE[:, 0], *OBLIQUE[:, 1]),
            pixel_mm=(PIXEL, PIXEL),
            thickness_mm=thickness_mm,
            frame="1.2.9.1",
            patient=patient,
            more={(8, 0x18): ("UI", f"1.2.3.5.{k + 1}"), (0x20, 0x0D): ("UI", "1.2.9.2")},
        )
        (folder / f"im{(3 * k) % SHAPE[2]}.dcm").write_bytes(content)
    return folder


def image_of(folder: Path) -> Volume:
    return read_volume(folder)


def pixel_centres(image: Volume) -> np.ndarray:
    """Place of every pixel in mm, shape (i, j, k, 3)."""
    shape = image.values.shape
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    return image.index_to_mm(index).reshape(*shape, 3)
