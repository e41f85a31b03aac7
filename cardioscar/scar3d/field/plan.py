"""What a fit works through: which groups, which of their nodes, in which batches, at which learning rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from scipy.spatial import cKDTree

from cardioscar.errors import ConfigError
from cardioscar.learning.schedules import one_cycle, triangular
from cardioscar.scar3d.field.fit_config import REFERENCE_DROPPED, REFERENCE_HIDDEN, REFERENCE_LAYERS, FitConfig
from cardioscar.scar3d.field.pretrained import PretrainedField, freeze
from cardioscar.scar3d.field.scar_field import FieldSpec, ScarField
from cardioscar.scar3d.observation.constraint_loss import Loss
from cardioscar.scar3d.observation.csr import ranges
from cardioscar.scar3d.observation.observations import Observations, frame_of
from cardioscar.types import GroupOffsets, Points


@dataclass(frozen=True)
class Batch:
    """Complete groups that share an optimiser step.

    Attributes:
        nodes: Index into the sorted nodes, shape (batch nodes,).
        offsets: CSR offsets within the batch, shape (batch groups + 1,).
        targets: Scar fraction of each group.
        weights: Weight of each group in the loss, summing to 1.
    """

    nodes: np.ndarray
    offsets: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class FitPlan:
    """A method made concrete for one subject.

    Attributes:
        spec: Architecture of the field.
        batches: The batches of an epoch.
        epochs: Upper limit of epochs.
        patience: Epochs without improvement before stopping; None never stops early.
        passes: Dropout passes averaged in each step.
        loss: `cross_entropy` on group means, or `mse`.
        learning_rate: Learning rate as a function of the optimiser step, from 0.
        weight_decay: Decoupled weight decay.
        pretrained: Network that the fit starts from; None draws the first weights.
        frozen: Blocks whose weights stay.
        keep_last: Keep the weights of the last epoch, whatever its loss; else those of the epoch of the lowest loss.
        fresh_masks: Draw dropout masks anew in every pass; else once for all steps, see `DropoutPool`.
    """

    spec: FieldSpec
    batches: tuple[Batch, ...]
    epochs: int
    patience: int | None
    passes: int
    loss: Loss
    learning_rate: Callable[[int], float]
    weight_decay: float
    pretrained: PretrainedField | None = None
    frozen: tuple[str, ...] = ()
    keep_last: bool = False
    fresh_masks: bool = False

    def first_field(self, seed: int) -> ScarField:
        """The field before its first step, on the CPU."""
        field = ScarField(self.spec, torch.Generator().manual_seed(seed))
        if self.pretrained is not None:
            self.pretrained.start(field)
        freeze(field, self.frozen)
        return field


def plan_fit(observations: Observations, config: FitConfig, pretrained: PretrainedField | None = None) -> FitPlan:
    """Turn a method's name and settings into a plan for one subject.

    Raises:
        ConfigError: If a pretrained network is named and not given, or is of another architecture than the settings.
        GeometryError: If there is a pretrained network, and the subject's slices do not tell its axes.
    """
    plan = _fourier(observations, config) if config.method == "fourier" else _reference(observations, config)
    if pretrained is None:
        if config.start_from:
            raise ConfigError("start_from", "a network that was loaded", "its name alone")
        return plan
    config.check_pretrained(asdict(pretrained.spec))
    spec = pretrained.spec_in(frame_of(observations), config.dropout)
    return replace(plan, spec=spec, pretrained=pretrained, frozen=config.freeze)


def _fourier(observations: Observations, config: FitConfig) -> FitPlan:
    rng = np.random.default_rng(config.seed)
    offsets = observations.group_offsets
    chosen, weights = _active_groups(observations, config, rng)
    nodes, sizes = _some_of_each(offsets, chosen, config.most_nodes_per_group, rng)
    ends = np.cumsum(sizes)
    count = max(1, round(len(nodes) / config.step_nodes)) if config.step_nodes else 1
    # every batch is a fair sample of the heart, so that its loss, weighted up, is a noisy copy of the whole loss
    dealt = rng.permutation(len(chosen)) if count > 1 else np.arange(len(chosen))
    batches = []
    for number in range(count):
        groups = np.sort(dealt[number::count])
        batches.append(
            Batch(
                nodes[ranges(ends[groups] - sizes[groups], sizes[groups])],
                np.concatenate([[0], np.cumsum(sizes[groups])]),
                observations.targets[chosen[groups]],
                weights[groups] * (count / weights.sum()),
            )
        )
    return FitPlan(
        spec=FieldSpec(
            encoding="fourier",
            features=config.features,
            length_scale_mm=config.length_scale_mm,
            hidden=config.hidden,
            layers=config.layers,
            activation="silu",
            dropout=config.dropout,
            center_mm=_center(observations.nodes_mm),
        ),
        batches=tuple(batches),
        epochs=-(-config.steps // count),
        patience=None,
        passes=1,
        loss="cross_entropy",
        learning_rate=lambda step: one_cycle(step, config.steps, config.learning_rate),
        weight_decay=config.weight_decay,
    )


def _reference(observations: Observations, config: FitConfig) -> FitPlan:
    """The published network and schedule [@sen2025], as record 22 of docs/decisions lists them.

    Adam is AdamW without decay. The code moves its rate after a step, so the first two steps have the lowest one.
    """
    offsets = observations.group_offsets
    batches = []
    for first, last in pairwise(observations.batch_groups):
        nodes = np.arange(offsets[first], offsets[last])
        weights = np.full(last - first, 1 / (last - first))
        batches.append(
            Batch(nodes, offsets[first : last + 1] - offsets[first], observations.targets[first:last], weights)
        )
    low, high = observations.nodes_mm.min(axis=0), observations.nodes_mm.max(axis=0)
    return FitPlan(
        spec=FieldSpec(
            encoding="unit",
            low_mm=(0.0, 0.0, 0.0),
            extent_mm=_three(np.where(high > low, high - low, 1.0)),  # an axis along which nothing extends
            hidden=REFERENCE_HIDDEN,
            layers=REFERENCE_LAYERS,
            activation="relu",
            dropout=config.dropout,
            dropped=REFERENCE_DROPPED,
            center_mm=_three(low),
        ),
        batches=tuple(batches),
        epochs=config.max_epochs,
        patience=config.patience,
        passes=config.mc_passes,
        loss="mse",
        learning_rate=lambda step: triangular(max(step - 1, 0), 1e-3, 1e-2, half_cycle=2000),
        weight_decay=0.0,
        keep_last=True,
        fresh_masks=True,
    )


def _some_of_each(
    offsets: GroupOffsets, chosen: np.ndarray, most: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """At most so many nodes of each chosen group, drawn at random, in order; and how many of each."""
    sizes = np.diff(offsets)[chosen]
    nodes = ranges(offsets[chosen], sizes)
    # the nodes of each group in random order, of which the first ones are taken
    order = np.lexsort((rng.random(len(nodes)), np.repeat(np.arange(len(chosen)), sizes)))
    rank = ranges(np.zeros(len(chosen), dtype=np.int64), sizes)
    return nodes[np.sort(order[rank < most])], np.minimum(sizes, most)


def _active_groups(
    observations: Observations, config: FitConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Groups near scar, and a sample of the others with a weight that keeps the loss unbiased."""
    y = observations.targets
    first = observations.nodes_mm[observations.group_offsets[:-1]]
    near = np.zeros(len(y), dtype=bool)
    if (y > 0.01).any():
        near = cKDTree(first[y > 0.01]).query(first, workers=1)[0] <= config.active_mm
    remote = np.flatnonzero(~near)
    # a scar-free heart is all remote: keep enough of it to pin the field to zero
    wanted = min(len(remote), max(round(config.remote_fraction * len(remote)), 200))
    sampled = np.sort(rng.choice(remote, wanted, replace=False)) if wanted else remote
    chosen = np.concatenate([np.flatnonzero(near), sampled])
    weights = np.concatenate([np.ones(near.sum()), np.full(wanted, len(remote) / max(wanted, 1))])
    return chosen, weights * observations.pixels[chosen]


def _center(nodes_mm: Points) -> tuple[float, float, float]:
    x, y, z = (nodes_mm.min(axis=0) + nodes_mm.max(axis=0)) / 2
    return (round(float(x), 3), round(float(y), 3), round(float(z), 3))


def _three(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
