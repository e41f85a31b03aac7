"""Scar maps on meshes: written at the nodes of the user's own mesh, read back onto the wall mesh that was worked on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cardioscar.imaging.formats.mesh_arrays import RESULTS, put_result
from cardioscar.imaging.formats.mesh_facts import with_facts
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.opencarp import write_opencarp
from cardioscar.imaging.formats.vtk_files import read_vtk, write_vtk
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.wall.own_mesh import OwnMesh, load_own_mesh
from cardioscar.scar3d.channels.zones import scar_certainty
from cardioscar.scar3d.simulation import NEEDED, with_fibres, write_surfaces


def write_scar(
    path: Path,
    mesh: LVMesh,
    own: OwnMesh | None,
    *,
    threshold: float,
    doubt_range: tuple[float, float],
    subject: str = "",
) -> None:
    """Write a scar map at the nodes of the user's own mesh.

    Args:
        path: `scar.vtu`.
        mesh: The wall mesh, its results with it.
        own: The user's mesh, where it is another.
        threshold: Probability from which a node is scar.
        doubt_range: Probabilities between which scar is in doubt.
        subject: Pseudonym, which the file states among its field data.
    """
    if own is None:
        write_vtk(path, with_facts(mesh.grid, subject))
        return
    grid = own.with_results(mesh)
    if not own.has_straight_cells():
        # what is said of a node between corners follows from its own probability
        probability = np.asarray(grid.point_data["scar_probability"])
        wall = np.isfinite(probability)
        put_result(grid.point_data, "scar_binary", (wall & (probability >= threshold)).astype(np.uint8))
        certainty = scar_certainty(np.where(wall, probability, 0), threshold, doubt_range)
        put_result(grid.point_data, "scar_certainty", certainty)
    write_vtk(path, with_facts(grid, subject))


def write_scar_tags(stem: Path, mesh: LVMesh, own: OwnMesh | None, tags: np.ndarray) -> None:
    """Write openCARP files with a tag of each element, on the user's own nodes and elements where these are straight.

    With LV coordinates: fibres by a rule, where the mesh has none, and the nodes of endocardium and epicardium.

    Args:
        stem: Path without ending.
        mesh: The wall mesh.
        own: The user's mesh, where it is another.
        tags: Tag of each cell of the wall mesh.
    """
    if own is None or not own.has_straight_cells():
        grid, of = mesh.grid, tags
    else:
        grid, of = own.grid.copy(deep=False), own.element_tags(tags)
        for name in NEEDED:
            if name in mesh.grid.point_data:
                grid.point_data[name] = own.spread(np.asarray(mesh.grid.point_data[name]), RESULTS[name])
    write_opencarp(stem, with_fibres(grid), of)
    if "transmural" in grid.point_data:
        write_surfaces(stem, np.asarray(grid.point_data["transmural"], dtype=float))


def read_scar(path: Path, groups: Path) -> LVMesh:
    """Read a scar map back onto the wall mesh.

    Args:
        path: `scar.vtu`, as `write_scar` wrote it.
        groups: The subject's folder of `preprocess`.
    """
    own = load_own_mesh(groups)
    if own is None:
        return read_mesh(path, own=True)
    mesh = read_mesh(groups / "mesh.vtu", own=True)
    own.results_of(read_vtk(path, own=True), mesh)
    return mesh
