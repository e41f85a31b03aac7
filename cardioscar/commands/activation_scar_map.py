"""A subject's scar map as sites are looked for on it: wall with coordinates, draws of scar, channels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cardioscar.errors import InputError

if TYPE_CHECKING:
    from cardioscar.stages.study.plan_wall import PlanWall

MAP = "scar.vtu"
_NEEDED = ("apicobasal", "rotational", "transmural", "aha_segment", "scar_probability")


@dataclass(frozen=True, eq=False)
class ScarMap:
    """A scar map.

    Attributes:
        wall: Wall with LV coordinates.
        draws: Scar at its nodes, 0 to 1, one row a draw; its mean alone where no draws were kept.
        has_draws: Whether draws were kept.
        channels: Rows of the channels that were found.
        verdict: Of the map.
        reasons: What that rests on.
    """

    wall: PlanWall
    draws: np.ndarray
    has_draws: bool
    channels: tuple[Mapping[str, Any], ...]
    verdict: str
    reasons: tuple[str, ...]


def read_scar_map(place: Path) -> ScarMap:
    """Read a scar map.

    Args:
        place: The folder of a subject's results, or the map in it.

    Raises:
        InputError: If there is no map, it has no LV coordinates, or the draws beside it are of another mesh.
    """
    from cardioscar.imaging.formats.mesh_files import read_mesh
    from cardioscar.scar3d.posterior.stored_draws import SCAR_DRAWS
    from cardioscar.stages.study.plan_wall import PlanWall

    folder = place if place.is_dir() else place.parent
    path = folder / MAP if place.is_dir() else place
    if not path.is_file():
        raise InputError("SCAR_MAP", f"a folder with {MAP}, or such a file", "none")
    mesh = read_mesh(path, own=True)
    missing = [name for name in _NEEDED if name not in mesh.grid.point_data]
    if missing:
        raise InputError(path.name, "a scar map with LV coordinates", f"none of the name {missing[0]}")
    data = {name: np.asarray(mesh.grid.point_data[name], dtype=np.float64) for name in _NEEDED}
    axis, septum = _axes(mesh.nodes_mm, data["apicobasal"], data["rotational"])
    metrics = _metrics(folder / "metrics.json")
    said = metrics.get("septum")
    wall = PlanWall(
        mesh, "scar map", said.get("source", "unknown") if isinstance(said, dict) else "unknown", axis, septum
    )
    kept = (folder / SCAR_DRAWS).is_file()
    draws = _draws(folder / SCAR_DRAWS, mesh.n_nodes, path.name) if kept else data["scar_probability"][None]
    qc = metrics.get("qc") or {}
    return ScarMap(
        wall,
        np.clip(draws, 0, 1),
        kept,
        tuple(metrics.get("channels") or ()),
        str(qc.get("verdict", "review")),
        tuple(map(str, qc.get("reasons", ("nothing is said of the quality of the scar map",)))),
    )


def _draws(path: Path, nodes: int, of: str) -> np.ndarray:
    """Draws at the nodes of the map."""
    from cardioscar.scar3d.posterior.stored_draws import load_scar_draws

    try:
        return load_scar_draws(path, nodes)
    except InputError as error:
        raise InputError(
            path.name,
            f"draws at the {nodes} nodes of {of}",
            f"others; where a mesh of your own was brought, draws lie on the wall that was made of it: give the "
            f"wall.vtu of `cardioscar study` (work/study_scar), or take {path.name} away",
        ) from error


def _axes(nodes_mm: np.ndarray, apicobasal: np.ndarray, rotational: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Long axis and direction of the septum that the coordinates were made with."""
    # heights grow evenly along the axis: it is the gradient of the plane that fits them best, with the angle beside it
    angle = np.column_stack([np.cos(rotational), np.sin(rotational)])
    seen = np.column_stack([apicobasal, angle * np.sqrt(np.maximum(apicobasal, 0))[:, None], np.ones(len(nodes_mm))])
    parts = np.linalg.lstsq(seen, nodes_mm, rcond=None)[0]
    axis = parts[0] / np.linalg.norm(parts[0])
    septum = parts[1] - (parts[1] @ axis) * axis
    return axis, septum / np.linalg.norm(septum)


def _metrics(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        raise InputError(path.name, "JSON", "another text") from None
    return found if isinstance(found, dict) else {}
