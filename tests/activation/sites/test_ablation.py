from __future__ import annotations

import numpy as np
import pytest

from cardioscar.activation.sites.ablation import ablation_rows
from cardioscar.errors import InputError


def channel(number: int, share: float | None, first: tuple, last: tuple) -> dict:
    return {
        "id": number, "kind": "corridor", "length_mm": 22.0, "width_mm": 5.0, "narrowest_mm": 3.1, "covered": 0.9,
        "open_probability": share, "position": "mid-wall", "aha_segments": [4, 5, 11], "mouths_mm": [first, last],
    }  # fmt: skip


CHANNELS = [
    channel(1, 0.4, (0, 0, 0), (20, 0, 0)),
    channel(2, None, (0, 30, 0), (20, 30, 0)),
    channel(3, 0.9, (0, 0, 0), (20, 0, 0)),
]
NODES = np.array([[x, y, 0.0] for x in np.arange(-4, 26, 2.0) for y in (0.0, 30.0)])


def test_the_surest_is_first_and_keeps_its_measures():
    rows = ablation_rows(CHANNELS)
    assert [row["id"] for row in rows] == [3, 1, 2]
    assert rows[0]["entrance_mm"] == [0.0, 0.0, 0.0]
    assert rows[0]["exit_mm"] == [20.0, 0.0, 0.0]
    assert rows[0]["entrance_tos_ms"] is None
    assert (rows[0]["length_mm"], rows[0]["width_mm"], rows[0]["open_probability"]) == (22.0, 5.0, 0.9)


def test_the_entrance_is_the_mouth_that_shortens_first():
    tos_ms = 100 - NODES[:, 0]  # from right to left
    row = ablation_rows(CHANNELS, NODES, tos_ms)[0]
    assert row["entrance_mm"] == [20.0, 0.0, 0.0]
    assert row["aha_segments"] == [11, 5, 4]
    assert row["entrance_tos_ms"] == pytest.approx(80, abs=2)
    assert row["exit_tos_ms"] == pytest.approx(100, abs=2)
    assert ablation_rows(CHANNELS, NODES, -tos_ms)[0]["entrance_mm"] == [0.0, 0.0, 0.0]
    # beyond the mesh the nearest node says it
    assert ablation_rows(CHANNELS, NODES + np.array([0, 0, 50]), tos_ms, near_mm=1)[0]["entrance_tos_ms"] == 80


def test_what_are_no_channels():
    with pytest.raises(InputError, match="channels: expected two mouths and measures of each channel"):
        ablation_rows([{"id": 1}])
    with pytest.raises(InputError, match="channels: expected two mouths"):
        ablation_rows([CHANNELS[0] | {"mouths_mm": [(0, 0, 0)]}])
    with pytest.raises(InputError, match="tos_ms: expected an onset for each node"):
        ablation_rows(CHANNELS, NODES)
    with pytest.raises(InputError, match="tos_ms: expected an onset for each node"):
        ablation_rows(CHANNELS, NODES, np.zeros(3))
