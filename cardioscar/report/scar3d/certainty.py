"""The volumes at the head of the page and what they mean: scar by how sure the map is of it, and the border zone."""

from __future__ import annotations

from cardioscar.scar3d.quality.result import SubjectMetrics


def certainty_content(metrics: SubjectMetrics, border_zone_rule: str = "") -> dict[str, str]:
    """Words for the tiles and the sentence below them.

    Args:
        metrics: What is said of the map.
        border_zone_rule: Definition of the border zone, where there is one.

    Returns:
        `likely`, `uncertain`, `possible` (probabilities as text) and `note`.
    """
    (low, high), threshold = metrics.doubt_range, metrics.threshold
    note = (
        f"Scar is tissue whose scar probability is at least {threshold:g}: likely and uncertain scar add up to it. "
        "Possible scar is not counted. These are steps of doubt about the reconstruction, not kinds of tissue."
    )
    if metrics.scar.border_zone_ml is not None:
        note += (
            f" Border zone is tissue of intermediate signal in the image ({border_zone_rule}), beside the scar and not "
            "in it; interpolated by shape between the slices, without an interval."
        )
    else:
        note += " There is no border zone: it is read off an LGE image, and none was given on the grid of the wall."
    return {
        "likely": f"probability from {max(high, threshold):g}",
        "uncertain": f"{threshold:g} to {max(high, threshold):g}",
        "possible": f"{min(low, threshold):g} to {threshold:g}, not counted",
        "note": note,
    }
