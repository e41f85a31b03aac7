"""A phantom patient: a ventricle in space whose scar and activation are known at every place of the wall."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from cardioscar.activation.phantoms.activation import HeartActivation, draw_activation
from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.activation.strain.wall_grid import WallGrid
from cardioscar.imaging.coordinates.aha import aha_segments
from cardioscar.imaging.coordinates.lv_coordinates import LVCoordinates, lv_coordinates
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import Phantom, make_phantom
from cardioscar.types import NodeMask, NodeValues

_GRID = WallGrid(heights=41, sectors=126)
_AROUND_SCAR_MM = 6.0
"""How far beside a scar the wall is late with it."""


@dataclass(frozen=True, eq=False)
class PhantomPatient:
    """A patient of whom everything is known.

    Attributes:
        phantom: Ventricle, scar, mesh and late-enhancement images.
        coordinates: Of the mesh's nodes.
        segments: AHA segment of each node.
        grid_tos_ms: True onset on a grid over the wall, shape (41 × 126,).
    """

    phantom: Phantom
    coordinates: LVCoordinates
    segments: Int[np.ndarray, " nodes"]
    grid_tos_ms: Float[np.ndarray, " places"]

    @property
    def mesh(self) -> LVMesh:
        """The wall, mm LPS."""
        return self.phantom.mesh

    @property
    def scar(self) -> NodeMask:
        """True scar at the nodes."""
        return self.phantom.scar_truth

    @property
    def tos_ms(self) -> NodeValues:
        """True onset at the nodes."""
        angle = -self.coordinates.rotational
        return np.asarray(_GRID.weights(self.coordinates.apicobasal, angle) @ self.grid_tos_ms)

    def slice_tos_ms(self, height: float, sectors: int = 126) -> Float[np.ndarray, " sectors"]:
        """True onset of the sectors of a slice.

        Args:
            height: 0 apex to 1 base.
            sectors: How many.
        """
        angle = 2 * np.pi * (np.arange(sectors) + 0.5) / sectors
        return np.asarray(_GRID.weights(np.full(sectors, height), angle) @ self.grid_tos_ms)


def phantom_patient(seed: int, config: PhantomConfig | None = None) -> PhantomPatient:
    """Draw a patient: with bundle branch block where the seed is even, with a late region where it is odd.

    Activation is drawn apart from the scar, so that late wall is living, scarred, or both; and scar delays the wall
    about it, as in `StrainPhantomConfig`.

    Args:
        seed: Equal seeds give equal patients; it also numbers the heart of the cohort.
        config: Of the ventricle, its scar and its images.

    >>> patient = phantom_patient(0, PhantomConfig(nodes=2_000))
    >>> bool(patient.scar.any() and np.ptp(patient.tos_ms) > 40)
    True
    """
    ranges = StrainPhantomConfig()
    block = seed % 2 == 0
    drawn = replace(ranges, block=float(block), late_region=float(not block), scar=0.0)
    random = np.random.default_rng([seed, 30])
    heart = draw_activation(random, drawn)
    phantom = make_phantom(config, index=seed)
    coordinates = lv_coordinates(
        phantom.mesh, septum_direction=phantom.shape.septum_direction, apex_to_base=phantom.shape.apex_to_base
    )
    delay_ms = random.uniform(*ranges.scar_delay_ms)
    tos_ms = _grid_tos_ms(heart, phantom, coordinates, delay_ms)
    return PhantomPatient(phantom, coordinates, aha_segments(coordinates), tos_ms)


def _grid_tos_ms(
    heart: HeartActivation, phantom: Phantom, coordinates: LVCoordinates, delay_ms: float
) -> Float[np.ndarray, " places"]:
    """Onset of the living heart, and behind it where scar delays it by the share of the wall that is scar."""
    heights = np.linspace(0, 1, _GRID.heights)
    living = np.concatenate([heart.tos_ms(_GRID.sectors, float(height)) for height in heights])
    nodes = phantom.mesh.nodes_mm
    # the middle of the wall at each place of the grid, as the mean of the nodes that are nearest in both coordinates
    at = np.column_stack([coordinates.apicobasal, np.cos(coordinates.rotational), -np.sin(coordinates.rotational)])
    wanted = np.column_stack([_GRID.height, np.cos(_GRID.angle), np.sin(_GRID.angle)])
    middle_mm = nodes[cKDTree(at).query(wanted, k=4)[1]].mean(axis=1)
    scar_share = np.zeros(len(middle_mm))
    for place, near in enumerate(cKDTree(nodes).query_ball_point(middle_mm, _AROUND_SCAR_MM)):
        scar_share[place] = phantom.scar_truth[near].mean() if near else 0.0
    begin_ms = float(living.min())
    return np.maximum(living, begin_ms + delay_ms * np.minimum(2 * scar_share, 1))
