"""From a subject's files to what each pixel says about scar, and which pixels are wall."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.checks import check_image, check_probability, check_stack
from cardioscar.imaging.formats.grid_layers import read_grid_layers
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.formats.volume_files import read_volume
from cardioscar.imaging.labels import Label
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.orientation import canonical, canonical_stack
from cardioscar.imaging.regrid import onto_grid, resampled_image, same_grid
from cardioscar.imaging.slices import SliceStack, slice_axis, slice_numbers, stack_from_volume
from cardioscar.imaging.thresholds import threshold_scar
from cardioscar.imaging.volume import Volume
from cardioscar.imaging.wall.in_slices import turned
from cardioscar.scar3d.observation.drawn_labels import wall_mask

log = logging.getLogger(__name__)

Target = Literal["auto", "probability", "labels", "fwhm", "nsd", "layers"]


@dataclass(frozen=True)
class ScarSource:
    """Where the scar fraction of a pixel comes from.

    Attributes:
        rule: The rule that was taken: `probability`, `labels`, `fwhm`, `nsd` or `layers`.
        stack: Scar fraction of each pixel, observed inside the wall.
        lge: The LGE image for thresholds and pictures, on the grid of the slices, where there is one.
        wall: Wall on the grid of `lge`, where the rule asks the image.
        labels: The labels on the grid of the slices, where there are both.
    """

    rule: str
    stack: SliceStack
    lge: Volume | None = None
    wall: np.ndarray | None = None
    labels: Volume | None = None

    @property
    def shows_scar(self) -> bool:
        """Whether any pixel of the wall holds scar."""
        return shows_scar(self.stack)

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


def shows_scar(stack: SliceStack) -> bool:
    """Whether any observed pixel of the slices holds scar."""
    return any((piece.values[piece.observed] > 0).any() for piece in stack)


def find_scar(
    files: Mapping[str, Path],
    labels: Volume | None,
    mesh: LVMesh | None,
    *,
    target: Target,
    n_sd: float,
    thickness_mm: float | None,
    mesh_frame: str | None,
    trust: HeaderTrust = "agree",
) -> ScarSource:
    """Read what the pixels say about scar.

    `auto` takes VTK grid layers, else a probability volume, else the labels' scar, else the FWHM rule on the LGE image.
    Images are brought to the order of `canonical`, and labels onto the grid of the image that is asked. Where no pixel
    says scar, that is said as a warning.

    Args:
        files: The subject's files by role.
        labels: Label volume, if there is one, in the order of `canonical`; it gives the wall.
        mesh: LV mesh; without labels the wall is the pixels whose centre it holds. None only where there are labels.
        target: Which source to take.
        n_sd: Standard deviations of the n-SD rule.
        thickness_mm: Slab thickness; None takes the file's.
        mesh_frame: Frame of grid layers, `LPS` or `RAS`; None takes the one that they state.
        trust: Which statement of an image header counts where two contradict each other.

    Returns:
        The source, with all slices.

    Raises:
        InputError: If the file that the target needs is missing or breaks a rule.
        GeometryError: If labels and image do not show the same slices, see `onto_grid`.
    """
    rule = _rule(files, target)
    source = _source(
        rule, files, labels, mesh, n_sd=n_sd, thickness_mm=thickness_mm, mesh_frame=mesh_frame, trust=trust
    )
    if not source.shows_scar:
        log.warning(_without_scar(rule, files, labels, asked=target != "auto"))
    elif rule != "labels" and labels is not None and (labels.values == Label.SCAR).any():
        scar_ml = float((labels.values == Label.SCAR).sum() * labels.voxel_ml)
        log.info("%s: %.1f ml of scar are drawn and not used: target is '%s'", labels.source, scar_ml, rule)
    return source


def _source(
    rule: str,
    files: Mapping[str, Path],
    labels: Volume | None,
    mesh: LVMesh | None,
    *,
    n_sd: float,
    thickness_mm: float | None,
    mesh_frame: str | None,
    trust: HeaderTrust,
) -> ScarSource:
    if rule == "layers":
        layers = read_grid_layers(files["scar"], thickness_mm=thickness_mm, frame=mesh_frame)
        return ScarSource(rule, canonical_stack(layers))
    lge = _read(files["lge"], check_image, trust) if "lge" in files else None
    if rule == "labels":
        if labels is None:
            raise InputError("labels", "a label volume for target 'labels'", "none")
        fraction = replace(labels, values=(labels.values == Label.SCAR).astype(np.float32))
        stack = stack_from_volume(fraction, observed=wall_mask(labels), thickness_mm=thickness_mm)
        return ScarSource(rule, stack, _for_pictures(lge, labels), labels=labels)
    if rule == "probability":
        volume = _read(files["scar"], check_probability, trust)
        volume = replace(volume, values=np.clip(volume.values, 0, 1))  # what rounding left outside
        wall, drawn = _wall_on(volume, labels, mesh)
        stack = stack_from_volume(volume, observed=wall, thickness_mm=thickness_mm)
        return ScarSource(rule, stack, _for_pictures(lge, volume), labels=drawn)
    if lge is None:
        raise InputError("lge", f"an LGE image for target '{rule}'", "none")
    wall, drawn = _wall_on(lge, labels, mesh)
    return ScarSource(rule, _thresholded(lge, wall, rule, n_sd, thickness_mm), lge, wall, drawn)


def _without_scar(rule: str, files: Mapping[str, Path], labels: Volume | None, *, asked: bool) -> str:
    """A sentence on a source that shows no scar: an answer of 0 ml that perhaps nobody gave."""
    if rule == "labels":
        if "lge" in files and not asked:
            return (
                "the labels hold no scar, and the image beside them was not asked: --target fwhm or --target nsd would"
                " look for scar in it"
            )
        return "the labels hold no scar: 0 ml is right if someone looked for scar and found none"
    if rule == "layers":
        return "no layer shows scar"
    if rule == "probability":
        drawn = labels is not None and (labels.values == Label.SCAR).any()
        beside = ", though the labels hold scar: --target labels takes theirs" if drawn else ""
        return f"the scar volume is 0 in all of the wall{beside}"
    return f"target '{rule}' finds no scar: no region of the wall is brighter than remote myocardium by 5 SD or more"


def _read(path: Path, check: Callable[[Volume], None], trust: HeaderTrust) -> Volume:
    volume = read_volume(path, trust)
    check(volume)
    volume = canonical(volume)
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
    shown = np.isin(slice_numbers(volume), list(numbers))
    return np.expand_dims(shown, [a for a in range(3) if a != axis])


def _wall_on(volume: Volume, labels: Volume | None, mesh: LVMesh | None) -> tuple[np.ndarray, Volume | None]:
    """The wall on the grid of a volume, and the labels there."""
    if labels is None:
        if mesh is None:
            raise InputError("labels", "a label volume or a mesh, for the wall", "neither")
        return _inside(volume, mesh), None
    if not same_grid(volume, labels):
        found = onto_grid(labels, volume)
        log.warning(
            "%s: on another grid than %s, resampled onto it (nearest neighbour): %.1f%% of the wall's voxels are kept,"
            " the wall is %.1f ml, as drawn %.1f ml",
            labels.source, volume.source, 100 * found.kept, found.after_ml, found.before_ml,
        )  # fmt: skip
        labels = found.labels
    return wall_mask(labels), replace(labels, affine=volume.affine, slice_numbers=volume.slice_numbers)


def _for_pictures(lge: Volume | None, grid: Volume) -> Volume | None:
    """The image on the grid of the slices, where it only illustrates."""
    if lge is None or same_grid(lge, grid):
        return lge
    shown = resampled_image(lge, grid)
    if shown is None:
        log.warning("%s: does not overlap %s, and is not shown", lge.source, grid.source)
    return shown


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
        reversed_index = volume.mm_to_index(turned(mesh.nodes_mm))
        if ((reversed_index >= -0.5) & (reversed_index <= np.array(volume.values.shape) - 0.5)).all(
            axis=1
        ).mean() > 0.9:
            finding += ", and with x and y reversed inside it (mesh_frame: RAS?)"
        raise GeometryError(volume.source, f"slices that cross {mesh.source}", finding)
    return wall
