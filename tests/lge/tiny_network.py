"""A tiny network that was really trained, in seconds, on stacks whose grey values say the labels; and their cohort."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.volume import Volume
from cardioscar.learning.bundle import Bundle, save_bundle
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat
from cardioscar.lge.inference.segmenter import TEMPERATURE, TEMPERATURE_VIEWS
from cardioscar.lge.intensity import RULE
from cardioscar.lge.network.build import network_of
from cardioscar.lge.network.specs import UNetSpec
from cardioscar.lge.training.crop import draw_cut
from cardioscar.lge.training.labelled import LabelledStack
from cardioscar.lge.training.loss import SegmentationLoss
from cardioscar.lge.training.loss_config import LossConfig
from tests.lge.inference.stand_in import heart, stack

SPEC = UNetSpec((8, 16))
PIXELS, PIXEL_MM = (64, 64), 2.0


def tiny_bundle(folder: Path, *, steps: int = 120, seed: int = 0) -> Bundle:
    """Train it and write its bundle; it finds the hearts of `stand_in.stack`, and calls itself calibrated."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network, loss = network_of(SPEC), SegmentationLoss(LossConfig())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    stacks = [_stack(rng, number) for number in range(8)]
    for _ in range(steps):
        drawn = [
            draw_cut(
                rng, stacks[rng.integers(len(stacks))], pixels=PIXELS, pixel_mm=(PIXEL_MM, PIXEL_MM),
                off_center_mm=20.0, neighbours=False,
            )
            for _ in range(8)
        ]  # fmt: skip
        images = torch.from_numpy(np.stack([one.image for one in drawn]))
        labels = torch.from_numpy(np.stack([one.labels for one in drawn])).long()
        optimizer.zero_grad()
        loss(network(images), labels).backward()
        optimizer.step()
    return save_bundle(folder, network.eval(), _facts())


def write_subject(folder: Path, *, seed: int = 0, labels: bool = False, **shape: object) -> np.ndarray:
    """Write `lge.nii.gz` of a stand-in heart, and on request its labels; returns these."""
    folder.mkdir(parents=True)
    truth = heart(**{"shape": (90, 84, 5), "center": (50.0, 40.0), **shape})  # type: ignore[arg-type]
    image = stack(truth, seed=seed)
    write_volume(folder / "lge.nii.gz", image)
    if labels:
        write_volume(folder / "labels.nii.gz", Volume(truth, image.affine))
    return truth


def _stack(rng: np.random.Generator, seed: int) -> LabelledStack:
    inner = rng.uniform(8, 16)
    truth = heart(
        (110, 110, 3), center=tuple(rng.uniform(40, 70, 2)), radii_mm=(inner, inner + rng.uniform(7, 11)),
        scar=rng.uniform(0.1, 0.5),
    )  # fmt: skip
    truth[..., 0] *= seed % 2
    image = stack(truth, seed=seed)
    return LabelledStack(image.values, truth, (1.5, 1.5))


def _facts() -> BundleFacts:
    classes = {str(n): one for n, one in enumerate(("background", "wall", "cavity", "scar"))}
    return BundleFacts(
        name="lge-test",
        task="Finds the hearts of tests.",
        architecture="unet",
        spec=asdict(SPEC),
        inputs={"image": DataFormat("magnitude", {"0": "slice"}, modality="LGE")},
        outputs={"scores": DataFormat("probabilities", classes, num_channels=4)},
        intensity=RULE,
        config={"synthetic": {"pixels": list(PIXELS)}},
        spacing_mm=(PIXEL_MM, PIXEL_MM),
        eval_metrics={TEMPERATURE: 1.0, TEMPERATURE_VIEWS: 2},
    )
