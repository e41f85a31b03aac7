"""Building cases once, into a folder that later runs read."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reconstruction.case import Case, Hidden
from benchmarks.reconstruction.sources import fingerprint
from benchmarks.reconstruction.suite import Case as Spec
from benchmarks.reconstruction.suite import PeopleCase, PhantomCase, RealCase
from cardioscar.imaging.alignment.slice_alignment import aligned, shifts_to_mesh
from cardioscar.imaging.coordinates.aha import aha_segments
from cardioscar.imaging.coordinates.lv_coordinates import LVCoordinates, lv_coordinates
from cardioscar.imaging.formats.slice_files import crop
from cardioscar.imaging.formats.volume_files import read_labels
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.meshing.from_labels import mesh_from_labels
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.sampling import sampling_weights
from cardioscar.imaging.slices import SliceStack, stack_from_volume
from cardioscar.imaging.tetrahedra import tetrahedra_of
from cardioscar.imaging.thresholds import threshold_scar
from cardioscar.imaging.volume import Volume
from cardioscar.phantom.people.heart import make_heart
from cardioscar.phantom.subject import Phantom, make_phantom
from cardioscar.scar3d.observation.holdout import hidden_slices

FORMAT = 3
"""Raised when what is kept of a case changes."""

log = logging.getLogger(__name__)


class CaseAbsentError(Exception):
    """The data of a case is not on this machine; the message says which."""


def ensure(spec: Spec, nodes: int, cache: Path) -> Path:
    """Folder of a case, built if it is not there.

    Raises:
        CaseAbsentError: If the case is real and its data is not there.
    """
    if isinstance(spec, RealCase):
        data = _real_folder(spec)
        modules: tuple[str, ...] = ("cardioscar.imaging.meshing.from_labels", "cardioscar.imaging.formats.volume_files")
        about = f"{spec} {hashlib.sha256((data / 'labels.nii.gz').read_bytes()).hexdigest()}"
    elif isinstance(spec, PeopleCase):
        modules = ("cardioscar.imaging.meshing.from_labels", "cardioscar.phantom.people.heart")
        about = str(spec)
    else:
        modules = (
            "cardioscar.phantom.subject",
            "cardioscar.imaging.thresholds",
            "cardioscar.imaging.alignment.slice_alignment",
        )
        about = f"{spec} {nodes}"
    key = hashlib.sha256(f"{about} {FORMAT} {fingerprint(*modules)}".encode()).hexdigest()[:12]
    words = "".join(c if c.isalnum() else "-" for c in spec.name).replace("--", "-").strip("-")
    folder = cache / f"{words}-{nodes if isinstance(spec, PhantomCase) else 'own-mesh'}-{key}"
    if not folder.is_dir():
        log.info("building %s", folder.name)
        build(spec, nodes).save(folder)
    return folder


def build(spec: Spec, nodes: int) -> Case:
    """Make a case.

    Args:
        spec: Which one.
        nodes: Wanted number of mesh nodes; the real case's mesh has its own.
    """
    if isinstance(spec, PhantomCase):
        return _phantom(spec, nodes)
    if isinstance(spec, RealCase):
        labels = canonical(read_labels(_real_folder(spec) / "labels.nii.gz", "cardioscar"))
        return _held_out(spec, labels, mesh_from_labels(labels, edge_mm=spec.edge_mm), {})
    heart = make_heart(spec.seed, spec.index)
    mesh = _mesh_of_heart(spec.seed, spec.index, spec.edge_mm)
    return _held_out(spec, canonical(heart.labels), mesh, heart.parameters)


def _phantom(spec: PhantomCase, nodes: int) -> Case:
    phantom = make_phantom(spec.config(nodes), spec.index)
    mesh, shape = phantom.mesh, phantom.shape
    coordinates = lv_coordinates(mesh, septum_direction=shape.septum_direction, apex_to_base=shape.apex_to_base)
    stack = _read(phantom, spec)
    if spec.aligned:
        stack = aligned(stack, shifts_to_mesh(mesh, stack))
    return Case(
        name=spec.name,
        nodes_mm=mesh.nodes_mm,
        node_ml=mesh.node_volumes_ml,
        tetrahedra=tetrahedra_of(mesh.grid),
        coordinates=_columns(coordinates),
        segment=aha_segments(coordinates),
        stack=crop(stack, margin_mm=5.0),
        truth=phantom.scar_truth,
        corridor=phantom.isthmus,
        hidden=None,
        facts={"reading": spec.reading, "shift_sd_mm": spec.config(nodes).shift_mm, **phantom.parameters},
    )


def _columns(coordinates: LVCoordinates) -> np.ndarray:
    return np.column_stack([coordinates.apicobasal, coordinates.rotational, coordinates.transmural])


def _read(phantom: Phantom, spec: PhantomCase) -> SliceStack:
    """The slices as someone read them."""
    images = phantom.images
    wall = np.isin(images.labels.values, WALL)
    if spec.reading == "fractions":
        return phantom.stack
    if spec.reading == "labels":
        scar = images.labels.values == Label.SCAR
    else:
        scar = threshold_scar(images.lge, wall, rule="fwhm")
    volume = replace(images.scar_fraction, values=scar.astype(np.float32))
    return stack_from_volume(volume, observed=wall, thickness_mm=images.protocol.thickness_mm)


def _real_folder(spec: RealCase) -> Path:
    root = os.environ.get("CARDIOSCAR_DATA", "")
    if not root:
        raise CaseAbsentError("CARDIOSCAR_DATA is not set")
    folder = Path(root) / spec.folder
    if not (folder / "labels.nii.gz").is_file():
        raise CaseAbsentError(f"no {spec.folder}/labels.nii.gz in CARDIOSCAR_DATA")
    return folder


@lru_cache(maxsize=1)
def _mesh_of_heart(seed: int, index: int, edge_mm: float) -> LVMesh:
    """The mesh that both hold-outs of a heart share."""
    return mesh_from_labels(canonical(make_heart(seed, index).labels), edge_mm=edge_mm)


def _held_out(spec: RealCase | PeopleCase, labels: Volume, mesh: LVMesh, about: Mapping[str, Any]) -> Case:
    """A case of which every second slice is hidden; its mesh is made from the labels of all slices, as users do."""
    fraction = replace(labels, values=(labels.values == Label.SCAR).astype(np.float32))
    stack = stack_from_volume(fraction, observed=np.isin(labels.values, WALL))
    hidden = hidden_slices(stack, spec.holdout)
    pieces = stack.only(hidden)
    pixel_mm = np.concatenate([s.pixel_centers_mm() for s in pieces])
    coordinates = lv_coordinates(mesh)
    return Case(
        name=spec.name,
        nodes_mm=mesh.nodes_mm,
        node_ml=mesh.node_volumes_ml,
        tetrahedra=tetrahedra_of(mesh.grid),
        coordinates=_columns(coordinates),
        segment=aha_segments(coordinates),
        stack=crop(stack.only({s.number for s in stack} - hidden), margin_mm=5.0),
        truth=None,
        corridor=np.zeros(mesh.n_nodes, dtype=bool),
        hidden=Hidden(
            sampling_weights(mesh, pixel_mm),
            np.concatenate([s.values[s.observed] for s in pieces]),
            np.concatenate([np.full(s.observed.sum(), s.prism_ml) for s in pieces]),
            np.concatenate([np.full(s.observed.sum(), s.number) for s in pieces]),
        ),
        facts={**about, "nodes": mesh.n_nodes, "hidden_slices": sorted(hidden), "edge_mm": spec.edge_mm},
    )
