"""The tables that set cardioscar beside the baselines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cardioscar.report.page import is_number, number
from cardioscar.report.style import METHOD_COLOURS
from cardioscar.scar3d.quality.result_scores import HiddenSlice, NodeScores, PixelScores

METHOD_NAMES = {
    "cardioscar": "cardioscar",
    "baseline": "Baseline",
    "log_odds": "Log-odds",
    "signed_distance": "Signed distance",
}

# key: title, decimals, whether more is better
COLUMNS: Mapping[str, tuple[str, int, bool]] = {
    "dice": ("Dice", 3, True),
    "volume_error_percent": ("Volume error, %", 1, False),
    "hd95_mm": ("HD95, mm", 1, False),
    "ece": ("ECE", 3, False),
    "brier": ("Brier", 3, False),
}


def score_table(
    scores: Mapping[str, NodeScores] | Mapping[str, PixelScores] | None, caption: str
) -> dict[str, Any] | None:
    """Lay out scores by method and measure, with the best of each measure marked.

    Args:
        scores: By method; a score that is None is undefined.
        caption: What was scored.

    Returns:
        Rows and columns for the template, or None without scores.
    """
    if not scores:
        return None
    columns = [key for key in COLUMNS if any(hasattr(own, key) for own in scores.values())]
    methods = [*METHOD_NAMES, *(name for name in scores if name not in METHOD_NAMES)]
    by_column = {key: _cells([getattr(scores.get(name), key, None) for name in methods], key) for key in columns}
    return {
        "caption": caption,
        "columns": [{"title": COLUMNS[key][0]} for key in columns],
        "rows": [
            {
                "name": METHOD_NAMES.get(name, name),
                "ours": name == "cardioscar",
                "colour": METHOD_COLOURS.get(name, "#8b95a0"),
                "cells": [by_column[key][place] for key in columns],
            }
            for place, name in enumerate(methods)
        ],
    }


def slice_rows(per_slice: Iterable[HiddenSlice]) -> list[dict[str, Any]]:
    """Dice of each method on each hidden slice, in the order of `METHOD_NAMES`, the best of a slice marked."""
    return [
        {
            "slice": row.slice,
            "wall_pixels": row.wall_pixels,
            "scar_pixels": row.scar_pixels,
            "cells": _cells([row.cardioscar, row.baseline, row.log_odds, row.signed_distance], "dice"),
        }
        for row in per_slice
    ]


def _cells(values: Sequence[Any], key: str) -> list[dict[str, Any]]:
    _, digits, more_is_better = COLUMNS[key]
    # What reads the same is the same: ties are judged on the rounded numbers. An error of volume has a sign.
    merit = [round(v if more_is_better else -abs(v), digits) if is_number(v) else None for v in values]
    known = [v for v in merit if v is not None]
    best = max(known) if len(known) > 1 and len(set(known)) > 1 else None
    return [
        {"text": number(value, digits), "best": best is not None and worth == best}
        for value, worth in zip(values, merit, strict=True)
    ]
