"""A subject's finished map as commands take it up again: its mesh, its settings, and the image it was made from."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cardioscar.commands.results_folder import row_of, subject_folder
from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.volume_files import dicom_files, read_volume
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.sampling import nodes_to_volume
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.exports.in_slices import MapInSlices, map_in_slices

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

_TAKEN_UP = ("metrics.json", "scar.vtu", "report.html")

_RULE, _NONE = (
    "a finished scar map, with scar.vtu and metrics.json",
    "none; `cardioscar explain` says what became of it",
)


@dataclass(frozen=True)
class FinishedMap:
    """A map among results.

    Attributes:
        subject: Id.
        path: Its `scar.vtu`.
        metrics: Content of `metrics.json`.
        shifts_mm: How far the heart lies from its stated place in each slice, by slice number; empty where no slice was
            moved; None where it is not known, for the results lie without the work of their run.
        image: Image that it was made from, where one is named.
        thickness_mm: Thickness of its slices.
    """

    subject: str
    path: Path
    metrics: Mapping[str, Any]
    shifts_mm: Mapping[int, np.ndarray] | None
    image: Path | None
    thickness_mm: float | None
    _seen: list[MapInSlices] = field(default_factory=list)

    @cached_property
    def mesh(self) -> LVMesh:
        """The wall with the map."""
        return read_mesh(self.path, own=True)

    @property
    def threshold(self) -> float:
        """Probability from which wall is scar."""
        return float(self.metrics["threshold"])

    @property
    def likely(self) -> float:
        """Probability from which scar is beyond doubt."""
        return float(self.metrics["doubt_range"][1])

    def folder(self, out: Path) -> Path:
        """The subject's folder below an output, made where it is missing."""
        folder = out / self.subject
        folder.mkdir(exist_ok=True)
        return folder

    def in_slices(self) -> MapInSlices:
        """The map on the grid of the image."""
        if not self._seen:
            assert self.image is not None
            if self.shifts_mm is None:
                log.warning("%s: slices are taken to lie where the image says: whether they were aligned stands in the "
                            "output of the run, of which only the results are here", self.subject)  # fmt: skip
            self._seen.append(
                map_in_slices(
                    self.mesh, read_volume(self.image), thickness_mm=self.thickness_mm, shifts_mm=self.shifts_mm
                )
            )
        return self._seen[0]

    def dicom_files(self) -> list[Path]:
        """Files of the DICOM series.

        Raises:
            InputError: If the image is none.
        """
        assert self.image is not None
        if not self.image.is_dir():
            rule = "a folder of the DICOM series that the map was made from"
            raise InputError(self.image.name, rule, "a file; for other images take nifti")
        return dicom_files(self.image)

    def on_grid(self) -> tuple[dict[str, Volume], str]:
        """Probability and uncertainty by name, on the image's grid or in cubic voxels, and the grid in words."""
        if self.image is not None:
            seen = self.in_slices()
            both = {"scar_probability": seen.probability, "scar_uncertainty": seen.uncertainty}
            return {name: one for name, one in both.items() if one is not None}, "the grid of the image"
        data, size = self.mesh.grid.point_data, round(self.mesh.edge_mm, 2)
        names = [name for name in ("scar_probability", "scar_uncertainty") if name in data]
        volumes = {name: nodes_to_volume(self.mesh, np.asarray(data[name]), np.eye(4), voxel_mm=size) for name in names}
        return volumes, f"cubic voxels of {size:g} mm along the patient's axes"


@contextmanager
def finished_map(results: str, subject: str, image: Path | None, thickness_mm: float | None) -> Iterator[FinishedMap]:
    """Find a subject's map; its files from a store are here as long as it is in use.

    Args:
        results: Folder of results, output of a run, or `s3://` place of results.
        subject: Id.
        image: Image that it was made from.
        thickness_mm: Thickness of its slices; default what the map's input had.

    Raises:
        InputError: If the id is none, there are no results, or no finished scar map of the subject.
        UnreachableError: If the store does not answer.
    """
    check_subject_id(subject)
    with subject_folder(results, subject, _TAKEN_UP) as folder:
        path = folder / "scar.vtu"
        try:
            metrics = json.loads((folder / "metrics.json").read_bytes())
            threshold, given = float(metrics["threshold"]), metrics["input"]
        except (OSError, ValueError, KeyError, TypeError):
            metrics, threshold, given = {}, 0.0, {}
        if not path.is_file() or not 0 < threshold < 1:
            row_of(results, subject)  # says so where it is none of them
            raise InputError(subject, _RULE, _NONE)
        known = thickness_mm or given.get("slice_thickness_mm")
        yield FinishedMap(subject, path, metrics, _shifts(folder.parent.parent, subject), image, known)


def _shifts(out: Path, subject: str) -> dict[int, np.ndarray] | None:
    """Shifts of slices that were applied, from what the run left of its first stage."""
    try:
        facts = json.loads((out / "work" / "preprocess" / subject / "preprocess.json").read_bytes())
        rows = facts["slice_shifts_mm"].items()
        return {int(n): np.array([row["i"], row["j"]]) for n, row in rows if row["finding"] == "applied"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
