"""Settings of a fit; light to import, because command line and components read them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cardioscar.config import execution
from cardioscar.errors import ConfigError

REFERENCE_LAYERS, REFERENCE_HIDDEN, REFERENCE_DROPPED = 4, 128, (2,)
"""Hidden layers of the published network, units of each, and the layer, from 0, that has dropout: the third alone."""


def check_seed(seed: int) -> None:
    """Refuse a seed that some generator does not take.

    Raises:
        ConfigError: If it is negative, or has more than 32 bits.
    """
    if not 0 <= seed < 2**32:
        raise ConfigError("seed", "a whole number from 0 to 4294967295", str(seed))


def check_device(device: str) -> None:
    """Refuse what is no name of a device; whether it is there is seen by the process that uses it.

    Raises:
        ConfigError: If it is another.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", device):
        raise ConfigError("device", "auto, cpu, cuda or cuda:N", "another name")


def check_device_here(device: str) -> None:
    """Refuse a GPU that is asked for by name and is not there, before the first subject fails for it.

    Raises:
        ConfigError: If it is not there.
    """
    if device.startswith("cuda"):  # else torch need not be imported
        from cardioscar.learning.device import choose_device

        choose_device(device)


@dataclass(frozen=True)
class FitConfig:
    """How a subject's field is fitted."""

    method: Literal["fourier", "reference"] = "fourier"
    """`fourier`: Fourier features, full batch, AdamW, one cycle. `reference`: the published network and schedule."""
    steps: int = 200
    """Optimiser steps of the Fourier method."""
    learning_rate: float = 1e-2
    """Peak learning rate of the one-cycle schedule (Fourier method)."""
    length_scale_mm: float = 16.0
    """Length scale of the Fourier features in mm."""
    features: int = 64
    """Number of Fourier frequencies."""
    hidden: int = 64
    """Units of a hidden layer (Fourier method)."""
    layers: int = 2
    """Hidden layers (Fourier method)."""
    dropout: float = 0.1
    """Dropout rate, in the fit and in MC-Dropout inference."""
    weight_decay: float = 1e-4
    """Decoupled weight decay of AdamW (Fourier method)."""
    most_nodes_per_group: int = 8
    """At most so many nodes of a group enter the fit (Fourier method)."""
    step_nodes: int = 12_000
    """About so many nodes enter a step: larger hearts are dealt into batches of groups; 0: all (Fourier method)."""
    active_mm: float = 8.0
    """Groups within this distance of a scarred pixel all enter the fit (Fourier method)."""
    remote_fraction: float = 0.05
    """Share of the groups farther away that enter, weighted up accordingly (Fourier method)."""
    max_epochs: int = 10_000
    """Upper limit of epochs (reference method)."""
    patience: int = 500
    """Epochs without a lower training loss before the fit stops (reference method)."""
    mc_passes: int = 3
    """Dropout passes averaged in each step (reference method)."""
    seed: int = 0
    """Seed of every random draw of the stage; 0 or more."""
    device: str = execution("auto")
    """`auto` takes CUDA where present; or `cpu`, `cuda`, `cuda:1`."""
    checkpoint_seconds: float = execution(5.0)
    """Time between checkpoints in seconds."""
    subjects_together: int = execution(0)
    """At most so many subjects of a shard are fitted in one computation; 0 takes 32 on CUDA and 1 on the CPU."""
    start_from: str = ""
    """Pretrained network: a folder, s3://bucket/prefix or models:/name/version; empty for none."""
    freeze: tuple[str, ...] = ()
    """Blocks of the pretrained network that the fit leaves as they are: encoding, hidden.0, hidden.1, …, head."""

    RENAMED: ClassVar[dict[str, str]] = {"nodes_per_group": "most_nodes_per_group", "prior": "start_from"}
    """Earlier names of settings, and what they are called now."""

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the network's blocks, from the position to the logit."""
        layers = REFERENCE_LAYERS if self.method == "reference" else self.layers
        return ("encoding", *(f"hidden.{layer}" for layer in range(layers)), "head")

    def check_pretrained(self, spec: Mapping[str, Any]) -> None:
        """Compare the architecture of a pretrained network with what these settings ask for.

        Args:
            spec: Its `FieldSpec` as a mapping.

        Raises:
            ConfigError: If they differ, by the name of the setting.
        """
        own = {"fourier": "fourier", "unit": "reference"}.get(spec.get("encoding", ""))
        if own != self.method:
            raise ConfigError("start_from", f"a network of the fit's method {self.method}", f"one of method {own}")
        if self.method == "fourier":
            for name in ("features", "length_scale_mm", "hidden", "layers"):
                if spec.get(name) != getattr(self, name):
                    rule = f"a network with the fit's {name} {getattr(self, name):g}"
                    raise ConfigError("start_from", rule, f"{name} {spec.get(name)}")

    def __post_init__(self) -> None:
        at_least_one = ("steps", "features", "hidden", "layers", "max_epochs", "patience", "mc_passes")
        for name in (*at_least_one, "most_nodes_per_group"):
            if getattr(self, name) < 1:
                raise ConfigError(name, "at least 1", str(getattr(self, name)))
        for name in ("subjects_together", "step_nodes"):
            if getattr(self, name) < 0:
                raise ConfigError(name, "at least 0", str(getattr(self, name)))
        for name in ("learning_rate", "length_scale_mm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(name, "a positive number", f"{getattr(self, name):g}")
        for name in ("weight_decay", "active_mm", "checkpoint_seconds"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")
        for name in ("dropout", "remote_fraction"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(name, "a share from 0 to below 1", f"{getattr(self, name):g}")
        check_seed(self.seed)
        check_device(self.device)
        self._check_freeze()

    def _check_freeze(self) -> None:
        for name in self.freeze:
            if name not in self.blocks:
                raise ConfigError("freeze", f"blocks among {', '.join(self.blocks)}", f"'{name}'")
        if self.freeze and not self.start_from:
            raise ConfigError("freeze", "a pretrained network whose blocks to keep", "none")
        # the encoding has no weights that a fit could move
        if {*self.freeze, "encoding"} == set(self.blocks):
            raise ConfigError("freeze", "at least one block left to fit", "all of them")
