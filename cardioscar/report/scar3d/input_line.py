"""What a map was made from, in the words of whoever reads its page: what a pixel said, slices, mesh, thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cardioscar.report.page import is_number

_SOURCES = {
    "labels": "hand labels",
    "probability": "a scar probability in each pixel",
    "layers": "scar fractions of VTK grid layers",
}
FLOOR_SD = 3.0
"""No FWHM threshold lies nearer to remote than this many standard deviations."""
RULES = {"fwhm": "35 to 50 % of the enhancement above remote", "nsd": "2 to 3 SD above remote"}
"""The border zone by signal, by definition."""


def input_line(given: Mapping[str, Any] | None) -> str:
    """Say in a line what a pixel was, and what slices and mesh it came with.

    Args:
        given: `input` of `metrics.json`.

    Returns:
        Plain text; empty where it was not recorded.

    >>> input_line({"scar_from": "labels", "slices": 9, "slice_thickness_mm": 8.0, "slice_distance_mm": 10.0,
    ...     "pixel_mm": [1.25, 1.25], "merged_pixels": 2})
    'Scar from hand labels · 9 slices of 8 mm, 10 mm apart · pixels of 1.25 × 1.25 mm, merged 2 × 2'
    """
    if not given:
        return ""
    parts = [f"Scar from {_scar_from(given)}"]
    if given.get("slices"):
        apart = given.get("slice_distance_mm")
        text = f"{given['slices']} slices of {given['slice_thickness_mm']:g} mm"
        text += f", {apart:.3g} mm apart" if is_number(apart) else ""
        text += f", {given['hidden_slices']} more hidden from the fit" if given.get("hidden_slices") else ""
        parts.append(text)
    if given.get("pixel_mm"):
        merged = given.get("merged_pixels") or 1
        size = " × ".join(f"{x:.3g}" for x in given["pixel_mm"])
        parts.append(f"pixels of {size} mm" + (f", merged {merged} × {merged}" if merged > 1 else ""))
    if given.get("nodes"):
        mesh = "own mesh" if given.get("mesh") == "read" else f"mesh {given.get('mesh')}"
        parts.append(f"{mesh}, {given['nodes']:,} nodes")
    return " · ".join(parts)


def _scar_from(given: Mapping[str, Any]) -> str:
    rule, signal = str(given.get("scar_from")), given.get("signal") or {}
    if rule not in ("fwhm", "nsd"):
        return _SOURCES.get(rule, rule)
    name = "the image by FWHM" if rule == "fwhm" else f"the image by {given.get('n_sd') or 5:g} SD"
    threshold, mean, sd = (signal.get(key, math.nan) for key in ("scar_threshold", "remote_mean", "remote_sd"))
    if not (is_number(mean) and is_number(sd)):
        return name
    remote = f"remote {_signal(mean)} ± {_signal(sd)}"
    if not is_number(threshold):
        return f"{name}: the wall is nowhere enhanced ({remote} a.u.)"
    floor = rule == "fwhm" and abs(threshold - mean - FLOOR_SD * sd) < 0.01 * sd
    return f"{name}: signal above {_signal(threshold)} a.u. ({remote}{', held at 3 SD' if floor else ''})"


def _signal(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def signal_rows(given: Mapping[str, Any] | None, border_zone_ml: Any) -> dict[str, Any] | None:
    """What the page says of the image's signal.

    Args:
        given: `input` of `metrics.json`.
        border_zone_ml: Volume of the border zone at the nodes of the mesh.

    Returns:
        `remote_mean`, `remote_sd`, `scar_threshold` and the `rows` of the border zones (`name`, `lower`, `upper`,
        `slabs_ml`, `ml`, the last for the one that the nodes follow); None without an image.
    """
    signal = (given or {}).get("signal")
    if not signal:
        return None
    rows = [
        {"name": RULES.get(rule, rule), **zone, "ml": border_zone_ml if rule == signal["rule"] else None}
        for rule, zone in signal["border_zones"].items()
    ]
    return {**signal, "rows": rows, "name": RULES.get(signal["rule"], signal["rule"])}
