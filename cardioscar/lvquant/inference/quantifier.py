"""A trained network, ready to be applied."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float
from torch import Tensor

from cardioscar.config import from_mapping
from cardioscar.errors import InputError
from cardioscar.learning.bundle import Bundle, read_bundle
from cardioscar.learning.device import choose_device
from cardioscar.lvquant.inference.intervals import Calibration
from cardioscar.lvquant.network.cine_net import ARCHITECTURE, CineOutput, build_cine_net
from cardioscar.lvquant.network.intensity import RULE, normalised
from cardioscar.lvquant.training.config import TrainConfig

INTERVAL, INTERVAL_SUBJECTS = "interval_", "interval_subjects"
"""What the terms of the intervals are called among a bundle's figures of the validation, and the number of hearts that
they were fitted on."""

_VALIDATED = {"dimensions_mm": "dimensions_mae_mm", "thickness_mm": "thickness_mae_mm",
              "phase_percent": "phase_error_percent"}  # fmt: skip
"""What the errors of a disagreement's parts are called among a bundle's figures."""


class CineNetwork(Protocol):
    """What is asked of a network; `CineNet` is one."""

    def segment(self, image: Float[Tensor, "batch frames i j"]) -> list[Float[Tensor, "batch classes frames i j"]]:
        """Scores of `Label` of each pixel, frame by frame, the finest first."""

    def __call__(self, image: Float[Tensor, "batch frames i j"], pixel_mm: Float[Tensor, "batch 2"]) -> CineOutput:
        """Scores, indices and phase."""


@dataclass(frozen=True)
class Quantifier:
    """A network and what must be known to apply it.

    Attributes:
        network: In evaluation mode, on the device.
        pixels: Rows and columns that it saw while it learned; it sees as many around the heart.
        pixel_mm: Smallest and largest pixel that it met; others are brought there.
        normalise: Brings grey values of a slice, shape (i, j, frames), to what it knows.
        device: Where it computes.
        sha256: Names the network; empty for one that was not stored.
        calibration: Terms of its intervals; none where they were not fitted.
        regressed_errors: Mean errors of what it regresses on the slices that chose its weights, by the names of
            `Disagreement`; those that are not known are left out.
    """

    network: CineNetwork
    pixels: tuple[int, int] = (128, 128)
    pixel_mm: tuple[float, float] = (0.9, 1.9)
    normalise: Callable[[np.ndarray], np.ndarray] = normalised
    device: str = "cpu"
    sha256: str = ""
    calibration: Calibration = field(default_factory=Calibration)
    regressed_errors: Mapping[str, float] = field(default_factory=dict)


def read_quantifier(folder: Path, *, device: str = "auto", where: str = "") -> Quantifier:
    """Read the bundle of a network.

    Args:
        folder: Where `train_quantifier` wrote it.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        where: What errors put before the names of the files.

    Raises:
        ConfigError: If the device is not there.
        InputError: If it is no such bundle, or its grey values follow another rule.
    """
    return of_bundle(read_bundle(folder, where=where), device=device)


def of_bundle(bundle: Bundle, *, device: str = "auto") -> Quantifier:
    """The network of a bundle, see `read_quantifier`."""
    there = choose_device(device)
    network = bundle.network(ARCHITECTURE, build_cine_net)
    if bundle.facts.intensity != RULE:
        raise InputError(bundle.stored.in_description, "the rule for grey values of this version", "another")
    config = from_mapping(TrainConfig, bundle.facts.config, where=bundle.stored.in_description, foreign=True)
    grid = config.synthetic
    figures = bundle.facts.eval_metrics
    return Quantifier(
        network.to(there),
        grid.pixels,
        grid.pixel_mm,
        normalised,
        str(there),
        bundle.sha256,
        _calibration(bundle),
        {name: float(figures[said]) for name, said in _VALIDATED.items() if said in figures},
    )


def _calibration(bundle: Bundle) -> Calibration:
    figures = bundle.facts.eval_metrics
    terms = {name.removeprefix(INTERVAL): float(one) for name, one in figures.items() if name.startswith(INTERVAL)}
    subjects = int(terms.pop(INTERVAL_SUBJECTS.removeprefix(INTERVAL), 0))
    if subjects < 0 or not all(0 <= one < math.inf for one in terms.values()):
        raise InputError(bundle.stored.in_description, "terms of intervals of at least 0", "others")
    return Calibration(terms, subjects)
