"""How wide the intervals of a network must be: fitted on whole synthetic hearts that it has not learned from."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.cine import Cine
from cardioscar.learning.bundle import Bundle, read_bundle, save_bundle
from cardioscar.lvquant.inference.intervals import Calibration, Quantity, fit_calibration
from cardioscar.lvquant.inference.quantifier import INTERVAL, INTERVAL_SUBJECTS, Quantifier, of_bundle
from cardioscar.lvquant.inference.quantify import quantify
from cardioscar.lvquant.inference.totals import VOLUMES, totals_of
from cardioscar.lvquant.network.cine_net import CineNet
from cardioscar.lvquant.sectors import septum_frame
from cardioscar.lvquant.training.config import TrainConfig
from cardioscar.synthesis.cine.sample import draw_cine

log = logging.getLogger(__name__)

CALIBRATION = 7
"""Stream of synthetic hearts that calibrate, apart from those that teach and those that choose weights."""
STACK_SLICES, THICKNESS_MM, GAP_MM = 11, (7.0, 9.0), (0.0, 2.0)
"""Stacks that reach beyond both ends of most ventricles."""
FEWEST = 9
"""Fewest hearts that a term of 90 % can be fitted to."""
_ERROR = "stack_error_"


@dataclass(frozen=True)
class TrueHeart:
    """A synthetic examination and what is true of it.

    Attributes:
        cine: As a scanner gives it.
        truth: `VOLUMES` and thickening by segment, as `CineResult.quantities` names them; what is not known is left
            out.
    """

    cine: Cine
    truth: Mapping[str, float]


def held_out_heart(config: TrainConfig, number: int) -> TrueHeart:
    """A synthetic heart that neither teaches nor chooses weights.

    Args:
        config: Settings of the training: seed, grid.
        number: Number of the heart.
    """
    drawn = replace(config.synthetic, slices=STACK_SLICES, thickness_mm=THICKNESS_MM, gap_mm=GAP_MM, stack=True)
    state = np.random.SeedSequence([config.seed, CALIBRATION, number]).generate_state(2)
    sample = draw_cine(int(state[0]) << 32 | int(state[1]), drawn)
    cine = Cine(sample.image, sample.affine, None, "synthetic heart")
    totals = totals_of(sample.cavity, sample.wall, cine, septum_frame(cine.grid))
    named: dict[str, float] = {}
    if totals is not None:
        named = totals.named()
        named |= {f"lv_thickening_percent_{n}": float(one) for n, one in enumerate(totals.thickening_percent, start=1)}
    return TrueHeart(cine, {name: value for name, value in named.items() if math.isfinite(value)})


def fit_intervals(
    quantifier: Quantifier, hearts: Sequence[TrueHeart], *, on_heart: Callable[[int, int], None] | None = None
) -> tuple[Calibration, dict[str, float]]:
    """Fit the terms of a network's intervals.

    Args:
        quantifier: The network; earlier terms play no part.
        hearts: What it has not learned from.
        on_heart: Told hearts done and their number.

    Returns:
        Terms of all quantities that at least nine hearts show; and the mean absolute error of each quantity.

    Raises:
        InputError: If fewer than nine hearts show a volume.
    """
    found: list[dict[str, Quantity]] = []
    for number, one in enumerate(hearts, start=1):
        try:
            found.append(quantify(quantifier, one.cine, calibration=Calibration()).result.quantities)
        except InputError as error:  # nothing that could be measured, which is no matter of an interval
            log.info("left out: %s", error)
            found.append({})
        if on_heart:
            on_heart(number, len(hearts))
    names = dict.fromkeys(name for one in hearts for name in one.truth)
    terms, errors, subjects = dict[str, float](), dict[str, float](), 0
    for name in names:
        pairs = [
            (f[name], one.truth[name]) for f, one in zip(found, hearts, strict=True) if name in f and name in one.truth
        ]
        if len(pairs) >= FEWEST:
            fitted = fit_calibration([{name: f} for f, _ in pairs], [{name: t} for _, t in pairs])
            terms |= fitted.terms
            errors[name] = float(np.mean([abs(f.value - t) for f, t in pairs]))
            subjects = max(subjects, fitted.subjects)
    if not set(terms) & set(VOLUMES):
        raise InputError("calibration", f"at least {FEWEST} hearts whose volumes are found", "fewer")
    return Calibration(terms, subjects), errors


def calibrate_bundle(
    folder: Path, config: TrainConfig, hearts: int, *, on_heart: Callable[[int, int], None] | None = None
) -> tuple[Bundle, Calibration]:
    """Fit the intervals of a stored network and write their terms into its bundle, among the figures of its validation.

    Args:
        folder: The bundle; it is replaced as a whole. Its weights stay, its hash becomes another.
        config: Settings of its training.
        hearts: How many synthetic hearts it is fitted on.
        on_heart: Told hearts done and their number.

    Raises:
        InputError: As `read_quantifier` and `fit_intervals`.
    """
    bundle = read_bundle(folder)
    quantifier = of_bundle(bundle, device=config.loop.device)
    drawn = [held_out_heart(config, number) for number in range(hearts)]
    fitted, errors = fit_intervals(quantifier, drawn, on_heart=on_heart)
    figures: dict[str, float] = {INTERVAL_SUBJECTS: fitted.subjects}
    figures |= {f"{INTERVAL}{name}": term for name, term in fitted.terms.items()}
    figures |= {f"{_ERROR}{name}": error for name, error in errors.items() if name in VOLUMES}
    earlier = {k: v for k, v in bundle.facts.eval_metrics.items() if not k.startswith((INTERVAL, _ERROR))}
    facts = replace(bundle.facts, eval_metrics={**earlier, **figures})
    network = quantifier.network
    assert isinstance(network, CineNet)
    return save_bundle(folder, network.cpu(), facts), fitted
