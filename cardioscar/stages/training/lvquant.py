"""Training of a network that quantifies cines: learned, its intervals fitted on whole hearts, some slices drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from cardioscar.errors import InputError
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.inference.calibration import calibrate_bundle
from cardioscar.lvquant.network.cine_net import CineNet
from cardioscar.lvquant.train import train_quantifier
from cardioscar.lvquant.training.config import TrainConfig
from cardioscar.lvquant.training.example import Example
from cardioscar.report.outlines import Outlined, outlines_png, spread
from cardioscar.stages.training.learned import Asked, Learned, learned_of
from cardioscar.stages.training.settings import LvquantSettings, science_of


def learn(settings: LvquantSettings, asked: Asked) -> Learned:
    """Train a network, fit the width of its intervals, and draw what it finds.

    Args:
        settings: Settings; the network to start from is a folder of this machine.
        asked: Places, and who is told.

    Raises:
        ConfigError: If a setting does not fit.
        InputError: If files cannot be read, or the training does not stay finite.
    """
    config = science_of(settings, TrainConfig)
    trained = train_quantifier(
        asked.bundle,
        config,
        labelled=asked.labelled,
        start=Path(settings.start_from) if settings.start_from else None,
        checkpoint=asked.checkpoint,
        keep_checkpoint=True,
        on_step=asked.on_step,
    )
    bundle, warnings = trained.bundle, tuple[str, ...]()
    try:
        bundle, _ = calibrate_bundle(
            asked.bundle,
            config,
            settings.calibration_hearts,
            on_heart=lambda done, hearts: asked.tell("calibrate", done, hearts),
        )
    except InputError as error:
        warnings = (f"how wide its intervals must be is not known: {error}",)
    pictures = {"Validation: drawn (line) and found (dashes)": _drawn(trained.result.network.network, trained.judged)}
    return learned_of(trained.result, bundle, trained.split, warnings, pictures)


def _drawn(network: CineNet, judged: Sequence[Sequence[Example]]) -> bytes:
    examples = [one for some in judged for one in some]
    device = next(network.parameters()).device
    pictures = []
    for k in spread(np.array([(one.labels > 0).sum() for one in examples])):
        one = examples[k]
        with torch.inference_mode():
            scores = network.segment(torch.from_numpy(one.image)[None].to(device))[0]
        found = scores[0].argmax(dim=0).cpu().numpy()
        cavity = (one.labels == Label.BLOOD_POOL).sum(axis=(1, 2))
        frame = int(cavity.argmax())
        pictures.append(Outlined(one.image[frame], _regions(one.labels[frame]), _regions(found[frame])))
    return outlines_png(pictures)


def _regions(labels: np.ndarray) -> dict[str, np.ndarray]:
    return {"wall": labels > Label.BACKGROUND, "cavity": labels == Label.BLOOD_POOL}
