"""Several networks that differ by where their training began: what they agree on, and how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int

from cardioscar.activation.baselines.method import Prediction
from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.inputs import network_input
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.network.prediction import closed_labels
from cardioscar.activation.network.training import Examples, train_network
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.errors import InputError


@dataclass(frozen=True, eq=False)
class Opinion:
    """What the networks say of a slice in 126 sectors.

    Attributes:
        tos_ms: Mean onset, not before the first frame.
        spread_ms: Standard deviation of the networks' onsets; 0 of one network.
        classes: Class of greatest mean probability, closed and without spikes.
    """

    tos_ms: Float[np.ndarray, " sectors"]
    spread_ms: Float[np.ndarray, " sectors"]
    classes: Int[np.ndarray, " sectors"]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Trained networks of both tasks [@lakshminarayanan2017].

    Attributes:
        networks: In evaluation mode, one and more.
    """

    networks: tuple[ActivationNetwork, ...]

    def __post_init__(self) -> None:
        if not self.networks or any(one.tasks != "both" for one in self.networks):
            raise InputError("networks", "one network and more that know onset and class", "others")

    def opinion(self, one: StrainSlice) -> Opinion:
        """Onset, spread and class of 126 sectors.

        Args:
            one: As `check_strain` wants it, in any number of sectors.
        """
        values = torch.from_numpy(network_input(one))[None]
        onsets, probabilities = [], []
        with torch.no_grad():
            for network in self.networks:
                onset, logits = network(values.to(next(network.parameters()).device))
                onsets.append(onset[0].cpu().numpy().astype(np.float64))
                probabilities.append(torch.softmax(logits[0], dim=0).cpu().numpy())
        tos_ms = np.maximum(np.mean(onsets, axis=0), one.frame_ms[0])
        spread_ms = np.std(onsets, axis=0, ddof=1) if len(onsets) > 1 else np.zeros(SECTORS)
        return Opinion(tos_ms, spread_ms, closed_labels(np.mean(probabilities, axis=0)))

    def predict(self, one: StrainSlice) -> Prediction:
        """Onset, scar and class in 126 sectors, as methods that are compared say it."""
        found = self.opinion(one)
        return Prediction(found.tos_ms, found.classes == SectorClass.SCARRED, found.classes)


def train_ensemble(
    training: Examples, validation: Examples, config: ActivationNetworkConfig, *, members: int = 5
) -> Ensemble:
    """Train networks that differ by their seed: by their first weights, and by the order of what they see.

    Args:
        training: What each learns from.
        validation: Of other hearts.
        config: Settings; its seed is that of the first network.
        members: How many.

    Raises:
        InputError: If none is asked for, or a training went wrong.
    """
    if members < 1:
        raise InputError("members", "1 network and more", str(members))
    seeds: Sequence[int] = range(config.loop.seed, config.loop.seed + members)
    trained = (
        train_network(training, validation, replace(config, loop=replace(config.loop, seed=seed))).checked()
        for seed in seeds
    )
    return Ensemble(tuple(one.network.eval() for one in trained))
