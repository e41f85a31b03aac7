"""The share of draws in which a channel is open, against draws whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.scar3d.channels.channel import Channel
from cardioscar.scar3d.channels.open_probability import ChannelWatch
from cardioscar.scar3d.channels.search import find_channels
from tests.scar3d.slab import Slab

SLAB = Slab()
OPEN = (SLAB.disc() & ~SLAB.strip(6)).astype(np.float32)
SHUT = SLAB.disc().astype(np.float32)


def channel_of(probability: np.ndarray) -> Channel:
    [channel] = find_channels(
        SLAB.nodes_mm, SLAB.cells, SLAB.transmural, probability, thresholds=(0.5,), edge_mm=SLAB.edge_mm
    )
    return channel


CHANNEL = channel_of(OPEN)


def share_open(*draws: np.ndarray) -> float:
    watch = ChannelWatch([CHANNEL], threshold=0.5)
    for draw in draws:
        watch.see(draw)
    assert watch.draws == len(draws)
    return float(watch.open_probability[0])


def test_the_share_is_that_of_the_draws_that_are_open() -> None:
    assert share_open(OPEN) == 1
    assert share_open(SHUT) == 0  # though healthy tissue joins the mouths around the scar
    assert share_open(OPEN, SHUT, SHUT, SHUT) == 0.25


def test_one_bridge_of_scar_closes_it() -> None:
    bridge = OPEN.copy()
    bridge[SLAB.strip(6) & (np.abs(SLAB.nodes_mm[:, 1] - 5) < 3)] = 1
    assert share_open(bridge) == 0


def test_a_bridge_with_a_gap_does_not() -> None:
    bridge = OPEN.copy()
    bridge[SLAB.strip(6) & (np.abs(SLAB.nodes_mm[:, 1] - 5) < 3) & (SLAB.transmural > 0.35)] = 1
    assert share_open(bridge) == 1


def test_a_corridor_that_runs_a_little_beside_is_open_still() -> None:
    beside = SHUT.copy()
    beside[np.abs(SLAB.nodes_mm[:, 0] - 3) < 2.5] = 0
    assert share_open(beside) == 1


def test_a_corridor_elsewhere_is_another_one() -> None:
    elsewhere = SHUT.copy()
    elsewhere[np.abs(SLAB.nodes_mm[:, 0] - 15) < 3] = 0
    assert share_open(elsewhere) == 0


def test_living_wall_over_a_groove_does_not_open_it() -> None:
    shallow = SLAB.transmural < 0.5
    groove = channel_of((OPEN * shallow).astype(np.float32))
    watch = ChannelWatch([groove], threshold=0.5)
    watch.see(OPEN * shallow)
    watch.see(SHUT * shallow)
    assert watch.open_probability.tolist() == [0.5]


def test_the_threshold_decides_what_lives() -> None:
    half = np.where(SHUT > 0, np.where(OPEN > 0, 0.9, 0.6), 0.1).astype(np.float32)
    for threshold, share in ((0.5, 0), (0.7, 1)):
        watch = ChannelWatch([CHANNEL], threshold=threshold)
        watch.see(half)
        assert watch.open_probability.tolist() == [share]


def test_before_the_first_draw_nothing_is_known() -> None:
    assert np.isnan(ChannelWatch([CHANNEL], threshold=0.5).open_probability).all()
    assert len(ChannelWatch([], threshold=0.5).open_probability) == 0


def test_a_draw_of_another_mesh_is_refused() -> None:
    with pytest.raises(InputError, match=r"draw: expected more than \d+ nodes, found 10"):
        share_open(np.zeros(10))
