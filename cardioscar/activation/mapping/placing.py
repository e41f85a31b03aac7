"""Slices of strain laid on the ventricle of a mesh: by the scanner's frame where both state one, else by the axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cardioscar.activation.mapping.ventricle import Ventricle
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.sectors import renumbered
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import ConfigError, InputError, counted
from cardioscar.imaging.alignment.lv_axes import LVAxes, Together, bring_together

How = Literal["scanner frame", "axes", "locations", "assumed"]
"""`scanner frame`: both lie where the scanner saw them. `axes`: long axes and septums are laid on each other, because
the frames differ. `locations`: heights by apex and base as they are given. `assumed`: the middle of the slices is taken
to lie half way along the ventricle."""

_OUTSIDE = 0.08
"""Share of the length by which a slice may lie beyond apex or base: hearts move between examinations."""
_WITHIN = (0.02, 0.98)


@dataclass(frozen=True)
class PlacingConfig:
    """When frames and hearts are the same."""

    apart_mm: float = 15.0
    """Distance of the long axes up to which the scanner's frame holds for both: hearts move with the breath."""
    tilt_deg: float = 25.0
    """Angle between the long axes up to which it does."""
    turn_deg: float = 40.0
    """Angle between the septums from which a person is asked to look."""
    size_ratio: float = 0.72
    """Least ratio of two sizes of one heart, radius or length; at end-diastole they differ by a tenth, drawn by two."""

    def __post_init__(self) -> None:
        for name, low, high in (("apart_mm", 0, 200), ("tilt_deg", 0, 180), ("turn_deg", 0, 180), ("size_ratio", 0, 1)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(name, f"{low} to {high}", f"{getattr(self, name):g}")


@dataclass(frozen=True, eq=False)
class Placed:
    """Where slices lie in the ventricle.

    Attributes:
        heights: 0 apex to 1 base.
        turn_rad: Rotational coordinate, on the mesh, of the septum that the sectors are counted from.
        how: What it rests on.
        together: How far axes of strain and mesh are apart; None where the strain states none.
        size_ratio: Radius of the strain's wall over that of the mesh; None where the strain tells none.
    """

    heights: Float[np.ndarray, " slices"]
    turn_rad: float
    how: How
    together: Together | None = None
    size_ratio: float | None = None

    def turned(self, onsets: SectorOnsets) -> SectorOnsets:
        """Onsets of a slice with the sectors counted from the septum of the mesh."""
        first = round(self.turn_rad / (2 * np.pi) * onsets.sectors)
        values = (onsets.tos_ms, onsets.low_ms, onsets.high_ms, onsets.classes)
        return SectorOnsets(*(renumbered(one, first) for one in values))


def place_slices(
    places: Sequence[SlicePlace],
    ventricle: Ventricle,
    *,
    apex_mm: float | None = None,
    base_mm: float | None = None,
    config: PlacingConfig | None = None,
    where: str = "strain",
) -> Placed:
    """Find the heights of slices, and by what angle their septum differs from the mesh's.

    Args:
        places: Of the slices.
        ventricle: Of the mesh.
        apex_mm: Where the apex lies in the strain's own locations, where somebody has said it.
        base_mm: Where the base lies.
        config: Limits.
        where: Name of the strain for errors.

    Raises:
        InputError: If a slice says nothing of its place, or sizes are those of different hearts.
    """
    config = config or PlacingConfig()
    axes = [one.axes for one in places if one.axes is not None]
    if places and len(axes) == len(places):
        found = _by_axes(axes, ventricle, config)
    else:
        locations = np.array([np.nan if one.location_mm is None else one.location_mm for one in places])
        missing = int((~np.isfinite(locations)).sum())
        if missing or not places:
            rule = "a location of each slice (location_mm)"
            raise InputError(where, rule, f"{counted(missing, 'slice')} without" if places else "no slice")
        found = _by_locations(locations, ventricle, apex_mm, base_mm, config, where)
    ratio = _size_ratio(places, found.heights, ventricle)
    if ratio is not None and not config.size_ratio <= ratio <= 1 / config.size_ratio:
        radius = [one.radius_mm for one in places if one.radius_mm is not None]
        rule = "a heart of the size that the scar map has (not those of two people)"
        found_mm = f"a wall of {np.mean(radius):.0f} mm radius, {ratio:.2f} times that of the map"
        raise InputError(where, rule, found_mm)
    outside = (found.heights < -_OUTSIDE) | (found.heights > 1 + _OUTSIDE)
    if outside.any():
        rule = f"slices within the ventricle of the scar map, {ventricle.length_mm:.0f} mm long"
        raise InputError(where, rule, f"{counted(int(outside.sum()), 'slice')} outside")
    return Placed(np.clip(found.heights, *_WITHIN), found.turn_rad, found.how, found.together, ratio)


def mean_axes(axes: Sequence[LVAxes]) -> LVAxes:
    """Axes of a stack of slices: the means of theirs."""
    center = np.mean([one.center_mm for one in axes], axis=0)
    return LVAxes.of(
        center, np.mean([one.long_axis for one in axes], axis=0), np.mean([one.septum for one in axes], axis=0)
    )


def _by_axes(axes: Sequence[LVAxes], ventricle: Ventricle, config: PlacingConfig) -> Placed:
    stack, centers = mean_axes(axes), np.array([one.center_mm for one in axes])
    middle = float(ventricle.height(stack.center_mm[None])[0])
    together = bring_together(stack, ventricle.at_height(middle))
    if together.apart_mm <= config.apart_mm and together.tilt_deg <= config.tilt_deg:
        septum = stack.septum - (stack.septum @ ventricle.axes.long_axis) * ventricle.axes.long_axis
        return Placed(ventricle.height(centers), ventricle.axes.angle(septum), "scanner frame", together)
    along = stack.height_mm(centers)
    _check_extent(along, ventricle, "strain")
    together = bring_together(stack, ventricle.axes)
    return Placed(0.5 + (along - _middle(along)) / ventricle.length_mm, 0.0, "axes", together)


def _by_locations(
    locations: Float[np.ndarray, " slices"],
    ventricle: Ventricle,
    apex_mm: float | None,
    base_mm: float | None,
    config: PlacingConfig,
    where: str,
) -> Placed:
    if apex_mm is not None and base_mm is not None:
        length = base_mm - apex_mm
        if not length > 1:
            raise InputError(where, "a base that lies above the apex", f"{length:g} mm between them")
        ratio = length / ventricle.length_mm
        if not config.size_ratio <= ratio <= 1 / config.size_ratio:
            rule = "a heart of the size that the scar map has (not those of two people)"
            raise InputError(where, rule, f"{length:.0f} mm from apex to base beside {ventricle.length_mm:.0f}")
        return Placed((locations - apex_mm) / length, 0.0, "locations")
    _check_extent(locations, ventricle, where)
    return Placed(0.5 + (locations - _middle(locations)) / ventricle.length_mm, 0.0, "assumed")


def _check_extent(along: Float[np.ndarray, " slices"], ventricle: Ventricle, where: str) -> None:
    extent = float(np.ptp(along))
    if extent > (1 + _OUTSIDE) * ventricle.length_mm:
        rule = "a heart of the size that the scar map has (not those of two people)"
        raise InputError(where, rule, f"slices over {extent:.0f} mm beside {ventricle.length_mm:.0f} mm of wall")


def _middle(along: Float[np.ndarray, " slices"]) -> float:
    return float(along.min() + along.max()) / 2


def _size_ratio(
    places: Sequence[SlicePlace], heights: Float[np.ndarray, " slices"], ventricle: Ventricle
) -> float | None:
    known = [(one.radius_mm, height) for one, height in zip(places, heights, strict=True) if one.radius_mm is not None]
    if not known:
        return None
    ours = ventricle.radius_mm(np.array([height for _, height in known]))
    return float(np.median([radius for radius, _ in known] / ours))
