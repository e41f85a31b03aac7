"""The network trained on slices whose onset and class are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.inputs import network_input
from cardioscar.activation.network.model import UNIT_MS, ActivationNetwork
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.errors import InputError
from cardioscar.learning.closed_axis import turn_closed_axis
from cardioscar.learning.device import choose_device
from cardioscar.learning.loop import TrainResult, train
from cardioscar.learning.order import Order

_AXES = {"inputs": 1, "tos_ms": 0, "classes": 0}


@dataclass(frozen=True, eq=False)
class Examples:
    """Slices as the network learns them.

    Attributes:
        inputs: As `network_input` makes them.
        tos_ms: Onset in ms.
        classes: `SectorClass`.
    """

    inputs: Float[np.ndarray, "slices 3 sectors times"]
    tos_ms: Float[np.ndarray, "slices sectors"]
    classes: Int[np.ndarray, "slices sectors"]


def examples_of(slices: Sequence[StrainSlice], classes: Sequence[Int[np.ndarray, " sectors"]]) -> Examples:
    """Slices with a known truth, as the network learns them.

    Args:
        slices: With `tos_ms`, 126 sectors.
        classes: `SectorClass` of each sector of each.

    Raises:
        InputError: If there are none, an onset is not known, or sectors are of another number.
    """
    if not slices or len(slices) != len(classes):
        raise InputError("slices", "a class for each of one slice and more", f"{len(classes)} for {len(slices)}")
    for one, kinds in zip(slices, classes, strict=True):
        if one.tos_ms is None or len(one.tos_ms) != SECTORS or len(kinds) != SECTORS:
            raise InputError(one.source, f"an onset and a class of each of {SECTORS} sectors", "others")
    onsets = np.array([one.tos_ms for one in slices], dtype=np.float32)
    return Examples(np.stack([network_input(one) for one in slices]), onsets, np.array(classes, dtype=np.int64))


def train_network(
    training: Examples,
    validation: Examples,
    config: ActivationNetworkConfig,
    *,
    checkpoint: Path | None = None,
    identity: str = "",
    on_step: Callable[[int, int], None] | None = None,
) -> TrainResult[ActivationNetwork]:
    """Train a network.

    The loss is the onset's mean squared error and the class's cross-entropy, in which each class counts by the root of
    how seldom it is. Slices are turned and mirrored at random, because no file says for sure where it begins.

    Args:
        training: What it learns from.
        validation: Of other hearts, by which the weights that are kept are chosen.
        config: Settings.
        checkpoint: File that a killed training resumes from, see `learning.loop.train`.
        identity: Hash of data and settings.
        on_step: Called with the steps done and their upper limit.

    Returns:
        The network and how its training ended.
    """
    loop = config.loop
    with torch.random.fork_rng([]):
        torch.manual_seed(loop.seed)
        network = ActivationNetwork(config)
    weights = _class_weights(training.classes)
    losses = _Losses(network, training, config, weights)
    validate = _validation(network, validation, config, weights)
    return train(network, losses, loop, validate=validate, checkpoint=checkpoint, identity=identity, on_step=on_step)


class _Losses:
    """Losses of drawn batches; remembers which slices are left."""

    def __init__(
        self, network: ActivationNetwork, examples: Examples, config: ActivationNetworkConfig, weights: Tensor
    ) -> None:
        self.network, self.examples, self.config, self.weights = network, examples, config, weights
        self.device = choose_device(config.loop.device)
        self.order = Order(len(examples.inputs), np.random.default_rng(config.loop.seed))

    def __call__(self, step: int, generator: torch.Generator) -> Iterator[Tensor]:
        chosen = [self._example() for _ in range(self.config.batch)]
        inputs, tos_ms, classes = (
            torch.from_numpy(np.stack([one[name] for one in chosen])).to(self.device) for name in _AXES
        )
        yield _loss(self.network, inputs, tos_ms, classes, self.config, self.weights)

    def _example(self) -> dict[str, np.ndarray]:
        number = self.order.next()
        arrays = {name: getattr(self.examples, name)[number] for name in _AXES}
        return turn_closed_axis(arrays, _AXES, self.order.rng)

    def state_dict(self) -> dict[str, Any]:
        return self.order.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.order.load_state_dict(state)


def _loss(
    network: ActivationNetwork,
    inputs: Tensor,
    tos_ms: Tensor,
    classes: Tensor,
    config: ActivationNetworkConfig,
    weights: Tensor,
) -> Tensor:
    onset, logits = network(inputs)
    total = inputs.new_zeros(())
    if onset is not None:
        total = total + config.onset_weight * functional.mse_loss(onset / UNIT_MS, tos_ms / UNIT_MS)
    if logits is not None:
        total = total + config.class_weight * functional.cross_entropy(logits, classes, weights.to(logits.device))
    return total


def _class_weights(classes: Int[np.ndarray, "slices sectors"]) -> Tensor:
    counts = np.bincount(classes.ravel(), minlength=len(SectorClass)) + 1.0
    weights = np.sqrt(counts.sum() / counts)
    return torch.tensor(weights / weights.mean(), dtype=torch.float32)


def _validation(
    network: ActivationNetwork, examples: Examples, config: ActivationNetworkConfig, weights: Tensor
) -> Callable[[], Mapping[str, float]]:
    device = choose_device(config.loop.device)
    inputs, tos_ms, classes = (torch.from_numpy(getattr(examples, name)).to(device) for name in _AXES)

    def validate() -> dict[str, float]:
        figures = {"loss": float(_loss(network, inputs, tos_ms, classes, config, weights))}
        onset, logits = network(inputs)
        if onset is not None:
            figures["tos_error_ms"] = float((onset - tos_ms).abs().mean())
        if logits is not None:
            figures["class_accuracy"] = float((logits.argmax(1) == classes).float().mean())
        return figures

    return validate
