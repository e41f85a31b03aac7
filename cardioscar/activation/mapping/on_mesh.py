"""Onset over a wall: slices laid on the ventricle of a mesh, or on one of usual form where there is no mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cardioscar.activation.mapping.activation_map import ActivationMap, activation_map
from cardioscar.activation.mapping.kernel import MapConfig
from cardioscar.activation.mapping.placing import Placed, PlacingConfig, place_slices
from cardioscar.activation.mapping.ventricle import Ventricle
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.imaging.coordinates.aha import aha_segments
from cardioscar.imaging.coordinates.lv_coordinates import LVCoordinates, lv_coordinates
from cardioscar.imaging.formats.mesh_arrays import put_result
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.phantom.mesh import wall_mesh
from cardioscar.phantom.shape import APEX_TO_BASE, SEPTUM, LVShape

_USUAL_WALL_MM = 9.0
_USUAL_NODES = 6_000
_SPAN = 0.7
"""Share of the ventricle that slices of unknown ventricles are taken to cover at most."""


@dataclass(frozen=True, eq=False)
class MappedWall:
    """A wall with its activation.

    Attributes:
        mesh: Nodes and cells.
        coordinates: Of the nodes.
        segments: AHA segment of each node.
        placed: Where the slices lie in it, and what that rests on.
        found: The map.
        usual: Whether the wall is one of usual form, because there was no mesh.
    """

    mesh: LVMesh
    coordinates: LVCoordinates
    segments: Int[np.ndarray, " nodes"]
    placed: Placed
    found: ActivationMap
    usual: bool

    def point_data(self) -> dict[str, np.ndarray]:
        """What the mesh is to hold: onset, its standard deviation, distance to the slices, coordinates, segment."""
        at = self.coordinates
        return {
            **self.found.point_data(at.apicobasal, at.rotational),
            **at.stored(),
            "aha_segment": self.segments.astype(np.uint8),
        }

    def grid(self) -> Any:
        """The mesh with `point_data`."""
        grid = self.mesh.grid.copy()
        for name, values in self.point_data().items():
            put_result(grid.point_data, name, values)
        return grid

    def by_segment(self) -> dict[int, tuple[float, float]]:
        """Mean onset of each segment, and the mean of its standard deviation, in ms, by volume."""
        at, volumes = self.coordinates, np.maximum(self.mesh.node_volumes_ml, 1e-12)
        tos_ms, sd_ms = (one(at.apicobasal, at.rotational) for one in (self.found.tos_ms, self.found.sd_ms))
        means = {}
        for segment in range(1, 18):
            here = self.segments == segment
            if here.any():
                means[segment] = tuple(float(np.average(one[here], weights=volumes[here])) for one in (tos_ms, sd_ms))
        return {segment: (mean, sd) for segment, (mean, sd) in means.items()}


def map_on_wall(
    onsets: Sequence[SectorOnsets],
    places: Sequence[SlicePlace],
    mesh: LVMesh | None = None,
    *,
    septum: Float[np.ndarray, " xyz"] | None = None,
    apex_to_base: Float[np.ndarray, " xyz"] | None = None,
    apex_mm: float | None = None,
    base_mm: float | None = None,
    config: MapConfig | None = None,
    placing: PlacingConfig | None = None,
) -> MappedWall:
    """Lay slices on a wall and interpolate their onsets over it.

    Args:
        onsets: Of the slices, with intervals that hold 90 % of the truths.
        places: Of the slices.
        mesh: The wall; None for one of usual form, as long as apex and base or the slices ask for.
        septum: Direction from the long axis of the mesh to the middle of the septum, LPS.
        apex_to_base: Long axis of the mesh, LPS; default from its form.
        apex_mm: Where the apex lies in the slices' own locations, where somebody has said it.
        base_mm: Where the base lies.
        config: What is known of activation beforehand; length and radius are those of the mesh.
        placing: Limits within which slices and mesh are of one heart.

    Raises:
        InputError: If there are fewer than two slices, one does not say where it lies, or slices and mesh are of
            different hearts.
        GeometryError: If the mesh is no LV wall.
    """
    config = config or MapConfig()
    usual = mesh is None
    if mesh is None:
        mesh, septum, apex_to_base = usual_wall(_usual_length_mm(places, apex_mm, base_mm, config), config.radius_mm)
        # such a wall lies nowhere: slices are laid on it by their locations alone
        places = [replace(one, axes=None, location_mm=height, radius_mm=None) for one, height in
                  zip(places, _locations(places), strict=True)]  # fmt: skip
    at = lv_coordinates(mesh, septum_direction=septum, apex_to_base=apex_to_base)
    ventricle = Ventricle.of(
        mesh.nodes_mm, at.apicobasal, at.transmural, at.rotational, at.long_axis, at.septum_direction
    )
    placed = place_slices(places, ventricle, apex_mm=apex_mm, base_mm=base_mm, config=placing)
    sized = replace(config, length_mm=ventricle.length_mm, radius_mm=float(ventricle.radii_mm.max()))
    found = activation_map([placed.turned(one) for one in onsets], placed.heights.tolist(), sized)
    return MappedWall(mesh, at, aha_segments(at), placed, found, usual)


def usual_wall(length_mm: float, radius_mm: float) -> tuple[LVMesh, np.ndarray, np.ndarray]:
    """A wall of usual form, where most hearts lie.

    Args:
        length_mm: From the epicardium's apex to the base.
        radius_mm: Of the middle of the wall at its widest.

    Returns:
        Mesh, direction of the septum, and long axis, LPS.
    """
    axis = APEX_TO_BASE
    septum = SEPTUM - (SEPTUM @ axis) * axis
    septum /= np.linalg.norm(septum)
    shape = LVShape(
        length_mm=length_mm,
        wall_mm=_USUAL_WALL_MM,
        apex_wall_mm=0.6 * _USUAL_WALL_MM,
        cavity_radius_mm=radius_mm - _USUAL_WALL_MM / 2,
        equator=0.35,
        septum_flattening=0.0,
        ovality=0.0,
        ovality_angle_rad=0.0,
        thin_direction=np.array([1.0, 0, 0]),
        thinning=0.0,
        axes=np.column_stack([septum, np.cross(axis, septum), axis]),
        base_center_mm=np.zeros(3),
    )
    return wall_mesh(shape, _USUAL_NODES, np.random.default_rng(0))[0], septum, axis


def _locations(places: Sequence[SlicePlace]) -> list[float | None]:
    """Where slices lie along their own long axis."""
    axes = [one.axes for one in places]
    if all(one is not None for one in axes) and any(one.location_mm is None for one in places):
        first = next(one for one in axes if one is not None)
        return [float(first.height_mm(one.center_mm[None])[0]) for one in axes if one is not None]
    return [one.location_mm for one in places]


def _usual_length_mm(
    places: Sequence[SlicePlace], apex_mm: float | None, base_mm: float | None, config: MapConfig
) -> float:
    if apex_mm is not None and base_mm is not None and base_mm - apex_mm > 1:
        return base_mm - apex_mm
    known = [one for one in _locations(places) if one is not None]
    extent = float(np.ptp(known)) if len(known) > 1 else 0.0
    return max(config.length_mm, extent / _SPAN)
