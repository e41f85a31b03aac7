"""A subject's mesh at the door: which of it is wall, whether it lies where the slices are, and what is odd about it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.errors import ConfigError, GeometryError
from cardioscar.imaging.cell_kinds import cell_offsets
from cardioscar.imaging.coordinates.lv_coordinates import LVCoordinates
from cardioscar.imaging.meshing.from_labels import SPECK
from cardioscar.imaging.slices import SliceStack
from cardioscar.imaging.wall.in_slices import aside_mm, turned, wall_near_mesh
from cardioscar.imaging.wall.long_axis import axis_direction
from cardioscar.imaging.wall.measures import cavities
from cardioscar.imaging.wall.topology import WallTopology, euler_below, wall_topology
from cardioscar.imaging.wall.wall_mesh import WallMesh, read_wall
from cardioscar.scar3d.subject_settings import SETTINGS, Heart, SubjectSettings

log = logging.getLogger(__name__)

WALL_ML = (10.0, 600.0)
"""Volumes of an adult's LV wall that are believed; the verdict on a map is stricter, see `geometry_quality`. Heaviest
known hypertrophy weighs half a kilogram, as much as 480 ml."""
SMALL_PART = 0.05
"""Share of the volume below which a part that no slice shows is left out."""
BESIDE_MM, BESIDE_REVIEW = 5.0, 0.1
"""Distance from the drawn wall at which tissue of the mesh is beside it, and its share of what the slices show."""
FITS, MISFITS = 0.9, 0.85
"""Shares of the wall pixels at the mesh from which it lies where the slices are, and below which it may not. Of 25
phantoms 0.97 and more lie at their mesh, and 0.48 to 0.78 at one that is turned, mirrored or 10 mm off."""


def read_subject_wall(files: Mapping[str, Path], settings: SubjectSettings) -> WallMesh | None:
    """Read a subject's own mesh; None where there is none, and one is to be built from labels.

    Raises:
        ConfigError: If settings name tags of a mesh that is not there.
    """
    if "mesh" not in files:
        for name in ("wall_tags", "tag_array"):
            if getattr(settings, name) is not None:
                raise ConfigError(SETTINGS, f"a mesh.* for {name}", "none")
        return None
    return read_wall(
        files["mesh"], frame=settings.mesh_frame, wall_tags=settings.wall_tags, tag_array=settings.tag_array
    )


def fitted_to_slices(wall: WallMesh, stack: SliceStack) -> WallMesh:
    """Compare a subject's own mesh with the wall that a reader drew, and leave out parts that are none.

    Args:
        wall: The mesh.
        stack: Slices whose observed pixels are the wall as drawn.

    Returns:
        The mesh without free parts that the slices show to be no wall, or that are small and in no slice.

    Raises:
        GeometryError: If the mesh lies elsewhere, and its other frame lies where the slices are.
    """
    _check_frame(wall, stack)
    wall = _without_free_parts(wall, stack)
    mesh = wall.mesh
    step = -(-mesh.n_nodes // 20_000)
    aside, ml = aside_mm(mesh.nodes_mm[::step], stack), mesh.node_volumes_ml[::step]
    seen = np.isfinite(aside)
    beside = float(ml[seen & (aside > BESIDE_MM)].sum() / max(ml[seen].sum(), 1e-12))
    if beside > BESIDE_REVIEW:
        log.warning(
            "%s: %.0f %% of what the slices show of the mesh lies more than %.0f mm from any pixel of the wall, limit "
            "%.0f %%: does it hold more than the wall of the left ventricle?%s",
            mesh.source, 100 * beside, BESIDE_MM, 100 * BESIDE_REVIEW, _advice(wall),
        )  # fmt: skip
    return wall


def check_volume(wall: WallMesh, heart: Heart) -> None:
    """Refuse a wall of a volume that no left ventricle of an adult has.

    Args:
        wall: The mesh.
        heart: Whose sizes it is held against; nobody's for `other`.

    Raises:
        GeometryError: With the volume, and with the tags of the mesh where it has some.
    """
    ml, where = wall.mesh.volume_ml, wall.mesh.source
    if heart == "adult" and not WALL_ML[0] <= ml <= WALL_ML[1]:
        advice = _advice(wall) if ml > WALL_ML[1] else ""
        raise GeometryError(where, f"an LV wall of {WALL_ML[0]:g} to {WALL_ML[1]:g} ml", f"{ml:,.1f} ml{advice}")


def wall_facts(wall: WallMesh, coordinates: LVCoordinates | None) -> dict[str, Any]:
    """What `preprocess.json` says of a mesh, see docs/reference/meshes.md; what is odd is logged as a warning."""
    topology = wall_topology(wall.mesh)
    _warn_of_surface(wall, topology, coordinates)
    _warn_of_cavities(wall, coordinates)
    facts: dict[str, Any] = {
        "parts": topology.parts,
        "surface_euler": topology.surface_euler,
        "open_edges": topology.open_edges,
        "cavity_ml": None,
        "wall_thickness_mm": None,
        "cells_left_out": wall.left_out,
    }
    if wall.own is not None:
        facts["own_nodes"] = wall.own.grid.n_points
    measures = coordinates.measures if coordinates else None
    if measures is None:
        return facts
    facts["wall_thickness_mm"] = round(measures.thickness_mm, 2)
    if measures.cavity_ml is not None:
        facts["cavity_ml"] = round(measures.cavity_ml, 2)
    return facts


def _check_frame(wall: WallMesh, stack: SliceStack) -> None:
    mesh = wall.mesh
    here = wall_near_mesh(mesh.nodes_mm, mesh.edge_mm, stack)
    if here >= MISFITS:
        return
    there = wall_near_mesh(turned(mesh.nodes_mm), mesh.edge_mm, stack)
    if there >= FITS:
        other = "LPS" if wall.frame == "RAS" else "RAS"
        raise GeometryError(
            mesh.source,
            f"a mesh where {stack.source} shows the wall",
            f"{here:.0%} of the wall pixels at the mesh, and {there:.0%} with mesh_frame: {other}",
        )


def _without_free_parts(wall: WallMesh, stack: SliceStack) -> WallMesh:
    mesh = wall.mesh
    ml = np.bincount(mesh.part, weights=mesh.node_volumes_ml)
    if len(ml) == 1:
        return wall
    aside = aside_mm(mesh.nodes_mm, stack)
    seen, off = np.isfinite(aside), aside > 0
    seen_ml = np.bincount(mesh.part, weights=mesh.node_volumes_ml * seen)
    off_ml = np.bincount(mesh.part, weights=mesh.node_volumes_ml * (seen & off))
    no_wall = np.where(seen_ml > 0, off_ml > 0.5 * seen_ml, ml < SMALL_PART * ml.sum())
    no_wall[ml.argmax()] = False
    if not no_wall.any():
        return wall
    say = log.info if ml[no_wall].sum() < SPECK * ml.sum() else log.warning
    say(
        "%s: %d of %d parts that share no node are left out (%.2f ml of %.1f): the slices show no wall there%s",
        mesh.source, no_wall.sum(), len(ml), ml[no_wall].sum(), ml.sum(), _advice(wall),
    )  # fmt: skip
    first = np.asarray(mesh.grid.cell_connectivity)[cell_offsets(mesh.grid)[:-1]]
    return wall.only(~no_wall[mesh.part[first]], "free parts")


def _warn_of_surface(wall: WallMesh, topology: WallTopology, coordinates: LVCoordinates | None) -> None:
    where, euler, mesh = wall.mesh.source, topology.surface_euler, wall.mesh
    whole = 2 if coordinates is not None and coordinates.apex_closed else 0
    if euler < whole and coordinates is not None and topology.parts == 1:
        # where the base is known, steps at its rim are no holes
        euler = max(euler, min(whole, euler_below(mesh.nodes_mm, mesh.boundary, coordinates.long_axis)))
    if euler < whole:
        log.warning(
            "%s: the surface has holes or bridges: Euler number %d, where a whole wall%s has %d; %d open edges",
            where, euler, " with its apex cut off" if whole == 0 else "", whole, topology.open_edges,
        )  # fmt: skip
    elif topology.open_edges:
        log.info("%s: the surface touches itself at %d edges", where, topology.open_edges)
    if topology.crowded_faces:
        log.warning("%s: %d faces belong to more than two cells: cells overlap", where, topology.crowded_faces)


def _warn_of_cavities(wall: WallMesh, coordinates: LVCoordinates | None) -> None:
    mesh = wall.mesh
    direction = coordinates.long_axis if coordinates else axis_direction(mesh.nodes_mm, mesh.boundary)
    found = cavities(mesh.nodes_mm, mesh.boundary, direction)
    if 3 * (found >= 2).sum() >= (found >= 1).sum() > 0:
        log.warning(
            "%s: %d of %d cross-sections have two cavities or more: does the mesh hold the right ventricle?%s",
            mesh.source, (found >= 2).sum(), (found >= 1).sum(), _advice(wall),
        )  # fmt: skip


def _advice(wall: WallMesh) -> str:
    return f" (wall_tags in {SETTINGS} chooses from its tags {wall.regions})" if "," in wall.regions else ""
