"""Whether what is found of a subject's activation can be relied on: pass, review or fail, with the reasons."""

from __future__ import annotations

from cardioscar.activation.findings import ActivationFindings, Verdict

NO_SHORTENING, WEAK = -0.02, -0.06
"""Peak strain above which nothing shortens, and above which little does: healthy mid-wall has −0.19."""
COARSE_MS = 45.0
"""Time between frames above which an onset is told by fewer frames than it is late by."""
LATE_START_MS = 60.0
"""Time of the first frame from which on early wall has begun before anybody looked."""
WIDE_MS = 30.0
"""Median half width of the intervals, from which on 40 ms of delay cannot be told."""
_AT_FLOOR, _SCARRED, _FAR = 0.6, 0.6, 0.5


def verdict(found: ActivationFindings) -> Verdict:
    """Judge.

    Args:
        found: All of a subject; its verdict plays no part.
    """
    if found.peak_strain > NO_SHORTENING:
        return Verdict("fail", (f"the wall does not shorten (peak strain {found.peak_strain:.3f})",))
    reasons = [row["warning"] for row in found.warnings]
    if found.peak_strain > WEAK:
        reasons.append(f"the wall shortens little (peak strain {found.peak_strain:.3f})")
    spacing_ms = max((row.last_ms - row.first_ms) / max(row.frames - 1, 1) for row in found.slices)
    if spacing_ms > COARSE_MS:
        reasons.append(f"frames are {spacing_ms:.0f} ms apart, no finer than the delay that counts as late")
    first_ms = max(row.first_ms for row in found.slices)
    if first_ms > LATE_START_MS:
        reasons.append(f"the first frame comes {first_ms:.0f} ms after the R wave")
    if found.onsets_by == "network" and found.half_width_ms > WIDE_MS:
        reasons.append(f"onsets are told to ± {found.half_width_ms:.0f} ms, the median of the intervals")
    at_floor = max(row.at_floor_fraction for row in found.slices)
    if at_floor > _AT_FLOOR:
        reasons.append(f"in {at_floor:.0%} of a slice's sectors the wall shortens from the first frame on")
    if found.scarred_fraction > _SCARRED:
        reasons.append(f"{found.scarred_fraction:.0%} of the sectors are called scarred")
    if found.no_map:
        reasons.append(f"no map: {found.no_map}")
    elif found.map is not None and found.map.far_fraction > _FAR:
        reasons.append(f"{found.map.far_fraction:.0%} of the wall is far from any slice")
    return Verdict("review" if reasons else "pass", tuple(dict.fromkeys(reasons)))
