"""`cardioscar apply`: a scar map carried to another mesh of the same heart."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal


@dataclass(frozen=True)
class Apply:
    """Carry a scar map to another mesh of the same heart: all results at its nodes."""

    result: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RESULT")]
    """Folder of a subject's results, or a scar.vtu."""
    mesh: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MESH")]
    """Mesh of the wall, in the same place: .vtu, .vtk, or openCARP."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Mesh to write (.vtu); no file of that name may be there."""
    frame: Literal["LPS", "RAS"] | None = None
    """World frame of the mesh; by default the one that its file states, else LPS."""
    reach_mm: float = 5.0
    """Nodes farther than this from the mapped wall get no result (NaN)."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar apply`, carry the map and say how much of the mesh it reached."""
    form = parsed(Apply, f"cardioscar {command}", words)
    from cardioscar.errors import InputError
    from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
    from cardioscar.scar3d.carried_map import carry_map

    if form.out.suffix != ".vtu":
        raise InputError(form.out.name, "a name that ends in .vtu", f"'{form.out.suffix}'")
    if os.path.lexists(form.out):
        raise InputError(form.out.name, "a name that no file has", "one; give another, or move it away")
    source = form.result / "scar.vtu" if form.result.is_dir() else form.result
    mesh = read_mesh(form.mesh, frame=form.frame)
    carried = carry_map(read_mesh(source, own=True), mesh, reach_mm=form.reach_mm)
    write_mesh(form.out, mesh)
    form.terminal.answer(
        {
            "mesh": str(form.out),
            "nodes": mesh.n_nodes,
            "inside_fraction": carried.inside,
            "out_of_reach_fraction": carried.beyond,
            "scar_ml": carried.scar_ml,
        },
        f"{form.out}: {mesh.n_nodes:,} nodes, {100 * carried.inside:.1f} % of them in the mapped wall, "
        f"{100 * carried.beyond:.1f} % out of reach, scar {carried.scar_ml:.2f} ml",
    )
    return 0
