"""Segmenters on one real heart that none of them has seen, and on unseen synthetic subjects beside n-SD and FWHM.

python -m benchmarks.lge_segmentation [--network NAME=ADDRESS …] [--subjects 30] [--out FOLDER]

Prints tables in Markdown; the folder gets pictures of each slice with what was found and drawn. The real heart is read
from the folder that CARDIOSCAR_DATA names; its contours were drawn for tests of software and by no expert, and it
decides nothing here: neither weights nor settings are chosen by it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from cardioscar.errors import InputError
from cardioscar.imaging.formats.volume_files import read_labels, read_volume
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.volume import Volume
from cardioscar.lge.evaluation import score_subject
from cardioscar.lge.inference.by_signal import thresholded
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.inference.segment import Segmentation, segment
from cardioscar.lge.inference.segmenter import Segmenter, of_bundle
from cardioscar.lge.quantification.case import scored
from cardioscar.lge.quantification.config import QuantifyConfig
from cardioscar.lge.summary import evidence
from cardioscar.report.lge.slices import segmentation_figure
from cardioscar.report.style import png_bytes
from cardioscar.stages.lge.subject_report import slices_of
from cardioscar.stages.networks import bundle_at
from cardioscar.synthesis.lge.sample import draw_sample
from cardioscar.synthesis.lge.settings import LgeConfig

UNSEEN = 11
"""Stream of seeds of subjects that nobody learned from or was chosen by."""
SUBJECT = LgeConfig(slices=9, stack=True, pixels=(144, 144), scar_free=0.0)
NOISE, BLUR_MM = 0.1, 1.5
"""Deviation of the added noise as a share of the range of grey values (5th to 95th percentile), and of the blur."""
CROP = (slice(105, 249), slice(165, 309))
"""Where the drawn part lies in the full field of view of the real heart."""


@dataclass(frozen=True)
class Real:
    """The real heart.

    Attributes:
        image: As its reader saw it.
        drawn: `Label` of each voxel of it.
        whole: The full field of view.
    """

    image: Volume
    drawn: Volume
    whole: Volume


def read_real(data: Path) -> Real:
    """Read it."""
    folder = data / "sunnybrook_lge_infarct_annotations"
    return Real(
        read_volume(folder / "lge.nii.gz"),
        read_labels(folder / "labels.nii.gz"),
        read_volume(data / "sunnybrook_lge_infarct" / "lge_psir_sax.nii.gz"),
    )


def on_real(name: str, segmenter: Segmenter, real: Real, config: InferConfig, out: Path | None) -> list[dict[str, Any]]:
    """Rows of the real heart: all slices, those that the reader labelled, and the full field of view."""
    began = time.perf_counter()
    found = segment(real.image, segmenter, config)
    seconds = (time.perf_counter() - began) / found.labels.shape[2]
    drawn = np.asarray(canonical(real.drawn).values)
    of = evidence(found, QuantifyConfig(), reference=drawn)
    if out is not None:
        (out / f"real_{name}.png").write_bytes(png_bytes(segmentation_figure(slices_of(of))))
    rows = []
    for words, labelled in (("all slices", False), ("labelled slices", True)):
        one = score_subject(
            name, drawn, found.labels, found.spacing_mm, probability=found.probability[Label.SCAR],
            draws_ml=of.measured.scar_draws_ml.tolist(), labelled_slices=labelled,
        )  # fmt: skip
        row = {"heart": words, "network": name, **{f"Dice {k}": r.dice for k, r in one.regions.items()}}
        row |= {"HD95 wall, mm": one.regions["wall"].hd95_mm, "scar, ml": one.regions["scar"].found_ml}
        row |= {"drawn, ml": one.regions["scar"].truth_ml, "ECE": one.ece}
        shown = (drawn > 0).any(axis=(0, 1)) if labelled else np.ones(drawn.shape[2], dtype=bool)
        row |= _by_rules(found.grid.image, found.labels, drawn, shown, "found")
        row |= _by_rules(found.grid.image, drawn, drawn, shown, "drawn")
        rows.append(row | {"s a slice": seconds})
    whole = segment(real.whole, segmenter, config).own_labels().values[CROP]
    scores = scored(np.asarray(real.drawn.values), np.asarray(whole), real.drawn.spacing_mm)
    row = {"heart": "full field of view", "network": name, **{f"Dice {k}": one.dice for k, one in scores.items()}}
    return [*rows, row | {"HD95 wall, mm": scores["wall"].hd95_mm, "scar, ml": scores["scar"].found_ml}]


def _by_rules(image: Volume, wall: np.ndarray, drawn: np.ndarray, shown: np.ndarray, words: str) -> dict[str, float]:
    """Dice of the scar by FWHM and n-SD inside a wall."""
    row = {}
    for one in thresholded(image, np.where(shown, wall, 0).astype(np.uint8)):
        labels = np.zeros_like(drawn) if one.labels is None else one.labels
        row[f"{one.rule} in {words} wall"] = _scar_dice(drawn[..., shown], labels[..., shown])
    return row


def _scar_dice(truth: np.ndarray, found: np.ndarray) -> float:
    a, b = truth == Label.SCAR, found == Label.SCAR
    return float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def unseen(subjects: int) -> Iterator[tuple[Volume, np.ndarray]]:
    """Synthetic subjects with scar, one after the other, and their labels; those whose slices show none are passed."""
    number = 0
    while subjects:
        seed = int(np.random.SeedSequence([UNSEEN, number]).generate_state(1, np.uint64)[0] >> 1)
        sample, number = draw_sample(seed, SUBJECT), number + 1
        if (sample.labels == Label.SCAR).sum() < 50:
            continue
        subjects -= 1
        yield Volume(sample.image, sample.affine, "synthetic", sample.thickness_mm), sample.labels


def spoiled(image: Volume, number: int) -> Mapping[str, Volume]:
    """The image as it is, noisy, and blurred."""
    low, high = np.percentile(image.values, [5, 95])
    noise = np.random.default_rng([UNSEEN, number]).normal(0, NOISE * (high - low), image.values.shape)
    blur = [*(BLUR_MM / image.spacing_mm[:2]), 0]

    def as_volume(values: np.ndarray) -> Volume:
        return Volume(values.astype(np.float32), image.affine, image.source, image.slice_thickness_mm)

    return {
        "clean": image,
        "noisy": as_volume(image.values + noise),
        "blurred": as_volume(gaussian_filter(image.values, blur)),
    }


def on_synthetic(networks: Mapping[str, Segmenter], subjects: int, config: InferConfig) -> list[dict[str, Any]]:
    """Rows of the synthetic subjects: median Dice of scar and wall by picture and method."""
    dice: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number, (image, truth) in enumerate(unseen(subjects)):
        for words, picture in spoiled(image, number).items():
            for name, network in networks.items():
                dice.setdefault((words, name), []).append(_found_dice(picture, truth, network, config))
            for one in thresholded(canonical(picture), _ordered(truth, picture)):
                labels = _ordered(truth, picture) if one.labels is None else one.labels
                labels = np.where(labels == Label.SCAR, labels, 0) if one.labels is not None else np.zeros_like(labels)
                found = _scar_dice(_ordered(truth, picture), labels)
                dice.setdefault((words, f"{one.rule} in the true wall"), []).append((found, 1.0))
        sys.stderr.write(f"subject {number + 1} of {subjects}\n")
    rows = []
    for (words, name), values in dice.items():
        scar, wall = (np.array(one) for one in zip(*values, strict=True))
        lower, median, upper = np.percentile(scar, [25, 50, 75])
        row = {"picture": words, "method": name, "median Dice scar": median, "quartiles": f"{lower:.2f}–{upper:.2f}"}
        rows.append(row | {"median Dice wall": float(np.median(wall)), "hearts": len(scar)})
    return rows


def _ordered(labels: np.ndarray, image: Volume) -> np.ndarray:
    return np.asarray(canonical(Volume(labels, image.affine)).values)


def _found_dice(image: Volume, truth: np.ndarray, network: Segmenter, config: InferConfig) -> tuple[float, float]:
    """Dice of scar and wall; 0 where no heart is found."""
    try:
        found: Segmentation = segment(image, network, config)
    except InputError:
        return 0.0, 0.0
    labels = found.own_labels().values
    a, b = np.isin(truth, WALL), np.isin(labels, WALL)
    return _scar_dice(truth, labels), float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_text(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "–" if not np.isfinite(value) else f"{value:.3f}"
    return "–" if value is None else str(value)


def main(words: list[str] | None = None) -> int:
    """Segment, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", default=[], metavar="NAME=ADDRESS", help="default: ours=shipped")
    parser.add_argument("--subjects", type=int, default=30, help="synthetic subjects; 0 for none")
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="folder for pictures and numbers")
    given = parser.parse_args(words)
    began = time.perf_counter()
    named = [one.partition("=") for one in given.network or ["ours=shipped"]]
    networks = {name: of_bundle(bundle_at(address, "lge")) for name, _, address in named}
    started = time.perf_counter() - began
    config = InferConfig(views=given.views, device=given.device)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
    real_rows, synthetic_rows = [], []
    data = Path(os.environ.get("CARDIOSCAR_DATA", ""))
    if (data / "sunnybrook_lge_infarct_annotations").is_dir():
        real = read_real(data)
        for name, network in networks.items():
            real_rows += on_real(name, network, real, config, given.out)
        print("\n## One real heart, never trained on\n\n" + table(real_rows))
    if given.subjects:
        synthetic_rows = on_synthetic(networks, given.subjects, config)
        print(f"\n## {given.subjects} unseen synthetic subjects with scar\n\n" + table(synthetic_rows))
    weights = {name: sum(p.numel() for p in one.network.parameters()) for name, one in networks.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{torch.get_num_threads()} threads; networks read in {started:.1f} s; peak memory {peak:.0f} MiB; weights: "
        + ", ".join(f"{name} {count:,}" for name, count in weights.items())
    )
    if given.out:
        said = {"real": real_rows, "synthetic": synthetic_rows}
        (given.out / "numbers.json").write_text(json.dumps(said, indent=1, default=float) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
