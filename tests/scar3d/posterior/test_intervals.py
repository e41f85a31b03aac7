"""Intervals keep their order and their range, whatever the draws are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.scar3d.posterior.intervals import DrawSummary


def summary_of(draws: np.ndarray, probability: np.ndarray, ml: np.ndarray, segment: np.ndarray) -> DrawSummary:
    found = DrawSummary(probability, ml, segment, threshold=0.5)
    for scar in draws:
        found.see(scar)
    return found


def ordered(row: Mapping[str, float], most: float) -> bool:
    return 0 <= row["lower"] <= row["mean"] <= row["upper"] <= most and row["sd"] >= 0


@given(
    seed=st.integers(0, 100_000),
    share=st.sampled_from([0.0, 0.01, 0.3, 0.99, 1.0]),
    kind=st.sampled_from(["nodes", "whole", "fractions"]),
)
def test_intervals_are_ordered_and_within_the_wall(seed: int, share: float, kind: str) -> None:
    rng = np.random.default_rng(seed)
    nodes, number = 200, 40
    ml = rng.random(nodes) * 10.0 ** rng.integers(-6, 1, nodes)
    segment = rng.integers(0, 18, nodes)
    draws = rng.random((number, nodes)) < share
    if kind == "whole":  # few hearts are all scar, the others have none
        draws = np.broadcast_to(rng.random((number, 1)) < share, (number, nodes))
    scar = (draws * rng.random((number, nodes)) if kind == "fractions" else draws).astype(np.float32)
    found = summary_of(scar, rng.random(nodes), ml, segment)
    rows = found.intervals()
    assert ordered(rows["scar_ml"], float(np.bincount(segment, ml).sum()))
    assert ordered(rows["scar_fraction"], 1)
    assert rows["aha"].keys() == {str(n) for n in np.unique(segment) if n > 0}
    assert all(ordered(row["scar_fraction"], 1) for row in rows["aha"].values())
    assert found.node_sd.min() >= 0
    assert found.node_sd.max() <= 0.5


def test_an_interval_reaches_to_the_mean_of_draws_of_which_few_have_much_scar() -> None:
    draws = np.zeros((64, 10), dtype=np.float32)
    draws[:2] = 1
    row = summary_of(draws, np.zeros(10), np.ones(10), np.ones(10, dtype=int)).intervals()["scar_ml"]
    assert row["mean"] == pytest.approx(20 / 64)
    assert (row["lower"], row["upper"]) == (0.0, row["mean"])
