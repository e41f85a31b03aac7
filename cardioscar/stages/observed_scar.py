"""From a subject's files to what each pixel says about scar, and which pixels are wall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.checks import check_image, check_probability, check_stack
from cardioscar.imaging.grid_layers import read_grid_layers
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.slices import SliceStack, slice_axis, stack_from_volume
from cardioscar.imaging.thresholds import threshold_scar
from cardioscar.imaging.volume import Volume
from cardioscar.imaging.volume_files import read_volume

Target = Literal["auto", "probability", "labels", "fwhm", "nsd", "layers"]


@dataclass(frozen=True)
class ScarSource:
    """Where the scar fraction of a pixel comes from.

    Attributes:
        rule: The rule that was taken: `probability`, `labels`, `fwhm`, `nsd` or `layers`.
        stack: Scar fraction of each pixel, observed inside the wall.
        lge: The LGE image for thresholds and pictures, where there is one.
        wall: Wall on the grid of `lge`, where both are known.
    """

    rule: str
    stack: SliceStack
    lge: Volume | None = None
    wall: np.ndarray | None = None

    def visible(self, hidden: set[int], *, n_sd: float) -> SliceStack:
        """The slices that the fit may see; thresholds are taken from these alone, so that nothing hidden leaks in."""
        kept = {s.number for s in self.stack} - hidden
        if self.rule in ("fwhm", "nsd") and hidden and self.lge is not None and self.wall is not None:
            shown = self.wall & _of_slices(self.lge, kept)
            fresh = _thresholded(self.lge, shown, self.rule, n_sd, self.stack.slices[0].thickness_mm)
            values = {s.number: s.values for s in fresh}
            # frames of their own stay: slices may have been aligned
            slices = tuple(replace(s, values=values[s.number]) for s in self.stack.only(kept))
            return replace(self.stack, slices=slices)
        return self.stack.only(kept)


def find_scar(
    files: Mapping[str, Path],
    labels: Volume | None,
    mesh: LVMesh,
    *,
    target: Target,
    n_sd: float,
    thickness_mm: float | None,
    mesh_frame: str,
) -> ScarSource:
    """Read what the pixels say about scar.

    `auto` takes VTK grid layers, else a probability volume, else the labels' scar, else the FWHM rule on the LGE image.

    Args:
        files: The subject's files by role.
        labels: Label volume, if there is one; it gives the wall.
        mesh: LV mesh; without labels the wall is the pixels whose centre it holds.
        target: Which source to take.
        n_sd: Standard deviations of the n-SD rule.
        thickness_mm: Slab thickness; None takes the file's.
        mesh_frame: Frame of grid layers, `LPS` or `RAS`.

    Returns:
        The source, with all slices.

    Raises:
        InputError: If the file that the target needs is missing or breaks a rule.
    """
    rule = _rule(files, target)
    if rule == "layers":
        return ScarSource(rule, read_grid_layers(files["scar"], thickness_mm=thickness_mm, frame=mesh_frame))
    lge = _read(files["lge"], check_image) if "lge" in files else None
    if rule == "labels":
        if labels is None:
            raise InputError("labels", "a label volume for target 'labels'", "none")
        fraction = replace(labels, values=(labels.values == Label.SCAR).astype(np.float32))
        stack = stack_from_volume(fraction, observed=wall_mask(labels), thickness_mm=thickness_mm)
        return ScarSource(rule, stack, lge if lge is not None and _same_grid(lge, labels) else None)
    if rule == "probability":
        volume = _read(files["scar"], check_probability)
        volume = replace(volume, values=np.clip(volume.values, 0, 1))  # what rounding left outside
        wall = _wall_on(volume, labels, mesh)
        stack = stack_from_volume(volume, observed=wall, thickness_mm=thickness_mm)
        return ScarSource(rule, stack, lge if lge is not None and _same_grid(lge, volume) else None)
    if lge is None:
        raise InputError("lge", f"an LGE image for target '{rule}'", "none")
    wall = _wall_on(lge, labels, mesh)
    return ScarSource(rule, _thresholded(lge, wall, rule, n_sd, thickness_mm), lge, wall)


def wall_mask(labels: Volume) -> np.ndarray:
    """Myocardium and scar of a label volume, boolean, its shape."""
    return np.isin(labels.values, WALL)


def check_wall(labels: Volume) -> None:
    """Refuse a label volume without wall.

    Raises:
        InputError: With the labels that there are.
    """
    if not wall_mask(labels).any():
        present = ", ".join(Label(value).name.lower().replace("_", " ") for value in np.unique(labels.values))
        raise InputError(labels.source, "pixels of the wall (myocardium or scar)", f"{present} only")


def _read(path: Path, check: Callable[[Volume], None]) -> Volume:
    volume = read_volume(path)
    check(volume)
    # over whole images: seen through walls that differ, a repeated slice looks like two
    check_stack(stack_from_volume(volume))
    return volume


def _rule(files: Mapping[str, Path], target: Target) -> str:
    layers = "scar" in files and files["scar"].is_dir()
    if target == "auto":
        if "scar" in files:
            return "layers" if layers else "probability"
        return "labels" if "labels" in files else "fwhm"
    needed = {"probability": "scar", "layers": "scar", "labels": "labels", "fwhm": "lge", "nsd": "lge"}[target]
    if needed not in files or ((target == "layers") != layers and needed == "scar"):
        kind = "a folder scar/ of VTK grid layers" if target == "layers" else f"a file {needed}.*"
        raise InputError(needed, f"{kind} for target '{target}'", ", ".join(sorted(files)))
    return target


def _thresholded(lge: Volume, wall: np.ndarray, rule: str, n_sd: float, thickness_mm: float | None) -> SliceStack:
    scar = threshold_scar(lge, wall, rule="fwhm" if rule == "fwhm" else "nsd", n_sd=n_sd)
    return stack_from_volume(replace(lge, values=scar.astype(np.float32)), observed=wall, thickness_mm=thickness_mm)


def _of_slices(volume: Volume, numbers: set[int]) -> np.ndarray:
    axis = slice_axis(volume)
    shown = np.isin(np.arange(volume.values.shape[axis]), list(numbers))
    return np.expand_dims(shown, [a for a in range(3) if a != axis])


def _wall_on(volume: Volume, labels: Volume | None, mesh: LVMesh) -> np.ndarray:
    if labels is None:
        return _inside(volume, mesh)
    if not _same_grid(volume, labels):
        raise GeometryError(
            volume.source, f"the grid of {labels.source}", f"shape {volume.values.shape} against {labels.values.shape}"
            if volume.values.shape != labels.values.shape else "another affine",
        )  # fmt: skip
    return wall_mask(labels)


def _same_grid(a: Volume, b: Volume) -> bool:
    # a hundredth of a voxel: what float32 headers lose
    return a.values.shape == b.values.shape and np.allclose(a.affine, b.affine, atol=0.01 * a.spacing_mm.min())


def _inside(volume: Volume, mesh: LVMesh) -> np.ndarray:
    """Voxels whose centre lies in a cell of the mesh."""
    low, high = mesh.nodes_mm.min(axis=0), mesh.nodes_mm.max(axis=0)
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    index = volume.mm_to_index(corners)
    first = np.clip(np.floor(index.min(axis=0)).astype(int), 0, volume.values.shape)
    last = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, 0, volume.values.shape)
    wall = np.zeros(volume.values.shape, dtype=bool)
    box = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(first, last, strict=True)), indexing="ij"), axis=-1)
    voxels = box.reshape(-1, 3)
    if len(voxels):
        found = mesh.grid.find_containing_cell(volume.index_to_mm(voxels))
        wall[tuple(voxels[np.asarray(found).reshape(-1) >= 0].T)] = True
    if not wall.any():
        index = volume.mm_to_index(mesh.nodes_mm)
        beyond = index - np.clip(index, -0.5, np.array(volume.values.shape) - 0.5)
        apart_mm = np.linalg.norm(beyond * volume.spacing_mm, axis=1).min()
        finding = f"no pixel inside it: the nearest node lies {apart_mm:.1f} mm outside the image"
        raise GeometryError(volume.source, f"slices that cross {mesh.source}", finding)
    return wall
