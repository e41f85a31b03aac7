"""Tiny networks of late activation, trained in seconds; and cohorts of strain phantoms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cardioscar.activation.formats.heart_files import write_heart
from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.train_config import TrainConfig
from cardioscar.activation.phantoms.strain_phantom import StrainPhantom, heart_phantom
from cardioscar.activation.train import train_activation

HEIGHTS = (0.3, 0.5, 0.7)


def tiny_config(steps: int = 40, **changes: Any) -> TrainConfig:
    """Settings of a training of seconds, whose networks tell onsets to some 15 ms."""
    network = ActivationNetworkConfig(width=4, batch=8)
    loop = replace(network.loop, steps=steps, validate_every=steps // 2, device="cpu")
    sizes = {"training_hearts": 40, "validation_hearts": 8, "calibration_hearts": 20, "test_hearts": 8, "members": 2}
    return TrainConfig(**sizes | changes, network=replace(network, loop=loop))


def tiny_networks(folder: Path, *, steps: int = 40) -> Path:
    """Train them and write their bundle."""
    train_activation(folder, tiny_config(steps))
    return folder


def hearts(seed: int) -> list[StrainPhantom]:
    """The slices of a phantom."""
    return heart_phantom(6_000_000 + seed, heights=HEIGHTS)


def write_cohort(folder: Path, subjects: int = 2) -> Path:
    """Write `strain.npz` of phantoms P001, P002, …, without their truth."""
    for number in range(subjects):
        place = folder / f"P{number + 1:03d}"
        place.mkdir(parents=True)
        write_heart(place / "strain.npz", [replace(one.measured, tos_ms=None, scarred=None) for one in hearts(number)])
    return folder
