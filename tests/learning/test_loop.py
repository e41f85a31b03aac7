"""The one training loop: equal to a plain one, resumed to the last bit, and with a reason for every end."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.loop import train
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.order import Order
from cardioscar.learning.schedules import Rates, ScheduleConfig

INPUTS = torch.linspace(-1, 1, 24)[:, None]
TRUTH = torch.sin(3 * INPUTS)
CONFIG = LoopConfig(steps=12, schedule=ScheduleConfig(peak=1e-2), device="cpu", seed=7)


def network(dropout: float = 0.0, *, normalised: bool = False) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        middle = [nn.BatchNorm1d(16)] if normalised else []
        return nn.Sequential(nn.Linear(1, 16), *middle, nn.SiLU(), nn.Dropout(dropout), nn.Linear(16, 1))


class Parts:
    """Losses of two parts a step, in a drawn order, with noise from the training's generator."""

    def __init__(self, net: nn.Module, seed: int = 0) -> None:
        self.net, self.order = net, Order(6, np.random.default_rng(seed))

    def __call__(self, step: int, generator: torch.Generator) -> Iterator[Tensor]:
        for _ in range(2):
            part = slice(4 * (at := self.order.next()), 4 * at + 4)
            noise = 0.01 * torch.randn(4, 1, generator=generator)
            yield nn.functional.mse_loss(self.net(INPUTS[part] + noise), TRUTH[part]) / 2

    def state_dict(self) -> dict[str, Any]:
        return self.order.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.order.load_state_dict(state)


def equal(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


@pytest.mark.parametrize("clip", [0.0, 0.5])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_loop_equals_a_plain_one(clip: float, dropout: float) -> None:
    ours = network(dropout)
    result = train(ours, Parts(ours), dataclasses.replace(CONFIG, clip_norm=clip, weight_decay=0.01))

    plain = network(dropout)
    parts, generator = Parts(plain), torch.Generator().manual_seed(7)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=1e-2, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=12)
    losses = []
    with torch.random.fork_rng():
        torch.manual_seed(7)
        for step in range(12):
            optimizer.zero_grad()
            losses.append(0.0)
            for loss in parts(step, generator):
                loss.backward()
                losses[-1] += loss.item()
            if clip:
                nn.utils.clip_grad_norm_(plain.parameters(), clip)
            optimizer.step()
            if step < 11:
                schedule.step()
    assert equal(ours, plain)
    assert list(result.curves.losses) == losses
    assert (result.stop_reason, result.best_step, result.steps, result.device) == ("completed", 12, 12, "cpu")
    assert not ours.training


def test_the_callers_random_numbers_are_neither_used_nor_moved() -> None:
    results = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        one = network(0.5)
        train(one, Parts(one), CONFIG)
        assert torch.equal(torch.get_rng_state(), before)
        results.append(one)
    assert equal(*results)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("at", [1, 5, 11])
def test_a_killed_training_goes_on_to_the_last_bit(at: int, precision: str, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, checkpoint_seconds=0.0, validate_every=3, precision=precision)

    def start(path: Path | None, die_at: int = 0):  # type: ignore[no-untyped-def]
        def told(done: int, _: int) -> None:
            if done == die_at:
                raise KeyboardInterrupt

        net = network(0.3, normalised=True)
        measured = lambda: {"loss": float(nn.functional.mse_loss(net(INPUTS), TRUTH))}  # noqa: E731
        return train(net, Parts(net), config, validate=measured, checkpoint=path, identity="a", on_step=told)

    whole, path = start(None), tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        start(path, at)
    resumed = start(path)
    assert resumed.curves == whole.curves
    assert (resumed.stop_reason, resumed.best_step) == (whole.stop_reason, whole.best_step)
    assert equal(resumed.network, whole.network)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_a_checkpoint_of_another_training_is_not_resumed(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, checkpoint_seconds=0.0)
    nets = [network() for _ in range(3)]
    path = tmp_path / "checkpoint"
    train(nets[0], Parts(nets[0], seed=5), config, checkpoint=path, identity="a")
    train(nets[1], Parts(nets[1]), config, checkpoint=path, identity="b")
    train(nets[2], Parts(nets[2]), config)
    assert equal(nets[1], nets[2])


def measuring(figures: list[float], name: str = "loss"):  # type: ignore[no-untyped-def]
    left = iter(figures)
    return lambda: {name: next(left), "other": 1.0}


@pytest.mark.parametrize(
    ("figures", "higher", "reason", "best", "validations"),
    [
        ([5.0, 4.0, 4.5, 4.2, 1.0, 1.0], False, "patience", 4, 4),
        ([5.0, 4.0, 4.5, 3.9, 3.8, 3.7], False, "completed", 12, 6),
        ([0.1, 0.3, 0.2, 0.3, 0.9, 0.9], True, "patience", 4, 4),
        ([float("nan"), 0.3, float("nan"), 0.4, 0.4, 0.1], True, "patience", 8, 6),
    ],
)
def test_patience_counts_validations_and_the_best_weights_are_kept(
    figures: list[float], higher: bool, reason: str, best: int, validations: int
) -> None:
    config = dataclasses.replace(CONFIG, validate_every=2, patience=2, watch="dice", higher_is_better=higher)
    stopped = network()
    result = train(stopped, Parts(stopped), config, validate=measuring(figures, "dice"))
    assert (result.stop_reason, result.best_step, len(result.curves.validation)) == (reason, best, validations)
    assert [value for _, value in result.curves.of("dice")] == pytest.approx(figures[:validations], nan_ok=True)

    until = network()
    at_best = dataclasses.replace(CONFIG, steps=best)
    train(until, Parts(until), at_best, schedule=CONFIG.schedule.over(12))
    assert equal(stopped, until)


