"""`cardioscar export`: a finished scar map in the forms of other tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal

if TYPE_CHECKING:
    from cardioscar.commands.finished_map import FinishedMap

Form = Literal["dicom-seg", "parametric-map", "nifti", "shells", "opencarp", "paraview", "bids"]


@dataclass(frozen=True)
class Export:
    """Write a finished scar map in the forms of other tools, each a file or some files below --out.

    dicom-seg, parametric-map: on the slices of the DICOM series --image, which the objects refer to.
    nifti: probability and uncertainty on the grid of --image, else in cubic voxels.
    shells: surfaces at 10 to 90 % of the wall's depth (.vtp). opencarp: mesh, regions, fibres, surfaces.
    paraview: the map and a script that opens it with our colours. bids: derivatives of a BIDS dataset (alone; --out is
    its root).
    """

    results: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RESULTS")]
    """Folder of results, output of `cardioscar run`, or s3:// place of results."""
    subject: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SUBJECT")]
    """Id of the subject."""
    to: Annotated[tuple[Form, ...], tyro.conf.arg(metavar="FORM [FORM …]")]
    """dicom-seg, parametric-map, nifti, shells, opencarp, paraview, bids; several may be named."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")]
    """Folder to write into; what others have put there stays, and is never replaced."""
    image: Annotated[Path | None, tyro.conf.arg(metavar="FILE_OR_FOLDER")] = None
    """Image that the map was made from: the DICOM folder, or NIfTI, NRRD, MetaImage. Needed for DICOM."""
    slice_thickness_mm: Annotated[float | None, tyro.conf.arg(metavar="MM")] = None
    """Thickness of its slices; by default that of the map's input."""
    depths: Annotated[tuple[float, ...], tyro.conf.arg(metavar="PERCENT [PERCENT …]")] = (
        10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0,
    )  # fmt: skip
    """Depths of the shells in percent, 0 endocardium to 100 epicardium."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar export`, and write each form that is asked for."""
    form = parsed(Export, f"cardioscar {command}", words)
    from cardioscar.commands.finished_map import finished_map
    from cardioscar.commands.own_output import check_output, record_output
    from cardioscar.errors import InputError
    from cardioscar.files.folders import platform_faults
    from cardioscar.results.table import DATA

    if "bids" in form.to and len(form.to) > 1:
        raise InputError("to", "bids alone, for --out is then the root of a dataset", "other forms beside it")
    if form.image is None and (asked := [one for one in form.to if one in ("dicom-seg", "parametric-map")]):
        rule = f"the DICOM series that {asked[0]} refers to (--image FOLDER)"
        raise InputError(form.subject, rule, "none; a map of other images has no series to refer to: take nifti")
    for percent in form.depths if "shells" in form.to else ():
        if not 0 < percent < 100:
            raise InputError("depths", "depths above 0 and below 100 %", f"{percent:g}")
    if any((folder / DATA).is_file() for folder in (form.out, form.out / "results")):
        raise InputError("out", "a folder of its own", "that of a run's results; name another, such as forms")
    check_output(form.out / form.subject, ())
    written: list[dict[str, object]] = []
    with finished_map(form.results, form.subject, form.image, form.slice_thickness_mm) as found:
        with platform_faults(form.out):
            form.out.mkdir(parents=True, exist_ok=True)
        for one in dict.fromkeys(form.to):
            names = tuple(name.format(subject=form.subject) for name in NAMES[one])
            check_output(form.out, names)
            with platform_faults(form.out):
                said = WRITERS[one](found, form)
            record_output(form.out, names)
            written.append({"form": one, "files": list(names), "said": said})
            if not form.terminal.json:
                form.terminal.answer(written[-1], f"{form.subject} {one}: {said}")
    if form.terminal.json:
        form.terminal.answer({"subject": form.subject, "out": str(form.out), "written": written})
    return 0


NAMES: dict[Form, tuple[str, ...]] = {
    "dicom-seg": ("{subject}/scar_seg.dcm",),
    "parametric-map": ("{subject}/scar_probability_map.dcm", "{subject}/scar_uncertainty_map.dcm"),
    "nifti": ("{subject}/scar_probability.nii.gz", "{subject}/scar_uncertainty.nii.gz"),
    "shells": ("{subject}/depth_*.vtp",),
    "opencarp": ("{subject}/scar.pts", "{subject}/scar.elem", "{subject}/scar.lon", "{subject}/scar_*.vtx"),
    "paraview": ("{subject}/scar.vtu", "{subject}/paraview_state.py"),
    "bids": (),  # which looks at what its dataset says of itself
}
"""What each form writes."""


