"""Corridors of known length, width and direction are found; dents, rims, gaps and solid scar are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import ConfigError
from cardioscar.imaging.coordinates.lv_coordinates import lv_coordinates
from cardioscar.imaging.tetrahedra import tetrahedra_of
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from cardioscar.scar3d.channels.channel import Channel, ChannelSearch
from cardioscar.scar3d.channels.search import find_channels
from tests.scar3d.slab import RADIUS_MM, SIZE_MM, THICK_MM, Slab

SLAB = Slab()


def find(probability: np.ndarray, *, slab: Slab = SLAB, thresholds=(0.5,), in_layers: bool = True, **more):
    transmural = slab.transmural if in_layers else None
    return find_channels(
        slab.nodes_mm,
        slab.cells,
        transmural,
        np.asarray(probability, dtype=float),
        thresholds=thresholds,
        edge_mm=slab.edge_mm,
        **more,
    )


@pytest.mark.parametrize("step_mm", [2.0, 1.4])
@pytest.mark.parametrize("width_mm", [4.0, 6.0, 9.0])
def test_a_corridor_has_its_length_width_and_direction(width_mm: float, step_mm: float) -> None:
    slab = Slab(step_mm=step_mm)
    [channel] = find(slab.corridor(width_mm, angle_deg=30), slab=slab)
    assert channel.kind == "corridor"
    assert channel.covered > 0.9
    # the border of the disc bends away from the corridor, which so opens up to 2.5 mm before it
    assert 2 * RADIUS_MM - 6 < channel.line.length_mm < 2 * RADIUS_MM + 2 * slab.edge_mm
    assert np.median(channel.width_mm) == pytest.approx(width_mm, abs=0.4 * slab.edge_mm)
    direction = np.array([np.sin(np.radians(30)), np.cos(np.radians(30)), 0])
    assert abs(channel.line.orientation @ direction) > 0.99
    inside = slab.strip(width_mm, angle_deg=30) & slab.disc(radius_mm=RADIUS_MM + 1)
    assert inside[channel.nodes].mean() > 0.95
    assert np.isin(np.flatnonzero(inside & slab.disc(radius_mm=RADIUS_MM - 6)), channel.nodes).mean() > 0.75


def test_a_narrow_place_shows_in_the_narrowest_width() -> None:
    x, y = np.abs(SLAB.nodes_mm[:, 0]), SLAB.nodes_mm[:, 1]
    half = 2.0 + 2.5 * (1 - np.exp(-((y / 8) ** 2)))
    scar = SLAB.smooth(np.minimum(RADIUS_MM - np.hypot(x, y), x - half))
    [channel] = find(scar)
    assert np.median(channel.width_mm) > 6.5
    assert channel.width_mm.min() == pytest.approx(4.0, abs=0.9)


def test_the_frame_of_the_patient_plays_no_part() -> None:
    scar = SLAB.corridor(6)
    [here] = find(scar)
    turn = Rotation.from_euler("xyz", [30, 50, 70], degrees=True)
    moved = turn.apply(SLAB.nodes_mm) + np.array([100, -200, 300])
    [there] = find_channels(moved, SLAB.cells, SLAB.transmural, scar, thresholds=(0.5,), edge_mm=SLAB.edge_mm)
    assert there.line.length_mm == pytest.approx(here.line.length_mm, abs=2 * SLAB.edge_mm)
    assert abs(turn.apply(here.line.orientation) @ there.line.orientation) > 0.99
    assert len(np.intersect1d(here.nodes, there.nodes)) > 0.95 * len(here.nodes)


SCARS = {
    "no scar": np.zeros(len(SLAB.nodes_mm)),
    "nothing but scar": np.ones(len(SLAB.nodes_mm)),
    "one node": np.eye(1, len(SLAB.nodes_mm), 3000)[0],
    "a solid disc": SLAB.disc(),
    "a dent": SLAB.disc() & ~(SLAB.strip(6) & (SLAB.nodes_mm[:, 1] > -8)),
    "a hole": SLAB.disc() & ~SLAB.disc(radius_mm=5),
    "a gap wider than a channel": SLAB.disc() & ~SLAB.strip(16),
    "two scars far apart": SLAB.disc(at_mm=(-25, 0), radius_mm=10) | SLAB.disc(at_mm=(25, 0), radius_mm=10),
    "a short passage": SLAB.disc(at_mm=(-6, 0), radius_mm=4) | SLAB.disc(at_mm=(6, 0), radius_mm=4),
    "a rim over the scar": SLAB.disc() & (SLAB.transmural < 0.65),
    "a rim under the scar": SLAB.disc() & (SLAB.transmural > 0.5),
    "rims of single nodes": SLAB.disc() & (SLAB.transmural < 0.95) & (SLAB.transmural > 0.05),
    "a slope": SLAB.disc(radius_mm=1) | (np.hypot(*SLAB.nodes_mm[:, :2].T) < RADIUS_MM * (1 - SLAB.transmural)),
}


@pytest.mark.parametrize("name", SCARS)
def test_what_is_no_corridor_is_not_found(name: str) -> None:
    assert find(SCARS[name], thresholds=(0.5, 0.75)) == []


@pytest.mark.parametrize("name", ["a solid disc", "a dent", "a hole", "a rim over the scar", "no scar", "one node"])
def test_nor_where_the_depth_in_the_wall_is_not_known(name: str) -> None:
    assert find(SCARS[name], in_layers=False) == []


def test_a_covered_corridor_is_found_where_the_depth_is_not_known() -> None:
    [channel] = find(SLAB.corridor(6), in_layers=False)
    assert channel.kind == "corridor"
    assert channel.line.length_mm == pytest.approx(2 * RADIUS_MM, abs=6)


def test_an_endocardial_corridor_under_living_wall_is_a_groove() -> None:
    scar = SLAB.corridor(6) * (SLAB.transmural < 0.5)
    [channel] = find(scar)
    assert channel.kind == "groove"
    assert channel.covered < 0.2
    assert SLAB.transmural[channel.nodes].max() < 0.6
    assert channel.line.length_mm == pytest.approx(2 * RADIUS_MM, abs=6)


def test_a_tunnel_in_the_middle_of_the_wall_is_a_corridor() -> None:
    middle = np.abs(SLAB.transmural - 0.5) < 0.25
    [channel] = find(SLAB.disc() & ~(SLAB.strip(6) & middle))
    assert channel.kind == "corridor"
    assert channel.covered == 1
    assert np.abs(SLAB.transmural[channel.nodes] - 0.5).max() < 0.3


def test_scar_that_tapers_has_one_mouth_at_each_end() -> None:
    """The corridor is 48 mm long at the endocardium and 24 mm at the epicardium."""
    radius = np.hypot(*SLAB.nodes_mm[:, :2].T)
    scar = (radius < RADIUS_MM * (1 - 0.5 * SLAB.transmural)) & ~SLAB.strip(6)
    [channel] = find(scar)
    assert 24 < channel.line.length_mm < 48


def test_crossing_corridors_are_ways_between_all_mouths() -> None:
    channels = find(SLAB.disc() & ~SLAB.strip(5) & ~SLAB.strip(5, angle_deg=90))
    assert len(channels) == 3
    ends = np.concatenate([channel.line.points_mm[[0, -1], :2] for channel in channels])
    for mouth in ([0, 1], [0, -1], [1, 0], [-1, 0]):
        assert np.linalg.norm(ends - RADIUS_MM * np.array(mouth), axis=1).min() < 6


def test_a_corridor_that_the_map_closes_is_found_below_the_dense_core() -> None:
    closed = np.where(SLAB.disc(), 0.95, 0.02)
    closed[SLAB.disc() & SLAB.strip(7)] = 0.6
    assert find(closed) == []
    [channel] = find(closed, thresholds=(0.5, 0.75))
    assert channel.threshold == 0.75
    assert channel.line.length_mm == pytest.approx(2 * RADIUS_MM, abs=6)
    closed[SLAB.disc() & SLAB.strip(7)] = 0.8
    assert find(closed, thresholds=(0.5, 0.75)) == []


def test_a_corridor_is_found_once() -> None:
    [channel] = find(SLAB.corridor(6), thresholds=(0.5, 0.75, 0.9))
    assert channel.threshold == 0.5


def test_a_strip_along_the_cut_edge_of_the_mesh_is_none() -> None:
    """Beyond the edge the heart goes on, and nobody knows how."""
    scar = SLAB.disc(at_mm=(SIZE_MM / 2 - 25, 0), radius_mm=22)
    cut = SLAB.nodes_mm[:, 0] > SIZE_MM / 2 - 1e-3
    assert find(scar, cut=cut) == []
    assert len(find(scar)) == 1


def test_a_corridor_may_open_at_the_cut_edge() -> None:
    beside = SLAB.disc(at_mm=(0, SIZE_MM / 2), radius_mm=24) & ~SLAB.strip(6)
    [channel] = find(beside, cut=SLAB.nodes_mm[:, 1] > SIZE_MM / 2 - 1e-3)
    assert channel.line.points_mm[:, 1].max() > SIZE_MM / 2 - 4


def test_the_longest_comes_first() -> None:
    scar = SLAB.disc(at_mm=(-22, 0), radius_mm=15) | SLAB.disc(at_mm=(22, 0), radius_mm=9)
    scar &= ~(np.abs(SLAB.nodes_mm[:, 1]) < 2.5)
    channels = find(scar)
    assert [channel.line.points_mm[:, 0].mean() < 0 for channel in channels] == [True, False]


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), level=st.sampled_from([0.2, 0.5, 0.8]))
def test_any_map_gives_finite_channels(seed: int, level: float) -> None:
    slab = Slab(step_mm=5.0)
    noise = np.random.default_rng(seed).uniform(size=len(slab.nodes_mm))
    for channel in find((noise < level) * slab.disc(), slab=slab, thresholds=(0.5, 0.75)):
        assert np.isfinite(channel.line.points_mm).all()
        assert channel.line.length_mm >= ChannelSearch().min_length_mm
        assert np.isfinite(channel.width_mm).all()
        assert 0 <= channel.covered <= 1


def test_a_single_tetrahedron_has_none() -> None:
    corners = np.array([[0.0, 0, 0], [30, 0, 0], [0, 30, 0], [0, 0, 30]])
    for probability in ([0.0] * 4, [1.0] * 4, [1.0, 0, 0, 0]):
        found = find_channels(
            corners, np.array([[0, 1, 2, 3]]), None, np.array(probability), thresholds=(0.5,), edge_mm=30.0
        )
        assert found == []


@pytest.mark.parametrize("name", ["max_width_mm", "min_length_mm", "protection_mm"])
def test_lengths_must_be_positive(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: expected more than 0 mm, found 0"):
        ChannelSearch(**{name: 0.0})


def of_phantom(scar: str, index: int) -> tuple[list[Channel], object]:
    phantom = make_phantom(PhantomConfig(seed=100, scar=scar, nodes=20_000), index)
    coordinates = lv_coordinates(phantom.mesh, septum_direction=phantom.shape.septum_direction)
    found = find_channels(
        phantom.mesh.nodes_mm,
        tetrahedra_of(phantom.mesh.grid),
        coordinates.transmural,
        phantom.scar_truth.astype(float),
        thresholds=(0.5, 0.75),
        edge_mm=phantom.mesh.edge_mm,
        cut=coordinates.apicobasal >= 1,
    )
    return found, phantom


def test_the_isthmus_of_a_ventricle_is_found() -> None:
    [channel], phantom = of_phantom("isthmus", 1)
    assert phantom.isthmus[channel.nodes].mean() > 0.95
    assert phantom.isthmus[channel.nodes].sum() > 0.75 * phantom.isthmus.sum()
    assert channel.kind == "corridor"
    assert np.median(channel.width_mm) == pytest.approx(phantom.parameters["isthmus_width_mm"], abs=1.0)
    # between the ends of the isthmus on this wall at its shallowest and deepest
    assert 38 < channel.line.length_mm < 58


def test_a_smooth_scar_of_a_ventricle_has_no_channel() -> None:
    found, phantom = of_phantom("smooth", 0)
    assert phantom.scar_truth.sum() > 1000
    assert found == []


def test_the_wall_of_the_slab_is_what_the_tests_take_it_for() -> None:
    assert np.ptp(SLAB.nodes_mm, axis=0) == pytest.approx([SIZE_MM, SIZE_MM, THICK_MM])
