"""What drawn hearts look like, in the figures by which people and phantoms can be compared.

    python -m benchmarks.heart_figures labels.nii.gz ...      # label volumes of people, or of anything
    python -m benchmarks.heart_figures --people 200           # phantoms of the family that is like people

Printed are the 5th, 25th, 50th, 75th and 95th percentile of each figure over hearts, slices, sectors or pairs of
neighbouring slices, beside those of 51 human hearts with experts' labels (`PEOPLE`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.slices import slice_axis
from cardioscar.imaging.volume import Volume

SECTORS = 72
"""Sectors of 5° about the ventricle's centre."""
MOST_TURN = 6
"""Sectors by which a neighbour is turned at most when the best overlap is looked for: 30°."""
PERCENTILES = (5, 25, 50, 75, 95)

PEOPLE: Mapping[str, tuple[float, ...]] = {
    "pixel_mm": (0.72, 1.02, 1.40, 1.40, 1.40),
    "slices": (6, 6, 7, 8.5, 10),
    "wall_mm": (4.9, 6.7, 8.1, 9.4, 11.1),
    "scar_share": (0.055, 0.14, 0.22, 0.29, 0.42),
    "extent_deg": (40, 96, 140, 209, 310),
    "transmurality": (0.15, 0.38, 0.59, 0.91, 1),
    "pieces": (1, 1, 1, 2, 4),
    "depth": (0.27, 0.36, 0.43, 0.49, 0.55),
    "overlap": (0, 0.48, 0.68, 0.79, 0.89),
    "overlap_turned": (0, 0.54, 0.72, 0.81, 0.90),
    "area_change": (0.02, 0.08, 0.17, 0.35, 1),
    "center_shift_mm": (0.3, 0.7, 1.1, 1.8, 2.8),
}
"""Percentiles of 51 human hearts, every figure as `heart_figures` has it."""

BOUNDS: Mapping[str, float] = {
    "pixel_mm": 0.15,
    "slices": 1,
    "wall_mm": 0.7,
    "scar_share": 0.04,
    "extent_deg": 40,
    "transmurality": 0.08,
    "pieces": 1,
    "depth": 0.035,
    "overlap": 0.06,
    "overlap_turned": 0.06,
    "area_change": 0.06,
    "center_shift_mm": 0.3,
}
"""How far each of the five percentiles of phantoms that are like people may lie from theirs: about the error of a
percentile of 51 hearts, and at least a slice or a piece; 40° at the widest scars, which are too rare."""

Figures = dict[str, list[float]]


def heart_figures(labels: Volume) -> Figures:
    """Measure one heart.

    Args:
        labels: Values of `Label`; slices lie along the axis of the largest spacing.

    Returns:
        Lists by name: `pixel_mm`, `slices` with wall and `scar_share` of the wall, one of the heart; `wall_mm` (outer
        minus inner radius of circles of the same area) of each slice; `extent_deg` (sectors with scar), `pieces`
        (touching corners join) and mean `depth` (0 endocardium to 1 epicardium) of each slice with scar;
        `transmurality` (share of the wall's pixels) of each sector with scar; of neighbouring slices
        `center_shift_mm`, and where one of them has scar `overlap` of the transmurality profiles (Dice),
        `overlap_turned` after the best rotation within 30°, and `area_change`, the difference of scar areas over their
        sum.
    """
    axis = slice_axis(labels)
    pixel = np.delete(labels.spacing_mm, axis)
    planes = [p for p in np.moveaxis(labels.values, axis, 0) if np.isin(p, WALL).any()]
    found: Figures = {name: [] for name in PEOPLE}
    found["pixel_mm"] = [float(np.sqrt(pixel.prod()))]
    found["slices"] = [float(len(planes))]
    wall = sum(int(np.isin(p, WALL).sum()) for p in planes)
    found["scar_share"] = [sum(int((p == Label.SCAR).sum()) for p in planes) / wall] if wall else []
    profiles, centers, areas = [], [], []
    for plane in planes:
        profile, center = _profile(plane, pixel)
        _of_slice(plane, profile, pixel, found)
        profiles.append(profile)
        centers.append(center)
        areas.append(float((plane == Label.SCAR).sum()))
    for a, b in zip(range(len(planes) - 1), range(1, len(planes)), strict=True):
        found["center_shift_mm"].append(float(np.linalg.norm(centers[a] - centers[b])))
        if areas[a] or areas[b]:
            found["overlap"].append(_overlap(profiles[a], profiles[b]))
            turns = range(-MOST_TURN, MOST_TURN + 1)
            found["overlap_turned"].append(max(_overlap(profiles[a], np.roll(profiles[b], turn)) for turn in turns))
            found["area_change"].append(abs(areas[a] - areas[b]) / (areas[a] + areas[b]))
    return found


