"""A tiny network whose segmentation was really trained, in seconds, on beating phantoms; and cohorts of these."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from cardioscar.config import as_mapping
from cardioscar.imaging.cine import Cine
from cardioscar.learning.bundle import Bundle, save_bundle
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat
from cardioscar.lvquant.network.cine_net import ARCHITECTURE, CineNet
from cardioscar.lvquant.network.intensity import RULE, normalised
from cardioscar.lvquant.network.spec import SIZES
from cardioscar.lvquant.training.config import TrainConfig
from cardioscar.phantom.beating_cine import BeatingImages, CineProtocol, image_beat
from cardioscar.phantom.beating_subject import BeatingConfig, draw_beating, write_beating_subject
from cardioscar.synthesis.cine.settings import CineConfig

PIXELS, PIXEL_MM = (48, 48), (2.0, 3.0)
COHORT = BeatingConfig(frames=8, pixel_mm=(2.4, 2.6), distance_mm=(12.0, 13.0), seed=5)
"""Small cines: five slices or so of eight frames."""


def tiny_bundle(folder: Path, *, steps: int = 120) -> Bundle:
    """Train it and write its bundle. It finds the ventricle of phantoms; what its heads say is not trained."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = CineNet(SIZES["tiny"])
    beats = [_beat(number) for number in range(6)]
    optimizer = torch.optim.AdamW(network.segmenter.parameters(), lr=1e-2)
    for _ in range(steps):
        parts = [_frames(rng, *beats[rng.integers(len(beats))]) for _ in range(3)]
        images, labels = (torch.cat([part[n] for part in parts]) for n in range(2))
        optimizer.zero_grad()
        loss = torch.stack([functional.cross_entropy(one, labels) for one in network.segmenter(images[:, None])]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return save_bundle(folder, network.eval(), _facts())


def write_cohort(folder: Path, subjects: int = 2, *, labels: bool = True) -> Path:
    """Write phantoms P001, P002, …: `cine.nii.gz` and on request `labels.nii.gz`; the truth stays beside."""
    folder.mkdir(parents=True)
    for number in range(subjects):
        place = folder / f"P{number + 1:03d}"
        write_beating_subject(place, COHORT, number)
        (place / "truth.json").unlink()
        if not labels:
            (place / "labels.nii.gz").unlink()
    return folder


def _beat(number: int) -> tuple[Cine, BeatingImages]:
    rng = np.random.default_rng([11, number])
    images = image_beat(draw_beating(rng), CineProtocol(frames=4, pixel_mm=(2.5, 2.5), distance_mm=14.0), fine=2)
    return images.image(rng), images


def _frames(rng: np.random.Generator, cine: Cine, images: BeatingImages) -> tuple[torch.Tensor, torch.Tensor]:
    """A slice over the beat, moved at random."""
    k = int(rng.integers(cine.slices))
    moved = tuple(int(one) for one in rng.integers(-6, 7, 2))
    picture = np.roll(normalised(cine.values[:, :, k]), moved, axis=(0, 1)).transpose(2, 0, 1)
    labels = np.roll(images.labels.values[:, :, k], moved, axis=(0, 1)).transpose(2, 0, 1)
    sides = [slice((n - 40) // 2, (n - 40) // 2 + 40) for n in picture.shape[1:]]
    cut = (slice(None), *sides)
    return torch.from_numpy(picture[cut].astype(np.float32).copy()), torch.from_numpy(labels[cut].astype(np.int64))


def _facts() -> BundleFacts:
    return BundleFacts(
        name="lvquant-test",
        task="Finds the ventricles of tests.",
        architecture=ARCHITECTURE,
        spec=asdict(SIZES["tiny"]),
        inputs={"image": DataFormat("magnitude", {"0": "slice"}, modality="cine", spatial_shape=("*", "*", "*"))},
        outputs={
            "scores": DataFormat("probabilities", {"0": "background", "1": "wall", "2": "cavity"}, num_channels=3)
        },
        intensity=RULE,
        config=as_mapping(TrainConfig(size="tiny", synthetic=CineConfig(pixels=PIXELS, pixel_mm=PIXEL_MM))),
    )
