"""Settings of the pretraining of a coordinate network; light to import, because the command line reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cardioscar.config import execution
from cardioscar.errors import ConfigError
from cardioscar.scar3d.field.fit_config import FitConfig


@dataclass(frozen=True)
class TransferConfig:
    """How a network is pretrained on a cohort."""

    method: Literal["fourier", "reference"] = "fourier"
    """Network to pretrain: `fourier`, or `reference`, the published one."""
    steps: int = 600
    """Optimiser steps."""
    hearts_per_step: int = 4
    """Hearts whose losses a step averages."""
    learning_rate: float | None = None
    """Peak learning rate of the one-cycle schedule; by default 0.01, and 0.001 for the published network."""
    length_scale_mm: float = 16.0
    """Length scale of the Fourier features in mm of the reference heart; fits that start from it must name the same."""
    features: int = 64
    """Number of Fourier frequencies; likewise."""
    hidden: int = 64
    """Units of a hidden layer (Fourier method); likewise."""
    layers: int = 2
    """Hidden layers (Fourier method); likewise."""
    dropout: float = 0.1
    """Dropout rate."""
    weight_decay: float = 1e-4
    """Decoupled weight decay of AdamW."""
    seed: int = 0
    """Seed of weights, frequencies, order of hearts, sampling and dropout."""
    device: str = execution("auto")
    """`auto` takes CUDA where present; or `cpu`, `cuda`, `cuda:1`."""
    checkpoint_seconds: float = execution(60.0)
    """Time in seconds between checkpoints, from which a killed training goes on."""

    def __post_init__(self) -> None:
        if self.hearts_per_step < 1:
            raise ConfigError("hearts_per_step", "at least 1", str(self.hearts_per_step))
        self.fit_config()

    @property
    def peak_rate(self) -> float:
        """Peak learning rate; ten times as high, all units of the published network fall silent."""
        by_method = 1e-3 if self.method == "reference" else 1e-2
        return by_method if self.learning_rate is None else self.learning_rate

    def fit_config(self) -> FitConfig:
        """Settings of a fit of the same network."""
        return FitConfig(
            method=self.method,
            steps=self.steps,
            learning_rate=self.peak_rate,
            length_scale_mm=self.length_scale_mm,
            features=self.features,
            hidden=self.hidden,
            layers=self.layers,
            dropout=self.dropout,
            weight_decay=self.weight_decay,
            seed=self.seed,
            device=self.device,
            checkpoint_seconds=self.checkpoint_seconds,
        )
