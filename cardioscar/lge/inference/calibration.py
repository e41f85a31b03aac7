"""How sure a segmenter may be: its temperature, fitted on slices that it has not learned from, kept in its bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from scipy.optimize import minimize_scalar

from cardioscar.errors import InputError
from cardioscar.imaging.labels import Label
from cardioscar.learning.bundle import Bundle, read_bundle, save_bundle
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.inference.segmenter import TEMPERATURE, TEMPERATURE_VIEWS, Segmenter, of_bundle
from cardioscar.lge.inference.views import see, tempered
from cardioscar.lge.training.batches import synthetic_example
from cardioscar.lge.training.config import TrainConfig
from cardioscar.lge.training.example import Batch, as_batch
from cardioscar.metrics.calibration import expected_calibration_error
from cardioscar.synthesis.lge.settings import LgeConfig

CALIBRATION = 7
"""Stream of synthetic slices that calibrate, apart from those that teach and those that choose weights."""
RANGE = (0.1, 10.0)
"""Temperatures that are looked at."""
SURE = 0.999
"""Background surer than this says nothing of the temperature: air and chest wall are most of a picture."""
LEAST_PIXELS = 1000
"""Fewest pixels that a temperature is fitted to."""


@dataclass(frozen=True)
class Calibration:
    """A temperature and what it does.

    Attributes:
        temperature: What log-probabilities are divided by.
        loss_before: Mean negative log-likelihood of the pixels' labels untempered, in nats.
        loss_after: The same tempered.
        scar_ece_before: Expected calibration error of the scar probability in the wall and near it, untempered.
        scar_ece_after: The same tempered.
        pixels: Pixels that it was fitted to.
    """

    temperature: float
    loss_before: float
    loss_after: float
    scar_ece_before: float
    scar_ece_after: float
    pixels: int


def fit_temperature(
    probability: Float[np.ndarray, "pictures classes i j"], labels: UInt8[np.ndarray, "pictures i j"]
) -> Calibration:
    """Fit a temperature to pixels whose labels are known [@guo2017].

    The likelihood has one maximum in 1/T, so that a bounded search finds it. Pixels that the network takes for
    background for sure are left out, by what it says alone, so that the choice prefers no answer.

    Args:
        probability: Untempered, as `see` gives it: with the views that will be averaged.
        labels: `Label` of each pixel.

    Raises:
        InputError: If there are fewer than `LEAST_PIXELS`.
    """
    doubtful = probability[:, Label.BACKGROUND] < SURE
    p = np.moveaxis(probability, 1, -1)[doubtful]
    true = labels[doubtful].astype(np.int64)
    if len(true) < LEAST_PIXELS:
        raise InputError("calibration", f"at least {LEAST_PIXELS} pixels that may be heart", str(len(true)))
    # 400,000 pixels tell a temperature to a thousandth
    some = slice(None, None, max(len(true) // 400_000, 1))
    few, few_true = p[some], true[some]
    best = minimize_scalar(
        lambda log_t: _loss(few, few_true, float(np.exp(log_t))),
        bounds=tuple(np.log(RANGE)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    temperature = float(np.exp(best.x))
    scar = (true == Label.SCAR).astype(float)
    after = tempered(p[:, :, None, None], temperature)[:, Label.SCAR, 0, 0]
    return Calibration(
        temperature=temperature,
        loss_before=_loss(p, true, 1.0),
        loss_after=_loss(p, true, temperature),
        scar_ece_before=expected_calibration_error(scar, np.clip(p[:, Label.SCAR], 0, 1)),
        scar_ece_after=expected_calibration_error(scar, np.clip(after, 0, 1)),
        pixels=len(true),
    )


def calibrate(
    segmenter: Segmenter, batches: Sequence[Batch], config: InferConfig | None = None
) -> tuple[Segmenter, Calibration]:
    """Fit a segmenter's temperature to batches that it has not learned from.

    Args:
        segmenter: The network; an earlier temperature plays no part.
        batches: Normalised slices and their labels.
        config: The settings with which it will be applied: averaging makes less sure.
    """
    config = config or InferConfig()
    seen = [see(segmenter.network, one.images, config).probability for one in batches]
    found = fit_temperature(np.concatenate(seen), np.concatenate([one.labels for one in batches]))
    return replace(segmenter, temperature=found.temperature, calibrated=True, views=config.views), found


def calibrate_bundle(
    folder: Path, batches: Sequence[Batch], config: InferConfig | None = None
) -> tuple[Bundle, Calibration]:
    """Fit the temperature of a stored segmenter and write it into its bundle, among the figures of its validation.

    Args:
        folder: The bundle; it is replaced as a whole. Its weights stay, its hash becomes another.
        batches: As for `calibrate`.
        config: As for `calibrate`.

    Raises:
        InputError: As `read_segmenter` and `fit_temperature`.
    """
    bundle = read_bundle(folder)
    segmenter, found = calibrate(of_bundle(bundle), batches, config)
    figures = {
        TEMPERATURE: found.temperature,
        TEMPERATURE_VIEWS: segmenter.views,
        "calibration_loss": found.loss_after,
        "calibration_scar_ece": found.scar_ece_after,
    }
    facts = replace(bundle.facts, eval_metrics={**bundle.facts.eval_metrics, **figures})
    return save_bundle(folder, segmenter.network.cpu(), facts), found


def held_out_slices(config: TrainConfig, synthetic: LgeConfig, slices: int) -> list[Batch]:
    """Synthetic slices that neither teach nor choose weights, in batches of the training's size.

    Args:
        config: Settings of the training: seed, neighbours, batch.
        synthetic: What is drawn.
        slices: How many.
    """
    drawn = [
        synthetic_example(CALIBRATION, config.seed, number, synthetic, neighbours=config.neighbours)
        for number in range(slices)
    ]
    return [as_batch(drawn[first : first + config.batch]) for first in range(0, slices, config.batch)]


def _loss(probability: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    p = tempered(probability[:, :, None, None], temperature)[:, :, 0, 0]
    return float(-np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).mean())
