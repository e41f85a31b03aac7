"""One loop for every network that subjects share: steps, validation, the weights that are kept, and why it ended."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from cardioscar.errors import DivergedError, InputError
from cardioscar.learning.adamw import AdamW
from cardioscar.learning.checkpoint import checkpoint_identity, load_checkpoint, save_checkpoint
from cardioscar.learning.curves import Curves
from cardioscar.learning.device import choose_device
from cardioscar.learning.heap import large_blocks_kept
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.precision import Precision
from cardioscar.learning.schedules import Schedule
from cardioscar.learning.train_state import TrainState

log = logging.getLogger(__name__)

Network = TypeVar("Network", bound=nn.Module)
StopReason = Literal["completed", "patience", "diverged", "silent units"]

Losses = Callable[[int, torch.Generator], Iterable[Tensor]]
"""Given a step (from 0) and the training's source of random numbers on its device, the losses of the step's parts, one
after the other in memory: each goes backward before the next is asked for, and their sum is the loss of the step."""

Validate = Callable[[], Mapping[str, float]]
"""Figures of the network as it is; it is in evaluation mode and records no gradients meanwhile."""


@runtime_checkable
class Resumable(Protocol):
    """Losses with a memory, such as the order of examples: it goes into the checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        """The memory, JSON-ready."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a memory."""


@dataclass(frozen=True)
class TrainResult(Generic[Network]):
    """A trained network and how it came about.

    Attributes:
        network: In evaluation mode, with the weights of the best validation, or the last finite ones without any.
        stop_reason: `completed`; `patience`: no better figure for so many validations; `diverged`: loss or gradients
            ceased to be finite, the weights are those before; `silent units`: the last step moved nothing.
        curves: Losses, learning rates, validation.
        best_step: Steps done when the weights that are kept were.
        seconds: Time spent in all attempts.
        device: Where.
    """

    network: Network
    stop_reason: StopReason
    curves: Curves
    best_step: int
    seconds: float
    device: str

    @property
    def steps(self) -> int:
        """Optimiser steps done."""
        return len(self.curves.losses)

    def checked(self) -> TrainResult[Network]:
        """This result, if it is worth keeping.

        Raises:
            DivergedError: If the training diverged, or all units are silent: the learning rate is too high.
        """
        if self.stop_reason == "diverged":
            found = f"one that does not, in step {self.steps + 1}"
            raise DivergedError("learning_rate", "a training that stays finite", found)
        if self.stop_reason == "silent units":
            found = "one whose units are all silent (a rate too high)"
            raise DivergedError("learning_rate", "a network that learns", found)
        return self


def train(
    network: Network,
    losses: Losses,
    config: LoopConfig,
    *,
    schedule: Schedule | None = None,
    validate: Validate | None = None,
    units: nn.Module | None = None,
    checkpoint: Path | None = None,
    identity: str = "",
    on_step: Callable[[int, int], None] | None = None,
) -> TrainResult[Network]:
    """Train a network in place with AdamW [@loshchilov2019].

    Args:
        network: Moved to the device of the settings.
        losses: What a step minimises. It reads its data on that device, and its random numbers from the generator that
            it is given or from its own memory (`Resumable`): then a resumed training equals one that was never killed.
        config: Settings.
        schedule: Rates of each step, in place of the one that the settings name.
        validate: Measures the network every `validation_steps` and after the last one; its figure `config.watch`
            decides which weights are kept.
        units: The part whose units must not all be silent; default all of the network.
        checkpoint: File that a killed training resumes from; it is left to the caller, who keeps the result.
        identity: Hash of data and settings; a checkpoint of another identity is not resumed.
        on_step: Called with the steps done and their upper limit.

    Returns:
        The network and how the training ended; one that goes wrong says so in `stop_reason`, it raises nothing.

    Raises:
        ConfigError: If the device is not there.
        InputError: If the validation lacks the figure that is watched.
    """
    run = _Run(network, losses, config, schedule or config.schedule.over(config.steps), validate, units)
    kept = large_blocks_kept() if run.device.type == "cpu" else contextlib.nullcontext()
    with kept, _own_random_numbers(run.device, config.seed):
        if checkpoint is not None and checkpoint.is_file() and checkpoint_identity(checkpoint) == identity:
            run.resume(checkpoint)
            log.info("resumes at step %d of %d", run.state.step, config.steps)
        began, saved = time.perf_counter() - run.state.seconds, time.monotonic()
        stop_reason = run.ended()
        while stop_reason is None:
            stop_reason = run.step() or run.measure() or run.ended()
            if checkpoint is not None and stop_reason is None and _due(saved, config):
                run.state.seconds = time.perf_counter() - began
                run.save(checkpoint, identity)
                saved = time.monotonic()
            if on_step and stop_reason != "diverged":
                on_step(run.state.step, config.steps)
        return run.result(stop_reason, time.perf_counter() - began)


