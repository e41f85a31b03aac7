"""The VTK grid layers of the original method: one file per slice, a cell for each observed pixel.

A layer states no affine. Its lattice (origin, pixel steps, normal) is recovered from the corners of its
cells, so that oblique layers come out as exactly the oblique slices that they are.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError, PlatformError, counted
from cardioscar.imaging.affine import check_affine
from cardioscar.imaging.formats.vtk_files import read_vtk, write_vtk
from cardioscar.imaging.slices import Slice, SliceStack

if TYPE_CHECKING:
    import pyvista as pv

SCALAR_ARRAY = "ScalarValue"
"""Cell array of the original method: scar probability, 0 to 1."""

# Corner indices of the ends of the edges that leave corner 0: VTK pixel, quad, voxel, hexahedron
_EDGES = {8: (1, 2), 9: (1, 3), 11: (1, 2, 4), 12: (1, 3, 4)}
MAX_SIDE = 4096
"""Cells along a side of the largest layer that is read."""
_FARTHEST = 1e6  # cells from the first one: beyond it a number is none of the lattice's
_TOLERANCE = 0.1  # of a pixel: how far a corner may lie from its lattice place


def read_grid_layers(
    folder: Path,
    *,
    thickness_mm: float | None = None,
    array: str = SCALAR_ARRAY,
    frame: str | None = None,
) -> SliceStack:
    """Read a folder of grid layers.

    The slices are ordered by the number in the file name (the one after `layer`, else the last) and numbered
    from 0. The slab thickness of a layer is that of its hexahedra where they are thick (at least a pixel),
    else `thickness_mm`, else the median distance between neighbouring layers.

    Args:
        folder: Folder of legacy `.vtk` files, one for each slice, of quads or hexahedra on a regular lattice.
        thickness_mm: Slab thickness of layers that are flat.
        array: Name of the cell array.
        frame: Frame of the coordinates, `LPS` or `RAS`; None takes the one that each file states, else LPS.

    Returns:
        Slices observed where a cell exists (and its value is finite), NaN elsewhere.

    Raises:
        InputError: If there are no layers, numbers repeat or are missing, or the array is missing or leaves 0
            to 1.
        GeometryError: If cells are no quads or hexahedra, or not on one regular lattice, or no thickness is
            known.
    """
    if not folder.is_dir():
        raise InputError(folder.name, "a folder of grid layers", "none of that name")
    if thickness_mm is not None and (not np.isfinite(thickness_mm) or thickness_mm <= 0):
        raise GeometryError(folder.name, "a positive slice thickness", f"{thickness_mm:g} mm")
    paths = _ordered(folder)
    layers = [_read_layer(path, array, frame, number) for number, path in enumerate(paths)]
    flat = [layer.thickness_mm < layer.pixel_mm.min() for layer in layers]
    if any(flat) and thickness_mm is None:
        thickness_mm = _neighbour_distance(layers, folder.name)
    slices = []
    for layer, is_flat in zip(layers, flat, strict=True):
        affine = layer.affine.copy()
        if is_flat:
            assert thickness_mm is not None
            affine[:3, 2] = layer.normal * thickness_mm
        check_affine(affine, where=paths[layer.number].name)
        slices.append(Slice(layer.values, layer.observed, affine, layer.number))
    return SliceStack(tuple(slices), folder.name)


def write_grid_layers(folder: Path, stack: SliceStack, *, thick: bool = False) -> None:
    """Write each slice as `grid_layer_<number>.vtk`, a cell for each observed pixel.

    Args:
        folder: Made if it does not exist.
        stack: Slices with at least one observed pixel each.
        thick: Hexahedra through the slab rather than quads in its mid-plane.

    Raises:
        InputError: If a slice has no observed pixel: a layer without cells has no lattice.
        PlatformError: If a file cannot be written.
    """
    import pyvista as pv

    corners = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    if thick:
        half = np.array([0, 0, 0.5])
        corners = np.vstack([corners - half, corners + half])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlatformError(f"{folder.name}: could not be made ({error.strerror})") from None
    for one in stack:
        pixels = np.argwhere(one.observed)
        if not len(pixels):
            raise InputError(stack.source, "observed pixels in each slice", f"none in slice {one.number}")
        places = np.column_stack([pixels, np.zeros(len(pixels))])[:, None, :] + corners
        shared, cells = np.unique(places.reshape(-1, 3), axis=0, return_inverse=True)
        points = shared @ one.affine[:3, :3].T + one.affine[:3, 3]
        cells = np.insert(cells.reshape(-1, len(corners)), 0, len(corners), axis=1)
        grid = pv.UnstructuredGrid(cells.ravel(), np.full(len(pixels), 12 if thick else 9, dtype=np.uint8), points)
        grid.cell_data[SCALAR_ARRAY] = np.asarray(one.values[one.observed], dtype=np.float64)
        write_vtk(folder / f"grid_layer_{one.number}.vtk", grid)


def _ordered(folder: Path) -> list[Path]:
    numbered: dict[int, Path] = {}
    for path in sorted(folder.glob("*.vtk")):
        if path.name.startswith("."):
            continue
        found = re.search(r"layer[_-]?(\d+)", path.stem, re.IGNORECASE)
        digits = found[1] if found else (re.findall(r"\d+", path.stem) or [None])[-1]
        if digits is None:
            raise InputError(path.name, "a slice number in the file name", "none")
        if int(digits) in numbered:
            raise InputError(path.name, "one layer for each slice number", f"a second layer {int(digits)}")
        numbered[int(digits)] = path
    if not numbered:
        raise InputError(folder.name, "grid layers (.vtk files)", "none")
    return [numbered[n] for n in sorted(numbered)]


def _read_layer(path: Path, array: str, frame: str | None, number: int) -> Slice:
    grid = read_vtk(path, frame=frame).cast_to_unstructured_grid()
    if array not in grid.cell_data:
        # not by name: what a sender calls an array may be a person's name
        found = counted(len(grid.cell_data), "cell array of another name", "cell arrays of other names")
        near = get_close_matches(array.lower(), [name[:100].lower() for name in grid.cell_data.keys()], n=1)  # noqa: SIM118
        raise InputError(path.name, f"a cell array '{array}'", found + (" (one of almost this name)" if near else ""))
    values = np.asarray(grid.cell_data[array], dtype=np.float32)
    if values.ndim != 1:
        raise InputError(path.name, f"one number a cell in '{array}'", f"{values.shape[1]}")
    outside = int(((values < -1e-6) | (values > 1 + 1e-6)).sum())
    if outside:
        raise InputError(path.name, "probabilities from 0 to 1", f"{outside} cells outside")
    values = np.clip(values, 0, 1)  # what rounding left outside
    affine, index = _lattice(grid, path.name)
    shape = tuple(index.max(axis=0) + 1)
    if max(shape) > MAX_SIDE:  # two cells far apart would be an image of any size
        raise GeometryError(path.name, f"layers of at most {MAX_SIDE} cells a side", "a larger one")
    if len(np.unique(index, axis=0)) < len(index):
        raise GeometryError(path.name, "one cell at each lattice place", "several")
    image = np.full(shape, np.nan, dtype=np.float32)
    image[index[:, 0], index[:, 1]] = values
    return Slice(image, np.isfinite(image), affine, number)


def _lattice(grid: pv.UnstructuredGrid, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Affine of a layer, its third column tiny where the layer is flat, and cell indices (cells, 2)."""
    types = np.unique(grid.celltypes)
    if len(types) != 1 or int(types[0]) not in _EDGES:
        raise GeometryError(where, "cells that are all quads or all hexahedra", f"VTK cell types {types.tolist()}")
    ends = _EDGES[int(types[0])]
    n_corners = 2 ** len(ends)
    corners = np.asarray(grid.points, dtype=np.float64)[np.asarray(grid.cell_connectivity).reshape(-1, n_corners)]
    if not np.isfinite(corners).all():
        raise GeometryError(where, "finite node coordinates", "non-finite ones")
    axes = _mean_axes(corners, ends, where)
    center = corners.mean(axis=1)
    origin = center[0]
    for _ in range(2):  # the second pass, with fitted axes, is exact also far from the first cell
        index = np.rint((center - origin) @ np.linalg.pinv(axes).T)
        place = np.rint((corners - center[:, None]) @ np.linalg.pinv(axes).T + 0.5) - 0.5 + index[:, None]
        design = np.column_stack([place.reshape(-1, len(ends)), np.ones(corners.shape[0] * n_corners)])
        fitted, *_ = np.linalg.lstsq(design, corners.reshape(-1, 3), rcond=None)
        axes, origin = fitted[:-1].T, fitted[-1]
    stray = np.linalg.norm(design @ fitted - corners.reshape(-1, 3), axis=1).max()
    lengths = np.linalg.norm(axes, axis=0)
    if stray > _TOLERANCE * np.sort(lengths)[-2] or lengths.min() == 0:
        raise GeometryError(where, "cells on one regular lattice", f"a corner {stray:.3g} mm off")
    if not (np.abs(index) <= _FARTHEST).all():
        raise GeometryError(where, "cells on one regular lattice", "cells very far apart")
    return _in_plane(axes, origin, index.astype(int), where)


