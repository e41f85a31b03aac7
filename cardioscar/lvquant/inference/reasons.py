"""Why a quantified cine may not be relied on, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cardioscar.errors import counted
from cardioscar.imaging.cine import Cine
from cardioscar.lvquant.cine_indices import CineIndices
from cardioscar.lvquant.inference.intervals import Quantity
from cardioscar.lvquant.inference.result import Disagreement

MOST_APART = {"areas_percent": 15.0, "dimensions_mm": 4.0, "thickness_mm": 2.5, "phase_percent": 20.0,
              "thickening_points": 30.0}  # fmt: skip
"""Disagreement of the two ways beyond which it is a reason: about twice the errors that are published of networks of
several tasks on hearts like those that they learned from; of thickening what 2.5 mm are of a wall of 8 mm."""
MOST_EF_APART, MOST_VOLUME_APART_PERCENT = 8.0, 15.0
"""Likewise of ejection fractions in points, and of volumes and mass: what two human readers differ by."""
LEAST_SLICES = 5
"""Slices with a cavity at end-diastole below which summing them says little."""
_JUMP = 0.25
"""Share of the largest volume by which neighbouring frames may differ, and more where there are few: three times what
each would have of a stroke that empties the ventricle."""
_WITNESS = {"thickening_points": "thickness_mm"}
"""What another disagreement is computed from: where that is as far off, it is no witness either."""
_SAID = {
    "areas_percent": ("areas", "%"), "dimensions_mm": ("cavity dimensions", "mm"),
    "thickness_mm": ("wall thicknesses", "mm"), "phase_percent": ("the phase", "% of the frames"),
    "thickening_points": ("thickening of the segments", "points"),
}  # fmt: skip
_NAMED = {
    "lv_edv_ml": "end-diastolic volume", "lv_esv_ml": "end-systolic volume", "lv_ef_percent": "ejection fraction",
    "lv_mass_g": "mass",
}  # fmt: skip


def reasons_of(
    cine: Cine,
    measured: CineIndices,
    disagreement: Disagreement,
    quantities: Mapping[str, Quantity],
    ed_frame: int | None,
    *,
    regressed_errors: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """Reasons to look at a cine before its numbers are used.

    Args:
        cine: The cine.
        measured: Indices from the segmentation.
        disagreement: Of the two ways to every index.
        quantities: Quantities of the stack by name.
        ed_frame: End-diastole; None where no ventricle was found.
        regressed_errors: Mean errors of what the network regresses, as `Quantifier` has them: what is as far off on
            hearts like those that it learned from is no witness against what was measured.
    """
    errors = regressed_errors or {}
    if ed_frame is None:
        return ("no left ventricle was found in two frames",)
    found = []
    for name, most in MOST_APART.items():
        apart = getattr(disagreement, name)
        by = _WITNESS.get(name, name)
        if apart is not None and apart > most and errors.get(by, 0.0) <= MOST_APART[by]:
            thing, unit = _SAID[name]
            found.append(f"{thing} regressed and measured from the segmentation differ by {apart:.1f} {unit}")
    for name, one in quantities.items():
        if one.regressed is None or name.startswith("lv_thickening"):
            continue
        apart, share = abs(one.regressed - one.value), name != "lv_ef_percent"
        if share and one.value > 0:
            apart *= 100 / one.value
        if name != "lv_sv_ml" and apart > (MOST_VOLUME_APART_PERCENT if share else MOST_EF_APART):
            unit = "%" if share else "points"
            found.append(f"{_NAMED.get(name, name)} regressed and measured differ by {apart:.0f} {unit}")
    if cine.slices > 1:
        found += _of_stack(cine, measured, ed_frame)
    return tuple(found)


def _of_stack(cine: Cine, measured: CineIndices, ed_frame: int) -> list[str]:
    found = []
    shown = np.isfinite(measured.dimensions_mm).all(axis=-1)
    at = np.flatnonzero(shown[:, ed_frame])
    if len(at) < LEAST_SLICES:
        found.append(f"only {counted(len(at), 'slice')} with a cavity at end-diastole")
    if len(at) and at[-1] == cine.slices - 1:
        found.append("the cavity reaches the last slice at the base: part of it may lie beyond the stack")
    if len(at) and at[0] == 0 and measured.cavity_mm2[0, ed_frame] > 0.25 * np.nanmax(measured.cavity_mm2[:, ed_frame]):
        found.append("the cavity is wide in the first slice at the apex: part of it may lie beyond the stack")
    if len(at) and len(at) != at[-1] - at[0] + 1:
        found.append("a slice without a cavity between others that show one")
    lost = int((~measured.labelled).sum())
    if lost:
        found.append(f"no ventricle found in {counted(lost, 'frame')}")
    volume = np.nansum(measured.cavity_mm2, axis=0)
    most = max(_JUMP, 3 / cine.frames) * volume.max()
    if np.abs(volume - np.roll(volume, 1)).max() > most:
        found.append("the volume jumps from one frame to the next")
    return found
