"""Unseen drawn hearts, clean, noisy and blurred: what each network and each threshold rule finds in them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.lge_segmentation import UNSEEN, unseen
from cardioscar.config import config_sha256
from cardioscar.errors import InputError
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.volume import Volume
from cardioscar.lge.inference.by_signal import thresholded
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.inference.segment import segment
from cardioscar.lge.inference.segmenter import Segmenter
from cardioscar.lge.quantification.case import scored

NOISE = (0.1, 0.2, 0.4)
"""Deviations of the noise that is added, as shares of the range of grey values (5th to 95th percentile)."""
BLUR_MM = (1.5,)
"""Deviations of the blur in the plane."""
CLEAN = "clean"
TRUE_WALL = "the true wall"

Row = dict[str, Any]
"""A subject, a picture and a method, and what was measured; None where undefined."""


def noisy(level: float) -> str:
    """Name of a picture with added noise."""
    return f"noise {level:g}"


def blurred(deviation_mm: float) -> str:
    """Name of a blurred picture."""
    return f"blur {deviation_mm:g} mm"


def pictures_of(image: Volume, number: int) -> Mapping[str, Volume]:
    """The image as it is, with the same noise at several levels, and blurred."""
    low, high = np.percentile(image.values, [5, 95])
    noise = np.random.default_rng([UNSEEN, number]).normal(0, high - low, image.values.shape)

    def as_volume(values: np.ndarray) -> Volume:
        return Volume(values.astype(np.float32), image.affine, image.source, image.slice_thickness_mm)

    pictures = {CLEAN: image} | {noisy(level): as_volume(image.values + level * noise) for level in NOISE}
    for deviation in BLUR_MM:
        pictures[blurred(deviation)] = as_volume(
            gaussian_filter(image.values, [*(deviation / image.spacing_mm[:2]), 0])
        )
    return pictures


def scores_of(networks: Mapping[str, Segmenter], subjects: int, config: InferConfig, kept: Path) -> list[Row]:
    """Score all methods on all pictures of unseen subjects.

    Args:
        networks: By name.
        subjects: How many, the first of a stream that nobody learned from.
        config: How networks are applied.
        kept: Folder of what was measured before: a subject and network are scored once.
    """
    kept.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (image, labels) in enumerate(unseen(subjects)):
        pictures = pictures_of(image, number)
        methods = {TRUE_WALL: None, **networks}
        for name, network in methods.items():
            # a file a subject and network, so that one that is trained anew is scored anew, and it alone
            sha256 = network.sha256 if network else ""
            known = config_sha256({"network": sha256, "config": config_sha256(config), "pictures": list(pictures)})
            wall = f"the wall of {name}" if network else name
            path = kept / f"{number:03d}_{known[:16]}.json"
            if not path.is_file():
                found = [
                    {"subject": number, "picture": words, **row}
                    for words, picture in pictures.items()
                    for row in _of_picture(picture, labels, network, config)
                ]
                path.write_text(json.dumps(found, indent=1) + "\n")
            rows += [
                {**row, "method": row["rule"] or name, "in": wall if row["rule"] else "", "network": name}
                for row in json.loads(path.read_text())
            ]
        sys.stderr.write(f"subject {number + 1} of {subjects}\n")
    return rows


def _of_picture(picture: Volume, labels: np.ndarray, network: Segmenter | None, config: InferConfig) -> Iterator[Row]:
    """Scores of a network and of both rules in its wall; without a network those of the rules in the true wall."""
    truth = np.asarray(canonical(Volume(labels, picture.affine)).values)
    wall, image = truth, canonical(picture)
    if network is not None:
        try:
            found = segment(picture, network, config)
            wall, image = found.labels, found.grid.image
        except InputError:  # no heart was found: nothing is marked
            wall = np.zeros_like(truth)
        yield {"rule": "", **_measured(truth, wall, image.spacing_mm)}
    for one in thresholded(image, wall):
        by_rule = np.where(np.isin(wall, (0, 2)), wall, 1).astype(np.uint8) if one.labels is None else one.labels
        yield {"rule": one.rule, **_measured(truth, by_rule, image.spacing_mm)}


def _measured(truth: np.ndarray, found: np.ndarray, spacing_mm: np.ndarray) -> Row:
    scores = scored(truth, found, spacing_mm)
    row = {f"dice_{name}": _known(one.dice) for name, one in scores.items()}
    row |= {f"hd95_{name}_mm": _known(one.hd95_mm) for name, one in scores.items()}
    return row | {"true_ml": scores["scar"].truth_ml, "found_ml": scores["scar"].found_ml}


def method_of(row: Row) -> str:
    """The method's name with the wall in which a rule was applied."""
    return f"{row['method']} in {row['in']}" if row["in"] else str(row["method"])


def values_of(rows: Sequence[Row], measure: str) -> dict[str, dict[str, list[float]]]:
    """A measure of each subject, by method and picture; NaN where undefined."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        value = math.nan if row[measure] is None else float(row[measure])
        found.setdefault(method_of(row), {}).setdefault(row["picture"], []).append(value)
    return found


def summary_rows(rows: Sequence[Row], pictures: Sequence[str]) -> list[dict[str, Any]]:
    """Median and quartiles of every method on some pictures."""
    with_errors = [{**row, "error_ml": row["found_ml"] - row["true_ml"]} for row in rows]
    with_errors = [{**row, "off_ml": abs(row["error_ml"])} for row in with_errors]
    columns = {
        "Dice scar": ("dice_scar", 2), "Dice wall": ("dice_wall", 2), "Dice cavity": ("dice_cavity", 2),
        "HD95 scar, mm": ("hd95_scar_mm", 1), "HD95 wall, mm": ("hd95_wall_mm", 1),
        "scar volume off, ml": ("off_ml", 1), "found − true, ml": ("error_ml", 1),
    }  # fmt: skip
    tables = {title: (values_of(with_errors, key), digits) for title, (key, digits) in columns.items()}
    methods = list(tables["Dice scar"][0])
    return [
        {
            "picture": picture,
            "method": method,
            **{title: spread_text(by[method][picture], digits) for title, (by, digits) in tables.items()},
        }
        for picture in pictures
        for method in methods
        if picture in tables["Dice scar"][0][method]
    ]


def spread_text(values: Sequence[float], digits: int) -> str:
    """Median and quartiles in words.

    >>> spread_text([1.0, 2.0, 3.0], 1)
    '2.0 (1.5–2.5)'
    """
    known = [one for one in values if math.isfinite(one)]
    if not known:
        return "–"
    lower, median, upper = np.percentile(known, [25, 50, 75])
    return f"{median:.{digits}f} ({lower:.{digits}f}–{upper:.{digits}f})"


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