def _mean_axes(corners: np.ndarray, ends: tuple[int, ...], where: str) -> np.ndarray:
    """Edge vectors of a cell, averaged over all cells whatever their corner order, shape (3, edges)."""
    edges = corners[:, ends, :] - corners[:, :1, :]
    first = edges[0]
    lengths = np.linalg.norm(first, axis=1)
    if lengths.min() < 1e-9 or np.linalg.matrix_rank(first / lengths[:, None], tol=1e-3) < len(ends):
        raise GeometryError(where, "cells with an area", "a degenerate one")
    cosine = np.einsum("cex,ax->cea", edges, first / lengths[:, None])
    cosine /= np.linalg.norm(edges, axis=2, keepdims=True) + 1e-30
    nearest = np.abs(cosine).argmax(axis=2)
    sign = np.sign(np.take_along_axis(cosine, nearest[..., None], axis=2))
    mean = np.zeros((len(ends), 3))
    np.add.at(mean, nearest, edges * sign)
    share = np.bincount(nearest.ravel(), minlength=len(ends))
    if share.min() != share.max():
        raise GeometryError(where, "cells on one regular lattice", "cells of different orientation")
    return (mean / share[:, None]).T


def _in_plane(axes: np.ndarray, origin: np.ndarray, index: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    thickness = 0.0
    if axes.shape[1] == 3:
        single = np.flatnonzero(np.ptp(index, axis=0) == 0)
        if not len(single):
            raise GeometryError(where, "a layer one cell thick", f"{index.max(0) - index.min(0) + 1} cells")
        through = int(single[-1])
        thickness = float(np.linalg.norm(axes[:, through]))
        origin = origin + axes[:, through] * index[0, through]
        axes, index = np.delete(axes, through, axis=1), np.delete(index, through, axis=1)
    # Equal layers get equal axes, whichever corner their first cell starts with.
    for a in range(2):
        if axes[np.abs(axes[:, a]).argmax(), a] < 0:
            axes[:, a] *= -1
            index[:, a] *= -1
    lowest = index.min(axis=0)
    affine = np.eye(4)
    affine[:3, :2] = axes
    normal = np.cross(axes[:, 0], axes[:, 1])
    affine[:3, 2] = normal / np.linalg.norm(normal) * max(thickness, 1e-6)
    affine[:3, 3] = origin + axes @ lowest
    return affine, index - lowest


def _neighbour_distance(layers: list[Slice], where: str) -> float:
    if len(layers) < 2:
        raise GeometryError(where, "a slice thickness for a single flat layer", "none")
    distance = [abs((b.affine[:3, 3] - a.affine[:3, 3]) @ a.normal) for a, b in pairwise(layers)]
    median = float(np.median(distance))
    if median < 1e-3:
        raise GeometryError(where, "layers apart from one another, or a slice thickness", f"{median:g} mm apart")
    return median
