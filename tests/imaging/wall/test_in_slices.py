from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cardioscar.imaging.meshing.from_labels import mesh_from_labels
from cardioscar.imaging.slices import SliceStack, stack_from_volume
from cardioscar.imaging.wall.in_slices import aside_mm, turned, wall_near_mesh
from tests.imaging.lv_shells import labelled_shell


@pytest.fixture(scope="module")
def stack() -> SliceStack:
    labels = labelled_shell()
    return stack_from_volume(
        dataclasses.replace(labels, values=np.zeros(labels.values.shape)), observed=labels.values == 1
    )


def test_distance_from_the_drawn_wall_against_all_pixels(stack: SliceStack) -> None:
    rng = np.random.default_rng(0)
    mesh = mesh_from_labels(labelled_shell(), edge_mm=4.0)
    nodes = rng.uniform(mesh.nodes_mm.min(axis=0) - 15, mesh.nodes_mm.max(axis=0) + 15, size=(400, 3))
    found = aside_mm(nodes, stack)
    for node, distance in zip(nodes, found, strict=True):
        offsets = [abs((node - s.affine[:3, 3]) @ s.normal) if s.observed.any() else np.inf for s in stack]
        piece = stack.slices[int(np.argmin(offsets))]
        if min(offsets) > piece.thickness_mm / 2:
            assert np.isnan(distance)
            continue
        flat = node - ((node - piece.affine[:3, 3]) @ piece.normal) * piece.normal
        away = np.linalg.norm(piece.pixel_centers_mm() - flat, axis=1).min()
        # a pixel is a square of 1.4 mm; the distance is from the circle around it
        assert distance == pytest.approx(max(away - 1.4 / np.sqrt(2), 0), abs=1e-6)


def test_the_mesh_lies_where_the_slices_are(stack: SliceStack) -> None:
    mesh = mesh_from_labels(labelled_shell(), edge_mm=3.0)
    assert wall_near_mesh(mesh.nodes_mm, mesh.edge_mm, stack) > 0.97
    assert wall_near_mesh(turned(mesh.nodes_mm), mesh.edge_mm, stack) == 0  # 80 mm away
    assert wall_near_mesh(mesh.nodes_mm + np.array([15, 0, 0]), mesh.edge_mm, stack) < 0.7
    many = np.repeat(mesh.nodes_mm, 20, axis=0)  # of very many nodes some are taken
    assert wall_near_mesh(many, mesh.edge_mm, stack) > 0.97
