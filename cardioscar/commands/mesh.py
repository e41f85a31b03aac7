"""`cardioscar mesh`: a volumetric LV mesh from labels or from a closed surface."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.imaging.formats.header_trust import HeaderTrust


@dataclass(frozen=True)
class MeshCommand:
    """Make a volumetric LV mesh from a label volume, or fill a closed surface (.stl, .ply, .vtp)."""

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")]
    """Label volume or closed surface."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Mesh to write (.vtu); no file of that name may be there."""
    edge_mm: float = 1.5
    """Edge length in mm."""
    label_table: str = "cardioscar"
    """Convention of the labels: cardioscar, emidec, acdc, mnms or scarnet."""
    header_trust: HeaderTrust = "agree"
    """Which statement counts where those of the image header contradict each other; agree: none."""
    frame: Literal["LPS", "RAS"] | None = None
    """World frame of a surface; by default the one that its file states, else LPS."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar mesh`, make the mesh and say what it is worth."""
    form = parsed(MeshCommand, f"cardioscar {command}", words)
    from cardioscar.errors import InputError, counted
    from cardioscar.imaging.formats.mesh_files import read_surface, write_mesh
    from cardioscar.imaging.meshing.from_labels import mesh_from_labels, mesh_from_surface, mesh_quality
    from cardioscar.imaging.wall.wall_mesh import WallMesh
    from cardioscar.logs import configure
    from cardioscar.scar3d.observation.drawn_labels import read_drawn_labels
    from cardioscar.scar3d.observation.wall_input import wall_facts

    if form.out.suffix != ".vtu":
        raise InputError(form.out.name, "a name that ends in .vtu", f"'{form.out.suffix}'")
    if os.path.lexists(form.out):
        raise InputError(form.out.name, "a name that no file has", "one; give another, or move it away")
    if not form.out.parent.is_dir():
        raise InputError(form.out.name, "a folder to write it to", f"no folder '{form.out.parent.name}'")
    configure(logging.WARNING, stderr=True)
    if form.source.suffix.lower() in (".stl", ".ply", ".vtp", ".vtk", ".vtu"):
        surface = read_surface(form.source, frame=form.frame)
        from cardioscar.imaging.meshing.tetwild import TIMEOUT_SECONDS

        with form.terminal.waiting(
            "filling the surface with tetrahedra", f"seconds to {TIMEOUT_SECONDS // 60} minutes"
        ):
            mesh = mesh_from_surface(surface, edge_mm=form.edge_mm, source=form.source.name)
    else:
        labels = read_drawn_labels(form.source, form.label_table, form.header_trust)
        with form.terminal.waiting("filling the wall with tetrahedra", "seconds, more for finer edges"):
            mesh = mesh_from_labels(labels, edge_mm=form.edge_mm)
    wall_facts(WallMesh(mesh), None)  # warns of what is odd
    write_mesh(form.out, mesh)
    quality = mesh_quality(mesh)
    form.terminal.answer(
        {
            "mesh": str(form.out),
            "nodes": mesh.n_nodes,
            "cells": mesh.grid.n_cells,
            "volume_ml": mesh.volume_ml,
            "quality": {"worst": quality.worst, "fifth_percentile": quality.fifth_percentile},
        },
        f"{form.out}: {counted(mesh.n_nodes, 'node')}, {counted(mesh.grid.n_cells, 'cell')}, {mesh.volume_ml:.2f} ml, "
        f"cell quality (scaled Jacobian) worst {quality.worst:.3f}, 5th percentile {quality.fifth_percentile:.3f}",
    )
    return 0
