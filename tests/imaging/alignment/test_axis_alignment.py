"""Slices against a smooth axis: shifts are told from bends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cardioscar.imaging.alignment.axis_alignment import LEAST_SLICES, shifts_to_axis
from cardioscar.imaging.labels import WALL
from cardioscar.imaging.meshing.from_labels import mesh_from_labels
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom


def rings(centers_mm: np.ndarray, *, spacing_mm: float = 8.0) -> SliceStack:
    """A ring of wall in each slice, around the given centre."""
    i, j = np.indices((90, 90))
    slices = []
    for number, (x, y) in enumerate(centers_mm):
        affine = np.diag([1.25, 1.25, 6.0, 1.0])
        affine[2, 3] = spacing_mm * number
        radius = np.hypot(i * 1.25 - 56 - x, j * 1.25 - 56 - y)
        slices.append(Slice(np.zeros(i.shape), (radius < 32) & (radius > 22), affine, number))
    return SliceStack(tuple(slices), "rings")


def bow(count: int, height_mm: float) -> np.ndarray:
    u = np.linspace(0, 1, count)
    return np.column_stack([height_mm * 4 * u * (1 - u), 10 * u])


@pytest.mark.parametrize("height_mm", [0.0, 4.0, 9.0])
def test_a_bent_axis_is_not_taken_for_shifts(height_mm: float) -> None:
    rows = shifts_to_axis(rings(bow(11, height_mm)))
    assert len(rows) == 11
    assert not any(row.applied for row in rows)


@pytest.mark.parametrize("height_mm", [0.0, 4.0])
def test_shifts_between_neighbours_are_found_on_top_of_a_bend(height_mm: float) -> None:
    true = np.random.default_rng(3).normal(size=(11, 2)) * 2
    rows = shifts_to_axis(rings(bow(11, height_mm) + true))
    assert all(row.applied for row in rows)
    steps = np.diff([row.shift_mm for row in rows], axis=0) - np.diff(true, axis=0)
    assert np.sqrt((steps**2).mean()) < 0.35 * np.sqrt((np.diff(true, axis=0) ** 2).mean())


def test_a_slice_far_off_the_axis_is_left_in_place() -> None:
    true = np.random.default_rng(3).normal(size=(11, 2))
    true[5] = [14, 0]
    found = shifts_to_axis(rings(true))
    assert found[5].finding == "too far"


def test_few_slices_tell_nothing() -> None:
    true = np.random.default_rng(3).normal(size=(LEAST_SLICES - 1, 2)) * 3
    assert shifts_to_axis(rings(true)) == []


def test_a_mesh_from_labels_is_built_without_the_shifts() -> None:
    config = PhantomConfig(nodes=1_500, seed=11, pixel_mm=(1.5, 1.5))
    still, moving = make_phantom(config), make_phantom(replace(config, shift_mm=3.0))
    true = dict(enumerate(np.array(moving.parameters["shifts_mm"])))

    def missed(shifts_mm: dict[int, np.ndarray] | None) -> float:
        """Share of the true wall's pixels outside a mesh built from the shifted labels."""
        mesh = mesh_from_labels(moving.images.labels, edge_mm=4.0, shifts_mm=shifts_mm)
        wall = np.argwhere(np.isin(still.images.labels.values, WALL))
        inside = mesh.grid.find_containing_cell(still.images.labels.index_to_mm(wall)) >= 0
        return float(1 - inside.mean())

    assert missed(true) < 0.15
    assert missed(None) > 2 * missed(true)
