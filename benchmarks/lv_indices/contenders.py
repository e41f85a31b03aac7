"""Networks that learn from the same slices for the same number of steps, and differ in what they learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from cardioscar.config import config_sha256
from cardioscar.files.atomic import atomic_file
from cardioscar.learning.loop import train
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig
from cardioscar.lvquant.network.cine_net import CineNet
from cardioscar.lvquant.network.spec import INDICES, CineNetSpec, Head
from cardioscar.lvquant.train import Learning
from cardioscar.lvquant.training.adversarial import AdversarialTerm
from cardioscar.lvquant.training.config import TASK_NAMES
from cardioscar.lvquant.training.loss import CineLoss
from cardioscar.lvquant.training.pool import PoolLosses, SegmentedSlice


@dataclass(frozen=True)
class Contender:
    """What one network learns.

    Attributes:
        name: As the table calls it.
        tasks: Groups of indices, phase and consistency; what it did not learn is not scored.
        head: Form of the heads.
        adversarial: Weight of the adversarial term.
    """

    name: str
    tasks: tuple[str, ...]
    head: Head = "outline"
    adversarial: float = 0.0


MULTI = tuple(TASK_NAMES[1:])
CONTENDERS = (
    Contender("multi-task", MULTI),
    *(Contender(f"{task} alone", (task,)) for task in (*INDICES, "phase")),
    Contender("multi-task, pooled heads", MULTI, head="pooled"),
    Contender("multi-task, adversarial term", MULTI, adversarial=0.1),
)
"""All of them."""


@dataclass(frozen=True)
class Budget:
    """What each contender gets, the same for all."""

    steps: int
    """Optimiser steps."""
    batch: int
    """Slices of a step."""
    seed: int
    """Seed of weights, order and views."""
    peak: float = 2e-3
    """Largest learning rate."""


def learned(
    folder: Path, contender: Contender, budget: Budget, pool: Sequence[SegmentedSlice], start: CineNet, stream: str
) -> tuple[CineNet, float]:
    """A contender's network, as it lies in the folder or learned into it, and the CPU-seconds that this took.

    A training that is killed goes on where it was. The segmentation is that of the network to start from, for all.

    Args:
        folder: Where networks are kept.
        contender: What it learns.
        budget: Steps and slices.
        pool: Slices to learn from.
        start: Gives its segmentation.
        stream: Names slices and segmentation.
    """
    spec: CineNetSpec = replace(start.spec, head=contender.head)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(budget.seed)
        network = CineNet(spec)
        adversarial = AdversarialTerm(contender.adversarial) if contender.adversarial else None
    network.segmenter.load_state_dict(start.segmenter.state_dict())
    network.segmenter.requires_grad_(False)
    identity = config_sha256(
        {"spec": config_sha256(spec), "budget": config_sha256(budget), "stream": stream, "slices": len(pool),
         "tasks": list(contender.tasks), "adversarial": contender.adversarial}
    )  # fmt: skip
    path = folder / f"{contender.name.replace(',', '').replace(' ', '-')}-{identity[:12]}.safetensors"
    if path.is_file():
        state = load_file(path)
        seconds = float(state.pop("seconds"))
        network.load_state_dict(state)
        return network.eval(), seconds
    folder.mkdir(parents=True, exist_ok=True)
    weights = {task: float(task in contender.tasks) for task in TASK_NAMES}
    learning = Learning(network, CineLoss(weights), adversarial)
    losses = PoolLosses(network, learning.cost, pool, batch=budget.batch, seed=budget.seed, device=torch.device("cpu"))
    loop = LoopConfig(
        steps=budget.steps,
        schedule=ScheduleConfig(name="cosine", peak=budget.peak, rise=0.02),
        clip_norm=1.0,
        seed=budget.seed,
        validate_every=0,
        device="cpu",
        checkpoint_seconds=20.0,
    )
    checkpoint = path.with_suffix(".part")
    result = train(learning, losses, loop, units=network.over_beat, checkpoint=checkpoint, identity=identity).checked()
    trained = result.network.network
    state = {name: one.contiguous() for name, one in trained.state_dict().items()}
    with atomic_file(path) as partial:
        save_file(state | {"seconds": torch.tensor(result.seconds)}, partial)
    checkpoint.unlink(missing_ok=True)
    return trained, result.seconds
