"""The page of a cohort's segmentations beside their truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from cardioscar.report.lge.agreement import overlap_figure, volumes_figure
from cardioscar.report.page import environment, inline_png, number, template_source, write_page
from cardioscar.report.style import png_bytes

REGIONS = ("wall", "cavity", "scar")


def write_evaluation_page(path: Path, said: Mapping[str, Any], version: str) -> Path:
    """Write the page, self-contained.

    Args:
        path: File to write.
        said: Content of `evaluation.json`.
        version: Version of cardioscar.
    """
    rows = said["subjects"]
    pictures = {}
    if rows:
        dice = {name: [_number(row[f"dice_{name}"]) for row in rows] for name in REGIONS}
        pictures["overlap"] = inline_png(png_bytes(overlap_figure(dice)))
        agreement = said["summary"]["scar_bland_altman_ml"]
        limits = None if agreement is None else (agreement["bias"], *agreement["limits"])
        intervals = [None if row["scar_ml_low"] is None else (row["scar_ml_low"], row["scar_ml_high"]) for row in rows]
        truth, found = (np.array([row[f"{side}_scar_ml"] for row in rows]) for side in ("true", "found"))
        pictures["volumes"] = inline_png(png_bytes(volumes_figure(truth, found, intervals, limits)))
    html = environment().get_template("lge_evaluation.html").render(
        said=said,
        rows=rows,
        pictures=pictures,
        figures=_figures(said["summary"]),
        regions=REGIONS,
        version=version,
        css=Markup(template_source("page.css")),  # noqa: S704 (our own style sheet)
    )  # fmt: skip
    return write_page(path, html)


def _figures(summary: Mapping[str, Any]) -> list[tuple[str, Markup, str]]:
    """Name, value and what stands small beneath it."""
    if not summary:
        return []
    tiles = []
    for name in REGIONS:
        found = summary["dice"][name]
        tiles.append((f"Dice, {name}", number(found["median"], 3), _quartiles(found, 3)))
    for name in ("wall", "scar"):
        found = summary["hd95_mm"][name]
        tiles.append((f"HD95, {name}", number(found["median"], 1, "mm"), _quartiles(found, 1)))
    agreement = summary["scar_bland_altman_ml"]
    if agreement:
        low, high = agreement["limits"]
        tiles.append(("Bias of the scar", number(agreement["bias"], 1, "ml"), f"limits {low:.1f} to {high:.1f} ml"))
        tiles.append(("CoV of the scar", number(summary["scar_cov_percent"], 1, "%"), "SD of differences over mean"))
        icc = summary["scar_icc"]["value"]
        tiles.append(
            ("Correlation of the scar", number(summary["scar_pearson"], 3), f"ICC {number(icc, 3)}" if icc else "")
        )
    crps, ece = summary["crps_ml"], summary["ece"]
    tiles.append(("CRPS of the scar", number(crps["mean"], 2, "ml"), "mean of the subjects"))
    tiles.append(("ECE of scar", number(ece["mean"], 3), "near the heart, mean"))
    tiles.append(("Truth in its interval", number(summary["coverage"], 0, "%", 100), "share of subjects"))
    return tiles


def _quartiles(found: Mapping[str, Any], digits: int) -> str:
    if found["lower"] is None:
        return "undefined in every subject"
    if found["subjects"] == 1:
        return "one subject"
    return f"{found['lower']:.{digits}f}–{found['upper']:.{digits}f}, {found['subjects']} subjects"


def _number(value: float | None) -> float:
    return math.nan if value is None else value
