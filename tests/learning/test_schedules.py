from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import ConfigError
from cardioscar.learning.schedules import ScheduleConfig


@given(
    st.integers(2, 60),
    st.floats(1e-4, 1.0),
    st.floats(0.0, 0.9),
    st.floats(1.0, 100.0),
    st.sampled_from([(0.85, 0.95), (0.5, 0.9)]),
)
def test_one_cycle_is_that_of_pytorch_to_the_last_bit(
    steps: int, peak: float, rise: float, start: float, betas: tuple[float, float]
) -> None:
    if rise * steps == 1.0:
        return  # PyTorch divides by zero there
    weights = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.AdamW([weights], lr=peak)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=peak,
        total_steps=steps,
        pct_start=rise,
        div_factor=start,
        base_momentum=betas[0],
        max_momentum=betas[1],
    )
    ours = ScheduleConfig(peak=peak, rise=rise, start_factor=start, betas=betas).over(steps)
    for step in range(steps):
        [group] = optimizer.param_groups
        assert ours(step) == (group["lr"], group["betas"][0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no optimiser step in between
            if step + 1 < steps:
                theirs.step()


def test_one_cycle_peaks_at_its_first_step_where_the_rise_is_one_step() -> None:
    rates = [ScheduleConfig(peak=1.0, rise=0.2).over(5)(step) for step in range(5)]
    assert (rates[0].learning_rate, rates[0].beta1) == (1.0, 0.85)
    assert [r.learning_rate for r in rates] == sorted((r.learning_rate for r in rates), reverse=True)


def test_cosine_warms_up_in_a_line_and_falls_to_its_end() -> None:
    rates = [ScheduleConfig(name="cosine", peak=1.0, rise=0.2, end_factor=100).over(20)(s) for s in range(21)]
    values = [r.learning_rate for r in rates]
    assert values[:4] == [0.25, 0.5, 0.75, 1.0]
    assert values[4:] == sorted(values[4:], reverse=True)
    assert values[20] == pytest.approx(0.01)
    assert all(r.beta1 is None for r in rates)


def test_triangular_goes_up_and_down_and_constant_stays() -> None:
    up = ScheduleConfig(name="triangular", peak=1.0, start_factor=10, half_cycle=2).over(8)
    assert [round(up(s).learning_rate, 3) for s in range(5)] == [0.1, 0.55, 1.0, 0.55, 0.1]
    assert {ScheduleConfig(name="constant", peak=0.3).over(9)(s).learning_rate for s in range(9)} == {0.3}


@pytest.mark.parametrize(
    "wrong", [{"peak": 0.0}, {"peak": float("nan")}, {"rise": 1.0}, {"start_factor": 0.5}, {"betas": (0.9, 0.8)}]
)
def test_settings_out_of_range_are_named(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ScheduleConfig(**wrong)
