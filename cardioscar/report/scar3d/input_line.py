"""What a map was made from, in the words of whoever reads its page: what a pixel said, slices, mesh, thresholds."""

from __future__ import annotations

from typing import Any

from cardioscar.scar3d.quality.result_input import InputSummary

_SOURCES = {
    "labels": "hand labels",
    "probability": "a scar probability in each pixel",
    "layers": "scar fractions of VTK grid layers",
}
FLOOR_SD = 3.0
"""No FWHM threshold lies nearer to remote than this many standard deviations."""
RULES = {"fwhm": "35 to 50 % of the enhancement above remote", "nsd": "2 to 3 SD above remote"}
"""The border zone by signal, by definition."""


def input_line(given: InputSummary) -> str:
    """Say in a line what a pixel was, and what slices and mesh it came with.

    >>> given = InputSummary("labels", None, 9, 1, 10.0, 8.0, (1.25, 1.25), 2, "read", 8765, 2.5, 0.2, "adult", None)
    >>> print(input_line(given).replace(" · ", "\\n"))
    Scar from hand labels
    9 slices of 8 mm, 10 mm apart, 1 more hidden from the fit
    pixels of 1.25 × 1.25 mm, merged 2 × 2
    own mesh, 8,765 nodes
    """
    apart, merged = given.slice_distance_mm, given.merged_pixels
    slices = f"{given.slices} slices of {given.slice_thickness_mm:g} mm"
    slices += f", {apart:.3g} mm apart" if apart is not None else ""
    slices += f", {given.hidden_slices} more hidden from the fit" if given.hidden_slices else ""
    pixels = f"pixels of {' × '.join(f'{x:.3g}' for x in given.pixel_mm)} mm"
    pixels += f", merged {merged} × {merged}" if merged > 1 else ""
    mesh = "own mesh" if given.mesh == "read" else f"mesh {given.mesh}"
    return " · ".join([f"Scar from {_scar_from(given)}", slices, pixels, f"{mesh}, {given.nodes:,} nodes"])


def _scar_from(given: InputSummary) -> str:
    if given.segmenter is not None:
        by = f"found by the network {given.segmenter}"
        if given.scar_from == "labels":
            return f"labels of wall and scar, {by}"
        return f"{_by_rule(given)}, in a wall {by}"
    return _by_rule(given)


def _by_rule(given: InputSummary) -> str:
    rule, signal = given.scar_from, given.signal
    if rule not in ("fwhm", "nsd"):
        return _SOURCES.get(rule, rule)
    name = "the image by FWHM" if rule == "fwhm" else f"the image by {given.n_sd or 5:g} SD"
    if signal is None or signal.remote_mean is None or signal.remote_sd is None:
        return name
    threshold, mean, sd = signal.scar_threshold, signal.remote_mean, signal.remote_sd
    remote = f"remote {_signal(mean)} ± {_signal(sd)}"
    if threshold is None:
        return f"{name}: the wall is nowhere enhanced ({remote} a.u.)"
    floor = rule == "fwhm" and abs(threshold - mean - FLOOR_SD * sd) < 0.01 * sd
    return f"{name}: signal above {_signal(threshold)} a.u. ({remote}{', held at 3 SD' if floor else ''})"


def _signal(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def signal_rows(given: InputSummary, border_zone_ml: float | None) -> dict[str, Any] | None:
    """What the page says of the image's signal.

    Args:
        given: What the map was made from.
        border_zone_ml: Volume of the border zone at the nodes of the mesh.

    Returns:
        `remote_mean`, `remote_sd`, `scar_threshold` and the `rows` of the border zones (`name`, `lower`, `upper`,
        `slabs_ml`, `ml`, the last for the one that the nodes follow); None without an image.
    """
    signal = given.signal
    if signal is None:
        return None
    rows = [
        {"name": RULES.get(rule, rule), **vars(zone), "ml": border_zone_ml if rule == signal.rule else None}
        for rule, zone in signal.border_zones.items()
    ]
    return {**vars(signal), "rows": rows, "name": RULES.get(signal.rule, signal.rule)}
