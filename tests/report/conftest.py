"""An LV with a known scar: an open ellipsoid shell, its base up, the scar on the septal side."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cardioscar.imaging.lvmesh import LVMesh


def ellipsoid_shell(across: int = 5, around: int = 60, along: int = 36) -> LVMesh:
    """Hexahedra between two half ellipsoids; the long axis is z, the base at the top."""
    import pyvista as pv

    wall, angle, polar = np.meshgrid(
        np.linspace(0, 1, across),
        np.linspace(0, 2 * np.pi, around + 1),
        np.linspace(0.03, 0.62 * np.pi, along),
        indexing="ij",
    )
    radius, height = 22 + 10 * wall, 52 + 9 * wall
    points = [radius * np.sin(polar) * np.cos(angle), radius * np.sin(polar) * np.sin(angle), -height * np.cos(polar)]
    grid = pv.StructuredGrid(*points).cast_to_unstructured_grid().clean(tolerance=1e-6)
    return LVMesh(grid, "shell.vtu")


def septal_scar(nodes_mm: np.ndarray) -> np.ndarray:
    """Probability of a smooth scar patch about the middle of the wall at -x, stronger near the endocardium."""
    angle = np.arctan2(nodes_mm[:, 1], -nodes_mm[:, 0])
    radius = np.hypot(nodes_mm[:, 0] / 27, nodes_mm[:, 1] / 27)
    distance = (angle / 0.75) ** 2 + ((nodes_mm[:, 2] + 12) / 20) ** 2 + 1.2 * (radius - 0.85)
    return 1 / (1 + np.exp(6 * (distance - 1)))


@pytest.fixture(scope="session")
def shell() -> LVMesh:
    return ellipsoid_shell()


@pytest.fixture(scope="session")
def scar(shell: LVMesh) -> np.ndarray:
    return septal_scar(shell.nodes_mm)


@pytest.fixture(scope="session")
def pixels():
    """Decoder of a figure or of PNG bytes: RGB array of shape (rows, columns, 3)."""

    def decode(source) -> np.ndarray:
        from cardioscar.report.style import png_bytes

        data = source if isinstance(source, bytes) else png_bytes(source)
        with Image.open(BytesIO(data)) as image:
            image.verify()
        with Image.open(BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))

    return decode


@pytest.fixture(scope="session")
def share_near():
    """Share of the pixels of an image within 12 steps of a colour, in each channel."""
    from matplotlib.colors import to_rgb

    def share(image: np.ndarray, colour) -> float:
        wanted = np.round(255 * np.asarray(to_rgb(colour))).astype(int)
        return float((np.abs(image.astype(int) - wanted).max(axis=-1) <= 12).mean())

    return share
