"""A network that knows the truth, on beating phantoms: what comes out are the phantoms' closed forms."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cardioscar.errors import InputError, PlatformError
from cardioscar.imaging.cine import Cine, check_same_grid
from cardioscar.lvquant.cine_indices import CineIndices, indices_of_shares
from cardioscar.lvquant.inference.base import first_above_base
from cardioscar.lvquant.inference.indices_csv import COLUMNS, indices_csv, write_indices_csv
from cardioscar.lvquant.inference.intervals import Calibration
from cardioscar.lvquant.inference.quantifier import Quantifier, read_quantifier
from cardioscar.lvquant.inference.quantify import QuantifiedCine, quantify
from cardioscar.lvquant.inference.result import CineResult
from cardioscar.lvquant.inference.ventricle import ventricle_alone
from cardioscar.lvquant.network.cine_net import CineNet
from cardioscar.lvquant.network.spec import SIZES
from cardioscar.lvquant.network.views import VIEWS
from cardioscar.lvquant.sectors import SeptumFrame, septum_frame
from cardioscar.lvquant.thickening import thickening_percent
from cardioscar.lvquant.volumes import MYOCARDIUM_G_PER_ML
from cardioscar.phantom.beating import BeatingVentricle
from cardioscar.phantom.beating_cine import BeatingImages, CineProtocol, image_beat
from tests.lvquant.inference.knowing_network import KnowingNetwork, knowing, numbered

HEART = BeatingVentricle(hypokinetic_rad=-2.0, hypokinesia=0.7, twist_deg=8)
PROTOCOL = CineProtocol(frames=6, pixel_mm=(2.0, 2.2), distance_mm=9.0, first_phase=0.36 - 2 / 6)
BORDER = ((14, 0), (0, 9), (0, 0), (0, 0))
WINDOW = (50, 46)


@dataclass(frozen=True)
class Scene:
    cavity: np.ndarray
    wall: np.ndarray
    grid: Cine
    septum: SeptumFrame
    truth: CineIndices

    def seen(self, *, scale: float = 1.0, **options) -> tuple[QuantifiedCine, KnowingNetwork]:
        network = KnowingNetwork(self.cavity, self.wall, self.truth, scale=scale)
        return quantify(knowing(network, WINDOW), self.grid, septum=self.septum, **options), network


def scene(images: BeatingImages) -> Scene:
    """The heart beside the middle of a larger picture."""
    cavity, wall = (np.pad(part.values, BORDER) for part in (images.cavity, images.wall))
    grid = numbered(cavity.shape, images.cavity.affine, images.cavity.times_ms)
    septum = septum_frame(grid.grid, septum_direction=HEART.septum_direction)
    return Scene(cavity, wall, grid, septum, indices_of_shares(cavity, wall, grid, septum=septum))


@pytest.fixture(scope="module")
def heart() -> Scene:
    return scene(image_beat(HEART, PROTOCOL))


@pytest.fixture(scope="module")
def quantified(heart: Scene) -> QuantifiedCine:
    return heart.seen()[0]


def test_volumes_are_the_closed_forms(quantified: QuantifiedCine) -> None:
    found = quantified.result
    expected = np.array([HEART.state(float(phase)).cavity_ml for phase in PROTOCOL.phases])
    np.testing.assert_allclose(np.array(found.volume_ml, dtype=float), expected, rtol=0.01)
    assert (found.ed_frame, found.es_frame) == (0, 2)
    assert found.lv_edv_ml is not None
    assert found.lv_esv_ml is not None
    assert found.lv_sv_ml is not None
    assert found.lv_ef_percent is not None
    assert found.lv_mass_g is not None
    assert found.lv_edv_ml.value == pytest.approx(expected[0], rel=0.01)
    assert found.lv_esv_ml.value == pytest.approx(HEART.esv_ml, rel=0.01)
    assert found.lv_sv_ml.value == pytest.approx(expected[0] - expected[2], rel=0.015)
    assert found.lv_ef_percent.value == pytest.approx(100 * (1 - expected[2] / expected[0]), abs=0.3)
    assert found.lv_mass_g.value == pytest.approx(HEART.wall_ml * MYOCARDIUM_G_PER_ML, rel=0.01)
    assert found.beat_ms == pytest.approx(800)


def test_both_ways_agree_where_the_heads_know_the_truth(quantified: QuantifiedCine) -> None:
    found = quantified.result
    assert found.disagreement.areas_mm2 == pytest.approx(0, abs=2)
    assert found.disagreement.dimensions_mm == pytest.approx(0, abs=0.05)
    assert found.disagreement.thickness_mm == pytest.approx(0, abs=0.05)
    assert found.disagreement.phase_percent == 0
    assert found.systole == (False, True, True, False, False, False)
    assert found.reasons == ()
    for one in found.quantities.values():
        assert one.low <= one.value <= one.high
        assert one.high - one.low < 0.05 * max(abs(one.value), 10)  # all views say the same


def test_indices_and_thickening_are_those_of_the_truth(heart: Scene, quantified: QuantifiedCine) -> None:
    shown = np.isfinite(quantified.measured.dimensions_mm).all(axis=-1)
    assert shown.sum() > 40
    np.testing.assert_allclose(
        quantified.measured.thickness_mm[shown], heart.truth.thickness_mm[shown], atol=0.05, equal_nan=True
    )
    whole = np.isfinite(heart.truth.dimensions_mm).all(axis=-1)  # slices with whole pixels of cavity
    expected = thickening_percent(replace(heart.truth, cavity_mm2=heart.truth.cavity_mm2 * whole), 0, 2)
    found = [np.nan if one is None else one.value for one in quantified.result.lv_thickening_percent]
    np.testing.assert_allclose(found, expected, atol=0.5)


def test_labels_lie_on_the_grid_of_the_cine(heart: Scene, quantified: QuantifiedCine) -> None:
    check_same_grid(heart.grid, quantified.labels)
    np.testing.assert_array_equal(quantified.labels.values == 2, heart.cavity >= 0.5)
    np.testing.assert_array_equal(quantified.labels.times_ms, heart.grid.times_ms)


def test_the_network_sees_the_heart_alone_in_every_view(heart: Scene) -> None:
    found, network = heart.seen(views=VIEWS)
    assert len(network.windows) == 8 * heart.grid.slices
    assert set(network.windows) == {(1, 6, *WINDOW), (1, 6, *WINDOW[::-1])}
    assert found.result.lv_edv_ml is not None
    assert found.result.lv_edv_ml.value == pytest.approx(HEART.state(float(PROTOCOL.phases[0])).cavity_ml, rel=0.01)
    assert found.result.disagreement.thickness_mm == pytest.approx(0, abs=0.05)


def test_heads_that_disagree_widen_the_intervals_and_are_a_reason(heart: Scene, quantified: QuantifiedCine) -> None:
    found = heart.seen(scale=1.3)[0].result
    assert found.lv_edv_ml is not None
    assert quantified.result.lv_edv_ml is not None
    value = found.lv_edv_ml.value
    assert value == pytest.approx(quantified.result.lv_edv_ml.value)
    # the slice at the base without a whole pixel of cavity, 4 % of the volume, has no regressed area
    assert found.lv_edv_ml.regressed == pytest.approx(1.3 * value, rel=0.012)
    assert found.lv_edv_ml.high - value == pytest.approx(1.645 * 0.15 * value, rel=0.05)
    assert found.disagreement.areas_percent == pytest.approx(30, abs=1)
    assert any("areas regressed and measured" in one for one in found.reasons)
    assert any("end-diastolic volume" in one for one in found.reasons)


def test_thickening_has_two_ways_too(quantified: QuantifiedCine) -> None:
    """Where heads know the truth, thicknesses by sector say of basal and mid segments what profiles say."""
    segments = [one for one in quantified.result.lv_thickening_percent if one is not None]
    assert len(segments) == 16
    for one in segments[:12]:
        assert one.regressed == pytest.approx(one.value, abs=1.5)
    assert all(one.regressed is not None for one in segments)
    apart = [abs(one.regressed - one.value) for one in segments if one.regressed is not None]
    assert quantified.result.disagreement.thickening_points == pytest.approx(np.mean(apart))
    assert quantified.result.disagreement.thickening_points < 4


def test_calibrated_terms_widen_the_intervals(heart: Scene) -> None:
    found = heart.seen(calibration=Calibration({"lv_ef_percent": 4.0}, 12))[0].result
    assert found.calibrated == 12
    assert found.lv_ef_percent is not None
    assert found.lv_ef_percent.high - found.lv_ef_percent.value == pytest.approx(4.0, rel=0.02)


def test_what_is_marked_elsewhere_and_above_the_base_does_not_count(heart: Scene) -> None:
    cavity, wall = heart.cavity.copy(), heart.wall.copy()
    cavity[1:9, 40:52, 2:4] = 1  # a vessel in two slices
    shown = np.flatnonzero((cavity[:, :50, :, 0] >= 0.5).any(axis=(0, 1)))
    top = shown[-1] + 1
    for t in range(heart.grid.frames):  # an atrium, with no muscle around it
        cavity[:, :, top:, t] = np.maximum(cavity[:, :, top:, t], heart.cavity[:, :, shown[-2] : shown[-2] + 1, t])
        wall[:, :, top:, t] = 0
    other = Scene(cavity, wall, heart.grid, heart.septum, heart.truth)
    found = other.seen()[0]
    assert not found.labels.values[1:9, 40:52].any()
    assert not found.labels.values[:, :, top:, 0].any()
    assert found.result.lv_edv_ml is not None
    below = heart.cavity[:, :, :top, 0].sum() * 2.0 * 2.2 * 9.0 / 1000
    assert found.result.lv_edv_ml.value == pytest.approx(below, rel=0.002)


def test_one_slice_has_indices_and_no_volumes(heart: Scene) -> None:
    middle = [4]
    cavity, wall = heart.cavity[:, :, middle], heart.wall[:, :, middle]
    grid = numbered(cavity.shape, heart.grid.affine)
    truth = indices_of_shares(cavity, wall, grid, septum=heart.septum)
    found = Scene(cavity, wall, grid, heart.septum, truth).seen()[0]
    assert found.result.lv_edv_ml is None
    assert found.result.quantities == {}
    assert (found.result.ed_frame, found.result.es_frame) == (0, 2)
    np.testing.assert_allclose(found.measured.cavity_mm2, truth.cavity_mm2, rtol=1e-3)
    assert found.result.disagreement.dimensions_mm == pytest.approx(0, abs=0.05)


def test_where_there_is_no_ventricle_that_is_said(heart: Scene) -> None:
    nothing = np.zeros_like(heart.cavity)
    found = Scene(nothing, nothing, heart.grid, heart.septum, heart.truth).seen()[0]
    assert found.result.ed_frame is None
    assert found.result.reasons == ("no left ventricle was found in two frames",)
    assert not found.labels.values.any()
    assert CineResult.from_json(found.result.as_json()) == found.result


def test_few_slices_and_a_base_beyond_the_stack_are_reasons(heart: Scene) -> None:
    part = slice(3, 6)
    cavity, wall = heart.cavity[:, :, part], heart.wall[:, :, part]
    grid = numbered(cavity.shape, heart.grid.affine)
    truth = indices_of_shares(cavity, wall, grid, septum=heart.septum)
    reasons = " ".join(Scene(cavity, wall, grid, heart.septum, truth).seen()[0].result.reasons)
    assert "only 3 slices" in reasons
    assert "last slice at the base" in reasons
    assert "first slice at the apex" in reasons


def test_results_come_back_from_json(quantified: QuantifiedCine) -> None:
    assert CineResult.from_json(quantified.result.as_json()) == quantified.result
    assert "NaN" not in quantified.result.as_json()


def test_the_table_holds_every_slice_and_frame(tmp_path: Path, quantified: QuantifiedCine) -> None:
    rows = list(csv.DictReader(io.StringIO(indices_csv(quantified))))
    slices, frames = quantified.measured.cavity_mm2.shape
    assert len(rows) == slices * frames
    assert tuple(rows[0]) == COLUMNS
    row = rows[4 * frames + 2]
    assert (row["slice"], row["frame"], row["systole"]) == ("4", "2", "1")
    assert float(row["cavity_mm2"]) == pytest.approx(quantified.measured.cavity_mm2[4, 2], abs=1e-3)
    assert float(row["thickness_as_mm"]) == pytest.approx(float(row["thickness_as_mm_regressed"]), abs=0.1)
    assert rows[-1]["dimension_i_a_mm"] == ""  # above the base
    write_indices_csv(tmp_path / "indices.csv", quantified)
    assert (tmp_path / "indices.csv").read_text(encoding="utf-8") == indices_csv(quantified)
    with pytest.raises(PlatformError, match="could not be written"):
        write_indices_csv(tmp_path / "absent" / "indices.csv", quantified)


@pytest.mark.parametrize(("pixel_mm", "frames"), [((3.4, 3.0), 3), ((0.7, 0.7), 2)])
def test_pixels_that_the_network_never_met_are_brought_to_its_own(pixel_mm: tuple[float, float], frames: int) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    cine = Cine(rng.random((40, 33, 2, frames)), np.diag([*pixel_mm, 8.0, 1]))
    found = quantify(Quantifier(CineNet(SIZES["tiny"]).eval(), (24, 24), (1.0, 2.0)), cine)
    assert found.labels.values.shape == cine.values.shape
    assert found.measured.cavity_mm2.shape == (2, frames)


def test_a_bundle_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.json"):
        read_quantifier(tmp_path)


def ring(shape: tuple[int, int] = (60, 60), inner: float = 14.0, outer: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    """Shares of a cavity and a wall, whole pixels."""
    distance = np.hypot(*(np.indices(shape) - 30.0))
    return (distance < inner).astype(float), ((distance >= inner) & (distance < outer)).astype(float)


def in_stack(
    cavity: np.ndarray, wall: np.ndarray, slices: int = 3, frames: int = 8
) -> tuple[np.ndarray, np.ndarray, Cine]:
    shape = (*cavity.shape, slices, frames)
    both = [np.broadcast_to(one[:, :, None, None], shape).copy() for one in (cavity, wall)]
    return both[0], both[1], Cine(np.zeros(shape), np.diag([1.4, 1.4, 8, 1.0]))


def test_doubt_inside_a_cavity_takes_no_volume_away() -> None:
    cavity, wall = ring()
    area = cavity.sum()
    sure, muscle, grid = in_stack(cavity * 0.8, wall * 0.9)
    found, around = ventricle_alone(sure, muscle, grid, least_surrounded=0.5)
    edge = 2 * np.pi * 14 * 2 * 0.2  # two pixels of the outline may be partial volumes
    assert area - edge < found[:, :, 1, 0].sum() <= area
    assert around[:, :, 1, 0].sum() > 0.93 * wall.sum()
    # the ends of the stack may reach out of the ventricle: they are as they were
    assert found[:, :, 0, 0].sum() == pytest.approx(0.8 * area)


def test_papillary_muscles_belong_to_the_cavity_and_outgrowths_to_nothing() -> None:
    cavity, wall = ring()
    whole = cavity.copy()
    i, j = np.indices(cavity.shape)
    for at in ((24, 30), (38, 39)):  # one within the cavity, one at its edge
        muscle = (np.hypot(i - at[0], j - at[1]) < 3) & (whole > 0)
        cavity[muscle], wall[muscle] = 0, 1
    wall[29:31, 48:58] = 1  # the wall of the right ventricle
    found, around = ventricle_alone(*in_stack(cavity, wall), least_surrounded=0.5)
    assert found[:, :, 1, 3].sum() == pytest.approx(whole.sum(), rel=0.02)
    assert around[29:31, 53:58, 1, 3].sum() == 0


def test_a_ring_that_is_open_in_the_middle_is_no_base() -> None:
    cavity, wall = ring()
    pool, muscle, grid = in_stack(cavity, wall, slices=5)
    muscle[:, :34, 2, 4] = 0
    found, _ = ventricle_alone(pool, muscle, grid, least_surrounded=0.6)
    assert (found[:, :, 4] > 0.5).any(axis=(0, 1)).all()


def test_a_base_that_is_open_ends_the_ventricle_unless_it_is_so_in_one_frame_alone() -> None:
    cavity, wall = ring()
    for frames, kept in ((slice(0, 8), False), (slice(3, 4), True)):
        pool, muscle, grid = in_stack(cavity, wall, slices=5)
        muscle[:, :, 4, frames] = 0
        found, _ = ventricle_alone(pool, muscle, grid, least_surrounded=0.5)
        assert bool((found[:, :, 4, 3] > 0.5).any()) is kept


def test_what_fills_while_the_ventricle_empties_is_above_the_base() -> None:
    beat = 10 + 3 * np.cos(2 * np.pi * np.arange(20) / 20)
    areas = np.stack([0.4 * beat, beat, beat, beat, beat, 1.1 * beat, 18 - 0.8 * beat])
    assert first_above_base(areas) == 6
    assert first_above_base(areas[:-1]) == 6
    still = areas.copy()
    still[-1] = 9.0  # an infarct at the base, which does not move
    assert first_above_base(still) == 7
    flickering = areas.copy()
    flickering[-1] = 9 + 2 * (-1.0) ** np.arange(20)
    assert first_above_base(flickering) == 6
