"""One phantom: a ventricle, its true scar, its mesh and its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cardioscar.imaging.labels import WALL
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.slices import SliceStack, stack_from_volume
from cardioscar.phantom.acquisition import Acquisition, acquire, draw_protocol
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.mesh import wall_mesh
from cardioscar.phantom.scar import ScarField, draw_center, draw_scar
from cardioscar.phantom.shape import LVShape, draw_shape
from cardioscar.types import NodeMask


@dataclass(frozen=True)
class Phantom:
    """A ventricle of which everything is known.

    Attributes:
        mesh: The wall, mm LPS.
        scar_truth: True scar at the nodes, shape (nodes,).
        isthmus: Nodes of the living corridor through the scar, shape (nodes,); none but in isthmus scars.
        images: Label, scar fraction and LGE volumes.
        shape: The wall as a formula.
        scar: The true scar as a function of any point: `scar(points_mm)`.
        parameters: What was drawn, ready for JSON.
    """

    mesh: LVMesh
    scar_truth: NodeMask
    isthmus: NodeMask
    images: Acquisition
    shape: LVShape
    scar: ScarField
    parameters: dict[str, Any]

    @property
    def stack(self) -> SliceStack:
        """Scar fraction of the slices; observed are the pixels of the labelled wall."""
        return stack_from_volume(
            self.images.scar_fraction,
            observed=np.isin(self.images.labels.values, WALL),
            thickness_mm=self.images.protocol.thickness_mm,
        )


def make_phantom(config: PhantomConfig | None = None, index: int = 0) -> Phantom:
    """Make one phantom of a cohort in memory.

    Anatomy, scar, mesh, slices and noise have random streams of their own, so that another number of nodes
    or other slices leave the heart and its scar as they are.

    Args:
        config: Options of the cohort; default `PhantomConfig()`.
        index: Number of the subject, from 0; the number of subjects plays no part.

    Returns:
        The phantom; the same for the same configuration and index.

    >>> phantom = make_phantom(PhantomConfig(nodes=2_000), index=1)
    >>> bool(phantom.scar_truth.any() and phantom.isthmus.any())
    True
    """
    config = config or PhantomConfig()
    anatomy, scarring, meshing, planning, imaging = (
        np.random.default_rng([config.seed, index, stream]) for stream in range(5)
    )
    kind = config.kind(index)
    artery, center = draw_center(anatomy)
    thinning = anatomy.uniform(0.05, 0.35)
    shape = draw_shape(
        anatomy,
        length_mm=config.length_mm,
        wall_mm=config.wall_mm,
        thin_direction=center,
        thinning=0.0 if kind == "none" else thinning,
    )
    scar = draw_scar(
        scarring,
        shape,
        kind,
        center,
        isthmus_width_mm=config.isthmus_width_mm,
        isthmus_angle_deg=config.isthmus_angle_deg,
    )
    mesh, coordinates = wall_mesh(shape, config.nodes, meshing)
    truth, isthmus = scar.evaluate(coordinates)
    protocol = draw_protocol(planning, shape, config)
    images = acquire(imaging, shape, scar, protocol, config)

    volumes = mesh.node_volumes_ml
    spacing = images.labels.spacing_mm
    parameters: dict[str, Any] = {
        "seed": config.seed,
        "index": index,
        "scar": kind,
        "artery": None if kind == "none" else artery,
        "length_mm": shape.length_mm,
        "wall_mm": shape.wall_mm,
        "cavity_radius_mm": shape.cavity_radius_mm,
        "thinning": shape.thinning,
        "wall_ml": float(volumes.sum()),
        "scar_ml": float(volumes[truth].sum()),
        "isthmus_ml": float(volumes[isthmus].sum()),
        "isthmus_width_mm": scar.isthmus.width_mm if scar.isthmus else None,
        "isthmus_angle_deg": float(np.degrees(scar.isthmus.angle_rad)) if scar.isthmus else None,
        "nodes": mesh.n_nodes,
        "slices": protocol.shape[2],
        "pixel_mm": float(spacing[0]),
        "spacing_mm": float(spacing[2]),
        "slice_thickness_mm": protocol.thickness_mm,
        "tilt_deg": protocol.tilt_deg,
        "shifts_mm": protocol.shifts_mm.tolist(),
        "snr": config.snr,
        "label_noise": config.label_noise,
    }
    return Phantom(mesh, truth, isthmus, images, shape, scar, parameters)
