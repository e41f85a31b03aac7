"""One synthetic ventricle, and a mesh-like cloud of nodes in the wall of another with known coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.observation.problem import Problem, build_problem
from cardioscar.scar3d.wall_prior.ventricle import Ventricle, WallBox, draw_ventricle, wall_box


@pytest.fixture(scope="session")
def ventricle() -> Ventricle:
    return draw_ventricle(np.random.default_rng(4))


@pytest.fixture(scope="session")
def box(ventricle: Ventricle) -> WallBox:
    return wall_box(ventricle)


@dataclass(frozen=True)
class Subject:
    """Nodes, coordinates and a problem whose scar fills the upper third of the wall on one side."""

    nodes_mm: np.ndarray
    coordinates: np.ndarray
    problem: Problem


@pytest.fixture(scope="session")
def subject(ventricle: Ventricle) -> Subject:
    rng = np.random.default_rng(5)
    coordinates = np.column_stack([rng.random(6000), rng.uniform(-np.pi, np.pi, 6000), rng.random(6000)])
    nodes = ventricle.place(coordinates)
    stack = axial_stack(ventricle, lambda at: (np.abs(at[:, 1]) < 1.0) & (at[:, 0] > 0.4))
    problem = build_problem(nodes, stack, wall_ml=120.0, coordinates=coordinates)
    return Subject(nodes, coordinates, problem)


def axial_stack(ventricle: Ventricle, is_scar, *, pixel_mm: float = 1.5, spacing_mm: float = 9.0) -> SliceStack:  # type: ignore[no-untyped-def]
    """Axial slices through a ventricle, 6 mm thick; a pixel is scar where its middle is."""
    low = -ventricle.depth_mm[1]
    slices = []
    for number in range(int(-low * (1 - np.cos(ventricle.last)) / spacing_mm)):
        affine = np.diag([pixel_mm, pixel_mm, 6.0, 1.0])
        affine[:3, 3] = [-60.0, -60.0, low + 8.0 + number * spacing_mm]
        i, j = np.indices((80, 80)).reshape(2, -1)
        at = ventricle.coordinates(np.column_stack([i, j, np.zeros_like(i)]) @ affine[:3, :3].T + affine[:3, 3])
        wall = (at[:, 2] >= 0) & (at[:, 2] <= 1) & (at[:, 0] <= 1)
        slices.append(Slice((wall & is_scar(at)).astype(float).reshape(80, 80), wall.reshape(80, 80), affine, number))
    return SliceStack(tuple(slices), "lge.nii.gz")
