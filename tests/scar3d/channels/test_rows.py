"""What the table says of a corridor agrees with how it was made."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.scar3d.channels.rows import channel_rows
from cardioscar.scar3d.channels.search import find_channels
from tests.scar3d.slab import RADIUS_MM, SIZE_MM, Slab

SLAB = Slab()


def rows(probability: np.ndarray, *, share: float = 0.75, coordinates: bool = True) -> list[dict]:
    """Rows for a slab whose base is at high y."""
    mesh = LVMesh(SLAB.grid)
    x, y, _ = SLAB.nodes_mm.T
    if coordinates:
        data = mesh.grid.point_data
        data["transmural"] = SLAB.transmural.astype(np.float32)
        data["apicobasal"] = (y / SIZE_MM + 0.5).astype(np.float32)
        data["aha_segment"] = np.where(y > 0, np.where(x > 0, 1, 2), np.where(x > 0, 7, 8)).astype(np.uint8)
    found = find_channels(
        SLAB.nodes_mm,
        SLAB.cells,
        SLAB.transmural if coordinates else None,
        probability,
        thresholds=(0.5,),
        edge_mm=SLAB.edge_mm,
    )
    return channel_rows(found, mesh, SLAB.cells, [share] * len(found))


@pytest.mark.parametrize("angle_deg", [-70, -30, 0, 45, 90])
def test_the_angle_is_that_to_the_direction_of_the_base(angle_deg: float) -> None:
    [row] = rows(SLAB.corridor(6, angle_deg=angle_deg))
    assert row["angle_to_long_axis_deg"] == pytest.approx(abs(angle_deg), abs=6)
    assert 0 <= row["angle_to_long_axis_deg"] <= 90


def test_it_runs_from_the_apical_mouth_to_the_basal_one() -> None:
    [row] = rows(SLAB.corridor(6, angle_deg=40))
    apical, basal = row["mouths_mm"]
    assert apical[1] < -10
    assert basal[1] > 10
    assert np.linalg.norm(row["orientation"]) == pytest.approx(1, abs=0.002)
    np.testing.assert_allclose(
        row["orientation"], [math.sin(math.radians(40)), math.cos(math.radians(40)), 0], atol=0.12
    )
    assert row["aha_segments"][0] == 8
    assert row["aha_segments"][-1] == 1
    assert row["centreline_mm"][0] == apical
    assert row["centreline_mm"][-1] == basal
    steps = np.linalg.norm(np.diff(row["centreline_mm"], axis=0), axis=1)
    assert steps.max() < 3
    assert steps.sum() == pytest.approx(row["length_mm"], abs=1)


def test_numbers_and_kinds() -> None:
    [row] = rows(SLAB.corridor(6))
    assert row["id"] == 1
    assert row["kind"] == "corridor"
    assert row["position"] == "transmural"
    assert row["open_probability"] == 0.75
    assert row["threshold"] == 0.5
    assert row["narrowest_mm"] <= row["width_mm"]
    # length by width by thickness, less the mouths
    assert row["volume_ml"] == pytest.approx(2 * RADIUS_MM * 6 * 10 / 1000, rel=0.25)
    assert json.loads(json.dumps(rows(SLAB.corridor(6)), allow_nan=False)) == [row]


@pytest.mark.parametrize(("living", "position"), [(slice(0, 0.35), "endocardial"), (slice(0.65, 1), "epicardial")])
def test_the_side_of_the_wall_is_named(living: slice, position: str) -> None:
    through = (SLAB.transmural >= living.start) & (SLAB.transmural <= living.stop)
    [row] = rows((SLAB.disc() & ~(SLAB.strip(6) & through)).astype(float))
    assert row["position"] == position
    low, high = row["transmural_range"]
    assert living.start - 0.06 <= low <= high <= living.stop + 0.06


def test_what_is_not_known_is_none() -> None:
    [row] = rows(SLAB.corridor(6), share=math.nan, coordinates=False)
    for name in ("open_probability", "angle_to_long_axis_deg", "position", "transmural_range", "covered"):
        assert row[name] is None, name
    assert row["aha_segments"] == []
    assert row["length_mm"] > 40