def _segmentation(found: FinishedMap, form: Export) -> str:
    from cardioscar.scar3d.exports.dicom import write_map_segmentation

    path = found.folder(form.out) / "scar_seg.dcm"
    seen = found.in_slices()
    write_map_segmentation(path, seen, found.dicom_files(), threshold=found.threshold)
    return f"{path.name}, {seen.scar(found.threshold).sum() * seen.probability.voxel_ml:.2f} ml of scar in its pixels"


def _parametric(found: FinishedMap, form: Export) -> str:
    from cardioscar.scar3d.exports.dicom import write_parametric_maps

    written = write_parametric_maps(found.folder(form.out), found.in_slices(), found.dicom_files())
    return ", ".join(path.name for path in written)


def _nifti(found: FinishedMap, form: Export) -> str:
    from cardioscar.imaging.formats.volume_files import write_volume

    volumes, grid = found.on_grid()
    for name, volume in volumes.items():
        write_volume(found.folder(form.out) / f"{name}.nii.gz", volume)
    return f"{', '.join(volumes)} on {grid}"


def _shells(found: FinishedMap, form: Export) -> str:
    from cardioscar.imaging.formats.mesh_facts import with_facts
    from cardioscar.imaging.formats.vtk_files import write_vtk
    from cardioscar.scar3d.exports.shells import depth_shell

    for percent in form.depths:
        shell = depth_shell(found.mesh, percent)
        write_vtk(found.folder(form.out) / f"depth_{percent:04.1f}.vtp", with_facts(shell, form.subject))
    return f"{len(form.depths)} surfaces, depth_*.vtp"


def _opencarp(found: FinishedMap, form: Export) -> str:
    from cardioscar.imaging.formats.opencarp import ElementTag
    from cardioscar.scar3d.exports.opencarp import write_map_opencarp

    stem = found.folder(form.out) / "scar"
    tags = write_map_opencarp(stem, found.mesh, threshold=found.threshold, likely=found.likely)
    names = {tag.value: tag.name.lower().replace("_", " ") for tag in ElementTag}
    return "scar.pts, .elem, .lon; " + ", ".join(f"{count:,} elements {names[tag]}" for tag, count in tags.items())


def _paraview(found: FinishedMap, form: Export) -> str:
    import shutil

    import numpy as np

    from cardioscar.report.scar3d.paraview import write_paraview_state
    from cardioscar.report.scar3d.scene import long_axis, scar_side

    folder = found.folder(form.out)
    shutil.copyfile(found.path, folder / "scar.vtu")
    data, nodes = found.mesh.grid.point_data, found.mesh.nodes_mm
    scar = np.nan_to_num(np.asarray(data["scar_probability"], dtype=float)) * found.mesh.node_volumes_ml
    axis = long_axis(nodes)
    uncertainty = np.asarray(data["scar_uncertainty"], dtype=float) if "scar_uncertainty" in data else None
    write_paraview_state(
        folder / "paraview_state.py", "scar.vtu", nodes_mm=nodes, uncertainty=uncertainty, long_axis=axis,
        scar_direction=scar_side(nodes, scar, axis, None), threshold=found.threshold,
    )  # fmt: skip
    return "scar.vtu; paraview --state=paraview_state.py"


def _bids(found: FinishedMap, form: Export) -> str:
    from cardioscar.scar3d.exports.bids import Derivative, label_of, write_bids

    volumes, grid = found.on_grid()
    page = found.path.with_name("report.html")
    one = Derivative(
        form.subject, volumes["scar_probability"], volumes.get("scar_uncertainty"), found.threshold, found.path,
        found.path.with_name("metrics.json"), page if page.is_file() else None, grid,
    )  # fmt: skip
    written = write_bids(form.out, one)
    return f"{len(written)} files of sub-{label_of(form.subject)}, on {grid}"


WRITERS: dict[Form, Callable[[FinishedMap, Export], str]] = {
    "dicom-seg": _segmentation,
    "parametric-map": _parametric,
    "nifti": _nifti,
    "shells": _shells,
    "opencarp": _opencarp,
    "paraview": _paraview,
    "bids": _bids,
}