def test_validation_is_by_epochs_and_at_the_end_and_without_gradients_or_dropout() -> None:
    seen = []
    net = network(0.5)

    def measure() -> dict[str, float]:
        seen.append((net.training, torch.is_grad_enabled()))
        return {"loss": 1.0}

    config = dataclasses.replace(CONFIG, validate_every=1, validate_unit="epoch", epoch_steps=5)
    result = train(net, Parts(net), config, validate=measure)
    assert [step for step, _ in result.curves.validation] == [5, 10, 12]
    assert seen == [(False, False)] * 3
    with pytest.raises(InputError, match="watch: expected a figure of the validation: dice, other, found 'loss'"):
        train(net, Parts(net), CONFIG, validate=measuring([1.0], "dice"))


@pytest.mark.parametrize("normalised", [False, True])
def test_a_loss_that_is_not_finite_ends_the_training_with_the_weights_before_it(normalised: bool) -> None:
    net = network(normalised=normalised)

    def spoiled(step: int, _: torch.Generator) -> Iterator[Tensor]:
        yield nn.functional.mse_loss(net(INPUTS * (torch.nan if step == 4 else 1.0)), TRUTH)

    told = []
    result = train(net, spoiled, CONFIG, on_step=lambda *step: told.append(step))
    assert (result.stop_reason, result.steps, result.best_step) == ("diverged", 4, 4)
    assert told == [(n, 12) for n in (1, 2, 3, 4)]

    whole = network(normalised=normalised)
    four = dataclasses.replace(CONFIG, steps=4)
    train(whole, lambda *_: [nn.functional.mse_loss(whole(INPUTS), TRUTH)], four, schedule=CONFIG.schedule.over(12))
    assert equal(net, whole)


def test_gradients_that_are_not_finite_end_it_too_and_overflown_weights_are_not_given_out() -> None:
    net = network()
    # the root has no slope at zero
    result = train(net, lambda *_: [(0.0 * net(INPUTS)).sum().abs().sqrt()], CONFIG)
    assert (result.stop_reason, result.steps) == ("diverged", 0)
    wild = network()
    result = train(wild, lambda *_: [(wild(INPUTS) ** 2).mean()], CONFIG, schedule=lambda _: Rates(float("inf")))
    assert (result.stop_reason, result.best_step) == ("diverged", 0)
    assert equal(wild, network())


def test_units_that_are_all_silent_are_said() -> None:
    net = nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 1))
    with torch.no_grad():
        net[0].bias.fill_(-100.0)
    result = train(net, lambda *_: [nn.functional.mse_loss(net(INPUTS), TRUTH)], CONFIG, units=net[0])
    assert result.stop_reason == "silent units"
    result = train(net, lambda *_: [nn.functional.mse_loss(net(INPUTS), TRUTH)], CONFIG)
    assert result.stop_reason == "completed"  # the last layer's bias still learns


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_learns_and_keeps_its_weights_whole(precision: str) -> None:
    last = {}
    for numbers in ("float32", precision):
        net, seen = network(), set()

        def losses(*_: object, net: nn.Module = net, seen: set[torch.dtype] = seen) -> Iterator[Tensor]:
            out = net(INPUTS)
            seen.add(out.dtype)
            yield nn.functional.mse_loss(out.float(), TRUTH)

        config = LoopConfig(steps=150, schedule=ScheduleConfig(peak=2e-2), device="cpu", precision=numbers)  # type: ignore[arg-type]
        last[numbers] = train(net, losses, config).curves.losses[-1]
        assert seen == {getattr(torch, numbers)}
        assert all(value.dtype == torch.float32 for value in net.parameters())
    # bfloat16 has 8 bits of mantissa: three digits of the loss are what it can keep
    assert last[precision] == pytest.approx(last["float32"], rel=0.01)
    assert last[precision] < 0.2 < TRUTH.square().mean()


def test_float16_whose_gradients_never_fit_has_diverged() -> None:
    net = network()
    huge = dataclasses.replace(CONFIG, precision="float16", steps=400)
    result = train(net, lambda *_: [(net(INPUTS).float() * 0.0).sum().abs().sqrt()], huge)
    assert result.stop_reason == "diverged"
    assert equal(net, network())


def test_a_step_without_a_loss_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="a step without a loss"):
        train(network(), lambda *_: [], CONFIG)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps: expected at least 1, found 0"),
        ({"clip_norm": -1.0}, "clip_norm"),
        ({"patience": 3}, "patience: expected 0, or validate_every above 0"),
        ({"weight_decay": float("inf")}, "weight_decay"),
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LoopConfig(**wrong)


def test_settings_are_light_to_import() -> None:
    code = "import sys, cardioscar.learning.loop_config; print(sorted({'torch', 'scipy', 'monai'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_card_a_killed_training_goes_on_to_the_last_bit(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, device="cuda", precision="auto", checkpoint_seconds=0.0, fused=True)

    class OnCard(Parts):
        def __call__(self, step: int, generator: torch.Generator) -> Iterator[Tensor]:
            noise = 0.01 * torch.randn(4, 1, generator=generator, device="cuda")
            at = self.order.next()
            inputs, truth = (one[4 * at : 4 * at + 4].cuda() for one in (INPUTS, TRUTH))
            yield nn.functional.mse_loss(self.net(inputs + noise).float(), truth)

    def start(path: Path | None, die_at: int = 0):  # type: ignore[no-untyped-def]
        def told(done: int, _: int) -> None:
            if done == die_at:
                raise KeyboardInterrupt

        net = network(0.3, normalised=True)
        return train(net, OnCard(net), config, checkpoint=path, identity="a", on_step=told)

    whole, path = start(None), tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        start(path, 5)
    resumed = start(path)
    assert resumed.curves == whole.curves
    assert equal(resumed.network, whole.network)