class _Run(Generic[Network]):
    """A training under way."""

    def __init__(
        self,
        network: Network,
        losses: Losses,
        config: LoopConfig,
        schedule: Schedule,
        validate: Validate | None,
        units: nn.Module | None,
    ) -> None:
        self.device = choose_device(config.device)
        self.network, self.losses, self.config, self.schedule = network.to(self.device), losses, config, schedule
        self.validate, self.units = validate, units or network
        moving = [weights for weights in network.parameters() if weights.requires_grad]
        self.optimizer = AdamW(moving, lr=1.0, weight_decay=config.weight_decay, fused=config.fused or None)
        self.precision = Precision(config.precision, self.device)
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.state = TrainState()
        self.validation: list[tuple[int, dict[str, float]]] = []
        self.stepped = False
        self._first = self._weights()
        network.train()

    def step(self) -> StopReason | None:
        """One optimiser step; it is not done where loss or gradients are not finite."""
        rates = self.schedule(self.state.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rates.learning_rate
            if rates.beta1 is not None:
                group["betas"] = (rates.beta1, *group["betas"][1:])
        self.optimizer.zero_grad(set_to_none=True)
        # a batch that is not finite spoils what normalisation layers remember, before there is a loss to tell
        remembered = [(buffer, buffer.clone()) for buffer in self.network.buffers()]
        total = 0.0
        for part in self._parts():
            self.precision.backward(part)
            total += part.item()
        if not math.isfinite(total) or not self.precision.step(self.network, self.optimizer, self.config.clip_norm):
            for buffer, before in remembered:
                buffer.copy_(before)
            return "diverged"
        self.state.losses.append(total)
        self.state.step += 1
        self.stepped = True
        return None

    def _parts(self) -> Iterator[Tensor]:
        """The losses of the step's parts; only their forward pass is cast."""
        parts, count = iter(self.losses(self.state.step, self.generator)), 0
        while True:
            with self.precision.cast():
                part = next(parts, None)
            if part is None:
                break
            yield part
            count += 1
        if not count:
            raise ValueError("a step without a loss")

    def measure(self) -> StopReason | None:
        """Validate where it is time to, and keep the weights if they are the best so far."""
        state, every = self.state, self.config.validation_steps
        at_last = state.step == self.config.steps
        if self.validate is None or not (at_last or (every and state.step % every == 0)):
            return None
        self.network.eval()
        with torch.no_grad():
            figures = {name: float(value) for name, value in self.validate().items()}
        self.network.train()
        if self.config.watch not in figures:
            raise InputError("watch", f"a figure of the validation: {', '.join(figures)}", repr(self.config.watch))
        self.validation.append((state.step, figures))
        state.epoch += 1
        figure = figures[self.config.watch] * (-1 if self.config.higher_is_better else 1)
        if figure < state.best_loss:
            state.best_loss, state.best_epoch, state.kept_weights = figure, state.step, self._weights()
        waited = sum(step > state.best_epoch for step, _ in self.validation)
        return "patience" if self.config.patience and waited >= self.config.patience else None

    def ended(self) -> StopReason | None:
        """Whether all steps are done, and whether the last one moved anything."""
        if self.state.step < self.config.steps:
            return None
        gradients = [weights.grad for weights in self.units.parameters()]
        if self.stepped and not any(one is not None and bool(one.any()) for one in gradients):
            return "silent units"
        return "completed"

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def save(self, path: Path, identity: str) -> None:
        """Write a checkpoint."""
        self.state.extra = {"validation": self.validation, "scaler": self.precision.scaler.state_dict()}
        if isinstance(self.losses, Resumable):
            self.state.extra["losses"] = self.losses.state_dict()
        self.state.random = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            self.state.random["cuda"] = torch.cuda.get_rng_state(self.device)
        save_checkpoint(path, identity, self.state, self.network, self.optimizer, self.generator)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        self.state = load_checkpoint(path, self.network, self.optimizer, self.generator)
        self.validation = [(int(step), figures) for step, figures in self.state.extra["validation"]]
        self.precision.scaler.load_state_dict(self.state.extra["scaler"])
        if isinstance(self.losses, Resumable):
            self.losses.load_state_dict(self.state.extra["losses"])
        torch.set_rng_state(self.state.random["cpu"])
        if self.device.type == "cuda" and "cuda" in self.state.random:
            torch.cuda.set_rng_state(self.state.random["cuda"], self.device)

    def result(self, stop_reason: StopReason, seconds: float) -> TrainResult[Network]:
        """The end."""
        state, best_step = self.state, self.state.step
        if state.kept_weights:
            self.network.load_state_dict(state.kept_weights)
            best_step = state.best_epoch
        elif not all(weights.isfinite().all() for weights in self.network.state_dict().values()):
            # a rate so high that the weights overflowed while the loss was finite
            self.network.load_state_dict(self._first)
            best_step = 0
        rates = tuple(self.schedule(step).learning_rate for step in range(state.step))
        return TrainResult(
            network=self.network.eval(),
            stop_reason=stop_reason,
            curves=Curves(tuple(state.losses), rates, tuple(self.validation)),
            best_step=best_step,
            seconds=seconds,
            device=str(self.device),
        )


@contextlib.contextmanager
def _own_random_numbers(device: torch.device, seed: int) -> Iterator[None]:
    """Torch's own random numbers, which dropout layers draw, seeded for the training and given back as they were."""
    index = torch.cuda.current_device() if device.type == "cuda" and device.index is None else device.index
    with torch.random.fork_rng([index] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _due(saved: float, config: LoopConfig) -> bool:
    return time.monotonic() - saved >= config.checkpoint_seconds
