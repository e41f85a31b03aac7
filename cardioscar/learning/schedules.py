"""Learning rates over the steps of a training: functions of the step alone, a resumed training needs no state."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from cardioscar.errors import ConfigError


class Rates(NamedTuple):
    """What the optimiser gets in one step."""

    learning_rate: float
    """Learning rate."""
    beta1: float | None = None
    """First moment's decay of AdamW, where the schedule cycles it; else None."""


Schedule = Callable[[int], Rates]
"""Rates of each step, counted from 0."""


@dataclass(frozen=True)
class ScheduleConfig:
    """A schedule by name."""

    name: Literal["one_cycle", "cosine", "constant", "triangular"] = "one_cycle"
    """`one_cycle` rises and falls with cosine flanks, `cosine` falls after a linear warm-up, `triangular` rises and
    falls in straight lines again and again."""
    peak: float = 1e-3
    """Highest learning rate."""
    rise: float = 0.3
    """Share of the steps before the peak (`one_cycle`, and the warm-up of `cosine`)."""
    start_factor: float = 25.0
    """The peak divided by the first learning rate (`one_cycle`, `triangular`)."""
    end_factor: float = 1e4
    """What divides the first learning rate of `one_cycle` to give its last one; for `cosine` it divides the peak."""
    betas: tuple[float, float] | None = (0.85, 0.95)
    """Lowest and highest first moment's decay, cycled against the learning rate (`one_cycle`); None leaves it alone."""
    half_cycle: int = 0
    """Steps from the lowest to the highest rate of `triangular`; 0 for half of the training."""

    def __post_init__(self) -> None:
        if not 0 < self.peak < math.inf:
            raise ConfigError("peak", "a positive number", f"{self.peak:g}")
        if not 0 <= self.rise < 1:
            raise ConfigError("rise", "a share from 0 to below 1", f"{self.rise:g}")
        for name in ("start_factor", "end_factor"):
            if not 1 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 1", f"{getattr(self, name):g}")
        if self.betas is not None and not 0 <= self.betas[0] <= self.betas[1] < 1:
            raise ConfigError("betas", "two shares from 0 to below 1, the lower first", str(self.betas))
        if self.half_cycle < 0:
            raise ConfigError("half_cycle", "at least 0", str(self.half_cycle))

    def over(self, steps: int) -> Schedule:
        """The schedule of a training of so many steps.

        >>> constant = ScheduleConfig(name="constant", peak=0.1).over(4)
        >>> constant(0), constant(3)
        (Rates(learning_rate=0.1, beta1=None), Rates(learning_rate=0.1, beta1=None))
        """
        if self.name == "one_cycle":
            return lambda step: one_cycle_momentum(step, steps, self)
        if self.name == "cosine":
            warm_up = round(self.rise * steps)
            return lambda step: Rates(cosine(step, steps, self.peak, warm_up=warm_up, end=self.peak / self.end_factor))
        if self.name == "triangular":
            half = self.half_cycle or max(steps // 2, 1)
            low = self.peak / self.start_factor
            return lambda step: Rates(triangular(step, low, self.peak, half_cycle=half))
        return lambda _: Rates(self.peak)


def one_cycle(step: int, steps: int, peak: float) -> float:
    """One-cycle learning rate with cosine flanks [@smith2019]: from peak/25 up over 30 % steps, then to peak/250,000.

    >>> [round(one_cycle(s, 10, 1.0), 3) for s in (0, 3, 10)]
    [0.04, 1.0, 0.0]
    """
    rise = 0.3 * steps
    start, end, at = (
        (peak / 25, peak, step / rise) if step < rise else (peak, peak / 250_000, (step - rise) / (0.7 * steps))
    )
    return float(end + (start - end) * (1 + np.cos(np.pi * min(at, 1.0))) / 2)


def one_cycle_momentum(step: int, steps: int, config: ScheduleConfig) -> Rates:
    """One cycle of learning rate and momentum [@smith2019], equal to the last bit to PyTorch's `OneCycleLR`.

    Its peak lies at step `rise * steps - 1`, its end at the last step, one step earlier than that of `one_cycle`.

    >>> rates = [one_cycle_momentum(s, 11, ScheduleConfig(peak=1.0, rise=5 / 11)) for s in (0, 4, 10)]
    >>> [(round(r.learning_rate, 3), round(r.beta1, 3)) for r in rates]
    [(0.04, 0.95), (1.0, 0.85), (0.0, 0.95)]
    """
    first = config.peak / config.start_factor
    low, high = config.betas or (0.0, 0.0)
    total = max(steps, 2)
    top, last = float(config.rise * total) - 1, float(total - 1)
    if step <= top:
        at, lr, beta1 = step / top if top else 1.0, (first, config.peak), (high, low)
    else:
        at, lr, beta1 = (step - top) / (last - top), (config.peak, first / config.end_factor), (low, high)
    return Rates(_cosine_between(*lr, at), _cosine_between(*beta1, at) if config.betas else None)


def cosine(step: int, steps: int, peak: float, *, warm_up: int = 0, end: float = 0.0) -> float:
    """Linear warm-up, then half a cosine down to `end` [@loshchilov2017].

    >>> [round(cosine(s, 12, 1.0, warm_up=2), 3) for s in (0, 1, 2, 7, 12)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return _cosine_between(peak, end, min((step - warm_up) / max(steps - warm_up, 1), 1.0))


def triangular(step: int, low: float, high: float, *, half_cycle: int) -> float:
    """Triangular cyclical learning rate [@smith2017].

    >>> [triangular(s, 0.0, 1.0, half_cycle=10) for s in (0, 5, 10, 20)]
    [0.0, 0.5, 1.0, 0.0]
    """
    at = (step % (2 * half_cycle)) / half_cycle
    return low + (high - low) * (at if at <= 1 else 2 - at)


def _cosine_between(start: float, end: float, at: float) -> float:
    # in the order in which PyTorch computes it: the last bit counts
    return end + (start - end) / 2.0 * (math.cos(math.pi * at) + 1)
