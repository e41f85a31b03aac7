"""What the LGE image itself says: remote myocardium, thresholds in its own units, and the border zone by signal."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.border_zone import BorderZone, border_zone, slab_ml
from cardioscar.imaging.formats.mesh_arrays import put_result
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.slices import Slice, SliceStack, slice_axis, stack_from_volume
from cardioscar.imaging.thresholds import ThresholdRule, scar_by_signal
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.observation.interpolation import signed_distance
from cardioscar.scar3d.observation.reach import distance_to_pixels_mm
from cardioscar.scar3d.observation.scar_source import ScarSource
from cardioscar.types import NodeMask

log = logging.getLogger(__name__)

REACH_MM = 10.0
"""Tissue farther than this from any wall pixel is not called border zone: nothing was seen there."""


def signal_facts(
    source: ScarSource, visible: SliceStack, hidden: Collection[int], mesh: LVMesh, *, n_sd: float
) -> dict[str, Any] | None:
    """What `preprocess.json` says of the image; adds the point data `border_zone` to the mesh.

    Hidden slices are left out. The border zone at the nodes is interpolated by shape between the slices, so it has no
    uncertainty of its own.

    Args:
        source: Where the scar comes from, with its image.
        visible: The slices that the fit sees, in the frames that it sees them in.
        hidden: Numbers of the slices that it does not see.
        mesh: The subject's mesh.
        n_sd: Standard deviations of the n-SD rule.

    Returns:
        `remote_mean`, `remote_sd`, `scar_threshold` (all in the image's units; the last where the scar was thresholded
        and there is some), and for `fwhm` and `nsd` in `border_zones`: `lower`, `upper` and `slabs_ml`; `rule`, the one
        that the nodes follow. None where there is no image on the grid of the wall, or too little wall.
    """
    lge = source.lge
    wall = None if lge is None else _wall(source, lge, hidden)
    if lge is None or wall is None:
        return None
    rule: ThresholdRule = "nsd" if source.rule == "nsd" else "fwhm"
    try:
        by_rule = scar_by_signal(lge, wall, rule=rule, n_sd=n_sd)
        by_half = by_rule if rule == "fwhm" else scar_by_signal(lge, wall, rule="fwhm")
    except InputError as error:
        log.info("no border zone by signal: %s", error)
        return None
    zones = {name: border_zone(lge, wall, by_half, name) for name in ("fwhm", "nsd")}
    put_result(mesh.grid.point_data, "border_zone", _at_nodes(zones[rule], lge, visible, mesh).astype(np.uint8))
    thickness_mm = visible.slices[0].thickness_mm
    thresholded = source.rule in ("fwhm", "nsd")
    return {
        "remote_mean": _rounded(by_rule.remote_mean),
        "remote_sd": _rounded(by_rule.remote_sd),
        "scar_threshold": _rounded(by_rule.threshold) if thresholded else None,
        "rule": rule,
        "border_zones": {
            name: {
                "lower": _rounded(zone.lower),
                "upper": _rounded(zone.upper),
                "slabs_ml": round(slab_ml(zone.mask, lge, thickness_mm), 4),
            }
            for name, zone in zones.items()
        },
    }


def _wall(source: ScarSource, lge: Volume, hidden: Collection[int]) -> np.ndarray | None:
    """Wall of the visible slices on the grid of the image."""
    of_image = {piece.number: piece.values.shape for piece in stack_from_volume(lge)}
    if any(of_image.get(piece.number) != piece.observed.shape for piece in source.stack):
        return None  # slices of another grid
    seen = {piece.number: piece.observed for piece in source.stack if piece.number not in hidden}
    planes = [seen.get(number, np.zeros(shape, dtype=bool)) for number, shape in of_image.items()]
    wall = np.moveaxis(np.stack(planes), 0, slice_axis(lge))
    return wall if wall.any() else None


def _at_nodes(zone: BorderZone, lge: Volume, visible: SliceStack, mesh: LVMesh) -> NodeMask:
    inside = np.zeros(mesh.n_nodes, dtype=bool)
    if not zone.mask.any():
        return inside
    near = np.flatnonzero(distance_to_pixels_mm(visible, mesh.nodes_mm) <= REACH_MM)
    infarct, core = (
        signed_distance(_with_values(visible, mask, lge), mesh.nodes_mm[near]) >= 0.5
        for mask in (zone.infarct, zone.core)
    )
    inside[near] = infarct & ~core
    return inside


def _with_values(stack: SliceStack, mask: np.ndarray, lge: Volume) -> SliceStack:
    planes = {piece.number: piece.values for piece in stack_from_volume(replace(lge, values=mask.astype(np.float32)))}

    def filled(piece: Slice) -> Slice:
        return replace(piece, values=planes[piece.number])

    return replace(stack, slices=tuple(filled(piece) for piece in stack))


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