def pooled(hearts: Iterable[Figures]) -> Figures:
    """The figures of several hearts together."""
    together: Figures = {name: [] for name in PEOPLE}
    for heart in hearts:
        for name, values in heart.items():
            together[name] += values
    return together


def percentiles(figures: Figures) -> dict[str, np.ndarray]:
    """`PERCENTILES` of each figure, shape (5,); NaN where there is none."""
    return {name: np.percentile(v, PERCENTILES) if v else np.full(5, np.nan) for name, v in figures.items()}


def _profile(plane: np.ndarray, pixel_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transmurality of each sector, shape (72,), 0 where there is no wall, and the ventricle's centre in mm."""
    center = np.argwhere(plane != Label.BACKGROUND).mean(axis=0) * pixel_mm
    wall = np.argwhere(np.isin(plane, WALL))
    away = wall * pixel_mm - center
    sector = np.floor((np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi) % 1) * SECTORS).astype(int) % SECTORS
    scar = plane[tuple(wall.T)] == Label.SCAR
    count = np.bincount(sector, minlength=SECTORS)
    scarred = np.bincount(sector, weights=scar, minlength=SECTORS)
    return scarred / np.maximum(count, 1), center


def _of_slice(plane: np.ndarray, profile: np.ndarray, pixel_mm: np.ndarray, found: Figures) -> None:
    scar, cavity, outside = plane == Label.SCAR, plane == Label.BLOOD_POOL, plane == Label.BACKGROUND
    areas = np.array([(~outside).sum(), cavity.sum()]) * pixel_mm.prod()
    found["wall_mm"].append(float(-np.diff(np.sqrt(areas / np.pi))[0]))
    if not scar.any():
        return
    found["extent_deg"].append(float((profile > 0).sum() * 360 / SECTORS))
    found["transmurality"] += profile[profile > 0].tolist()
    found["pieces"].append(float(ndimage.label(scar, np.ones((3, 3)))[1]))
    if cavity.any():
        # half a pixel: from a pixel's middle to the face of the next one
        inner, outer = (
            ndimage.distance_transform_edt(~mask, sampling=pixel_mm)[scar] - pixel_mm.mean() / 2
            for mask in (cavity, outside)
        )
        found["depth"].append(float(np.mean(inner / (inner + outer))))


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.minimum(a, b).sum() / (a + b).sum())


def table(figures: Figures) -> str:
    """The percentiles beside those of people, as Markdown."""
    lines = ["| figure | people | measured |", "|---|---|---|"]
    for name, found in percentiles(figures).items():
        lines.append(f"| {name} | {_row(PEOPLE[name])} | {_row(found)} |")
    return "\n".join(lines)


def _row(values: Iterable[float]) -> str:
    return ", ".join(f"{v:.3g}" for v in values)


def main(words: Sequence[str] | None = None) -> int:
    """Print the table of what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heart_figures", description=__doc__.splitlines()[0])
    parser.add_argument("labels", nargs="*", type=Path, help="label volumes, NIfTI")
    parser.add_argument("--table", default="cardioscar", help="what their labels mean")
    parser.add_argument("--people", type=int, default=0, help="so many phantoms of the family that is like people")
    parser.add_argument("--seed", type=int, default=0, help="their seed")
    asked = parser.parse_args(words)
    from cardioscar.imaging.formats.volume_files import read_labels
    from cardioscar.phantom.people.heart import make_heart

    hearts = [heart_figures(canonical(read_labels(path, asked.table))) for path in asked.labels]
    hearts += [heart_figures(make_heart(asked.seed, index).labels) for index in range(asked.people)]
    print(table(pooled(hearts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
