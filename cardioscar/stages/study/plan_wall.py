"""The wall that a plan is made on: the scar map's, else the patient's mesh, else one built from the cine's labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cardioscar.activation.mapping.ventricle import Ventricle
from cardioscar.activation.sites.wall import Wall
from cardioscar.errors import CardioscarError, GeometryError
from cardioscar.stages.study.drawn_function import LABELS
from cardioscar.stages.study.modality import Modality, log
from cardioscar.stages.study.settings import StudySettings

if TYPE_CHECKING:
    from cardioscar.imaging.lvmesh import LVMesh

COORDINATES = ("apicobasal", "rotational", "transmural")
_APEX = 17
_ENDO = 0.02
_EDGE_MM = 2.5


@dataclass(frozen=True, eq=False)
class PlanWall:
    """A wall with LV coordinates as point data.

    Attributes:
        mesh: It.
        source: What it comes from.
        septum: Where its septum is known from: `given`, `mesh`, `guessed` or `unknown`.
        long_axis: From apex to base, LPS.
        septum_direction: From the axis to the middle of the septum, LPS.
    """

    mesh: LVMesh
    source: str
    septum: str
    long_axis: np.ndarray
    septum_direction: np.ndarray

    def named(self, name: str) -> np.ndarray:
        """Point data of a name."""
        return np.asarray(self.mesh.grid.point_data[name])

    @property
    def wall(self) -> Wall:
        """Its nodes, as sites are looked for among them."""
        values = {name: self.named(name).astype(np.float64) for name in COORDINATES}
        segments = self.named("aha_segment").astype(np.int64)
        endo = values["transmural"] <= _ENDO
        # where the apex is cut off the cavity goes on to the end
        cavity_apex = float(values["apicobasal"][endo].min()) if (segments == _APEX).any() and endo.any() else 0.0
        return Wall(
            self.mesh.nodes_mm, values["apicobasal"], values["rotational"], values["transmural"], segments,
            self.mesh.node_volumes_ml, cavity_apex,
        )  # fmt: skip

    @property
    def ventricle(self) -> Ventricle:
        """Its axis, length and radius."""
        height, angle, depth = (self.named(name).astype(np.float64) for name in COORDINATES)
        return Ventricle.of(self.mesh.nodes_mm, height, depth, angle, self.long_axis, self.septum_direction)


def plan_wall(
    scar: Modality, scar_folder: Path, function: Modality, function_folder: Path, files: Mapping[str, Path],
    settings: StudySettings,
) -> PlanWall | None:  # fmt: skip
    """Find the wall; None where there is none, which is warned of.

    Args:
        scar: What became of the scar map.
        scar_folder: The patient's folder in its artifact.
        function: What became of the cine.
        function_folder: Likewise.
        files: The patient's files, `mesh` among them where it is there.
        settings: Of the patient.
    """
    if scar.used:
        return _of_scar_map(scar, scar_folder / "wall.vtu")
    sources: list[tuple[str, Any]] = []
    if "mesh" in files:
        sources.append(("mesh", lambda: _read(files, settings)))
    if function.used and (function_folder / LABELS).is_file():
        sources.append(("labels of the cine", lambda: _of_cine(function_folder / LABELS, function)))
    for source, made in sources:
        try:
            return _with_coordinates(made(), source, settings)
        except CardioscarError as error:
            log.warning("no wall from the %s: %s", source, error)
    return None


def _of_scar_map(scar: Modality, path: Path) -> PlanWall | None:
    from cardioscar.imaging.formats.mesh_files import read_mesh

    facts = scar.facts
    if facts["long_axis"] is None or facts["septum_direction"] is None:
        log.warning("the scar map's mesh has no LV coordinates: nothing can be laid on it")
        return None
    axis, septum = (np.array(facts[name]) for name in ("long_axis", "septum_direction"))
    return PlanWall(read_mesh(path, own=True), "scar map", str(facts["septum"]), axis, septum)


def _read(files: Mapping[str, Path], settings: StudySettings) -> LVMesh:
    from cardioscar.scar3d.observation.wall_input import read_subject_wall

    wall = read_subject_wall(files, settings)
    if wall is None:
        raise GeometryError("mesh", "a wall", "none")
    return wall.mesh


def _of_cine(path: Path, function: Modality) -> LVMesh:
    from cardioscar.imaging.formats.cine_files import read_cine_labels
    from cardioscar.imaging.meshing.from_labels import mesh_from_labels
    from cardioscar.imaging.volume import Volume

    labels = read_cine_labels(path, None)
    frame = int(function.facts.get("ed_frame") or 0)
    return mesh_from_labels(Volume(labels.values[..., frame], labels.affine, "cine_labels"), edge_mm=_EDGE_MM)


def _with_coordinates(mesh: LVMesh, source: str, settings: StudySettings) -> PlanWall:
    from cardioscar.imaging.coordinates.aha import aha_segments
    from cardioscar.imaging.coordinates.lv_coordinates import lv_coordinates
    from cardioscar.imaging.formats.mesh_arrays import put_result
    from cardioscar.scar3d.observation.septum import SOURCES

    def direction(value: tuple[float, float, float] | None) -> np.ndarray | None:
        return None if value is None else np.array(value)

    at = lv_coordinates(
        mesh, septum_direction=direction(settings.septum_direction), apex_to_base=direction(settings.apex_to_base)
    )
    for name, values in at.stored().items():
        put_result(mesh.grid.point_data, name, values)
    put_result(mesh.grid.point_data, "aha_segment", aha_segments(at).astype(np.uint8))
    return PlanWall(mesh, source, SOURCES[at.orientation], at.long_axis, at.septum_direction)
