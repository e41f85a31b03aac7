"""How many true onsets lie within their intervals, on phantoms that nothing was trained, chosen or calibrated on.

python -m benchmarks.onset_intervals [--members 3] [--steps 300] [--training 1200] [--calibration 100] [--unseen 200]

Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.late_activation import TRAINING, UNSEEN, VALIDATION, draw
from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.ensemble import train_ensemble
from cardioscar.activation.network.interval import CalibratedEnsemble, calibrate_interval
from cardioscar.activation.network.training import examples_of

CALIBRATION = 4_000_000
"""First seed of hearts that intervals are calibrated on."""
LEVELS = (0.5, 0.8, 0.9, 0.95)


def main(words: list[str] | None = None) -> int:
    """Train, calibrate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("members", 3), ("steps", 300), ("training", 1200), ("calibration", 100), ("unseen", 200)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given: Any = parser.parse_args(words)
    torch.set_num_threads(1)
    began = time.process_time()
    known, chosen = (
        examples_of([one.measured for one in some], [one.classes for one in some])
        for some in (draw(TRAINING, given.training), draw(VALIDATION, 40))
    )
    config = ActivationNetworkConfig()
    loop = replace(config.loop, steps=given.steps, validate_every=max(1, given.steps // 3))
    ensemble = train_ensemble(known, chosen, replace(config, loop=loop), members=given.members)
    calibration = [one.measured for one in draw(CALIBRATION, given.calibration)]
    unseen = [one.measured for one in draw(UNSEEN, given.unseen)]
    truth = np.array([one.tos_ms for one in unseen])
    scarred = np.array([one.scarred for one in unseen])
    print("| level | within, of all | living | scarred | half width of the median, ms |\n|---|---|---|---|---|")
    for level in LEVELS:
        method = CalibratedEnsemble(ensemble, calibrate_interval(ensemble, calibration, level=level))
        found = [method.predict(one) for one in unseen]
        low, high = np.array([one.low_ms for one in found]), np.array([one.high_ms for one in found])
        inside = (low <= truth) & (truth <= high)
        shares = [inside.mean(), inside[~scarred].mean(), inside[scarred].mean()]
        half_ms = float(np.median(high - np.array([one.tos_ms for one in found])))
        print(f"| {level:g} | " + " | ".join(f"{share:.3f}" for share in shares) + f" | {half_ms:.1f} |")
    error_ms = np.abs(np.array([ensemble.opinion(one).tos_ms for one in unseen]) - truth).mean()
    print(f"\nmean error {error_ms:.1f} ms; {time.process_time() - began:.0f} s of one core, {given.members} networks")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
