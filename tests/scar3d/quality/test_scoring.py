"""Scores of maps so small that their numbers are known by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.scar3d.observation.files import HeldOut
from cardioscar.scar3d.quality import scoring
from cardioscar.scar3d.quality.result_scar import ScarSummary, Segment
from cardioscar.scar3d.quality.result_scores import HiddenSlice, NodeScores, Residual
from cardioscar.scar3d.quality.sometimes import result_mapping


@pytest.fixture
def mesh() -> LVMesh:
    """Three cubes of 20 mm, 8 ml each, in a row: four layers of four nodes of 1, 2, 2 and 1 ml."""
    grid = pv.ImageData(dimensions=(2, 2, 4), spacing=(20, 20, 20)).cast_to_unstructured_grid()
    return LVMesh(grid)


def by_layer(*values: float) -> np.ndarray:
    """A value for each layer, given to its four nodes."""
    return np.repeat(np.array(values, dtype=float), 4)


def test_node_volumes_are_those_that_the_numbers_rest_on(mesh: LVMesh) -> None:
    np.testing.assert_allclose(mesh.node_volumes_ml, by_layer(1, 2, 2, 1))


def summary(mesh: LVMesh, *layers: float, **settings: object) -> ScarSummary:
    return scoring.scar_summary(
        mesh, by_layer(*layers), by_layer(0.0, 0.1, 0.2, 0.3), threshold=0.5, doubt_range=(0.25, 0.75), **settings
    )


def test_volumes_of_scar_by_certainty_and_wall(mesh: LVMesh) -> None:
    assert vars(summary(mesh, 0.1, 0.4, 0.5, 0.9)) == pytest.approx(
        {
            "volume_ml": 12,  # the layers of 0.5 (8 ml) and 0.9 (4 ml)
            "fraction_of_wall": 0.5,
            "likely_ml": 4,
            "uncertain_ml": 8,
            "possible_ml": 8,
            "border_zone_ml": None,
            "wall_ml": 24,
            "uncertainty_mean": (8 * 0.1 + 8 * 0.2 + 4 * 0.3) / 24,
        }
    )


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.75, 0.9])
def test_likely_and_uncertain_scar_add_up_to_the_scar(mesh: LVMesh, threshold: float) -> None:
    found = scoring.scar_summary(
        mesh, by_layer(0.25, 0.5, 0.75, 0.95), by_layer(0, 0, 0, 0), threshold=threshold, doubt_range=(0.25, 0.75)
    )
    ml = mesh.node_volumes_ml[by_layer(0.25, 0.5, 0.75, 0.95) >= threshold].sum()
    assert found.volume_ml == pytest.approx(ml)
    assert found.likely_ml + found.uncertain_ml == pytest.approx(ml)
    assert ml + found.possible_ml <= found.wall_ml + 1e-9


def test_limits_belong_to_the_class_above(mesh: LVMesh) -> None:
    found = summary(mesh, 0.25, 0.5, 0.75, 0.0)
    assert [getattr(found, name) for name in ("volume_ml", "likely_ml", "uncertain_ml", "possible_ml")] == [16, 8, 8, 4]


def test_the_border_zone_is_what_the_image_says(mesh: LVMesh) -> None:
    found = summary(mesh, 0.1, 0.4, 0.5, 0.9, border_zone=by_layer(0, 1, 0, 0).astype(np.uint8))
    assert (found.border_zone_ml, found.volume_ml) == (8, 12)


@pytest.mark.outside_annotations  # approximate numbers stand in results
def test_segments_with_tissue_have_their_share(mesh: LVMesh) -> None:
    segment = by_layer(1, 1, 17, 17).astype(np.uint8)
    table = scoring.aha_table(mesh, segment, by_layer(0.9, 0.1, 0.2, 0.6), threshold=0.5)
    assert table == {
        "1": Segment(pytest.approx(4 / 12), pytest.approx(4), pytest.approx(12)),
        "17": Segment(pytest.approx(4 / 12), pytest.approx(4), pytest.approx(12)),
    }
    assert scoring.aha_table(mesh, None, by_layer(1, 1, 1, 1), threshold=0.5) == {}


def test_scores_against_truth_are_weighted_by_volume(mesh: LVMesh) -> None:
    scores = scoring.truth_scores(mesh, by_layer(1, 1, 0, 0), by_layer(0.0, 1.0, 1.0, 0.0), threshold=0.5)
    # truth 4 + 8 ml, prediction 8 + 8 ml, both 8 ml
    assert scores.dice == pytest.approx(2 * 8 / (12 + 16))
    assert scores.volume_error_percent == pytest.approx(100 * (16 - 12) / 12)
    # 12 of 24 ml are certain and wrong
    assert scores.brier == pytest.approx(12 / 24)
    assert scores.ece == pytest.approx(abs(8 / 8 - 8 / 16) * 16 / 24 + abs(4 / 8 - 0) * 8 / 24)
    assert scores.hd95_mm == pytest.approx(20)


def test_a_perfect_map_has_perfect_scores(mesh: LVMesh) -> None:
    truth = by_layer(0, 1, 1, 0)
    assert scoring.truth_scores(mesh, truth, truth, threshold=0.5) == NodeScores(1, 0, 0, 0, 0)


def test_what_is_undefined_is_none_and_fits_into_json(mesh: LVMesh) -> None:
    nothing = by_layer(0, 0, 0, 0)
    scores = scoring.truth_scores(mesh, nothing, nothing, threshold=0.5)
    assert scores.dice is None
    assert scores.hd95_mm is None
    pixels = scoring.pixel_scores(np.zeros(3), np.zeros(3), np.ones(3), threshold=0.5)
    assert pixels.dice is None
    json.dumps([vars(scores), vars(pixels)], allow_nan=False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_has_no_word_for_these(value: float) -> None:
    assert scoring.finite(value) is None


@pytest.mark.outside_annotations  # approximate numbers stand in results
def test_hidden_pixels_are_scored_pooled_and_slice_by_slice() -> None:
    heldout = HeldOut(
        pixel_mm=np.zeros((6, 3)),
        fraction=np.array([1.0, 1.0, 0.0, 0.0, 0.5, 0.4]),
        slice_number=np.array([3, 3, 3, 3, 5, 5]),
        pixel_ml=np.array([0.1, 0.1, 0.1, 0.1, 0.2, 0.2]),
    )
    predictions = {
        "cardioscar": np.array([0.9, 0.4, 0.6, 0.1, 0.5, 0.49]),
        "baseline": np.zeros(6),
        "log_odds": np.zeros(6),
        "signed_distance": np.ones(6),
    }
    scores = scoring.heldout_scores(heldout, predictions, threshold=0.5)
    assert (scores.slices, scores.pixels) == ((3, 5), 6)
    # true pixels 0, 1, 4; predicted 0, 2, 4
    assert scores.scores["cardioscar"].dice == pytest.approx(2 * 2 / 6)
    assert scores.scores["cardioscar"].volume_error_percent == pytest.approx(0)
    assert scores.scores["log_odds"].dice == 0
    assert scores.scores["log_odds"].volume_error_percent == pytest.approx(100)  # without sign
    assert scores.per_slice == (
        HiddenSlice(
            3, 4, 2, cardioscar=pytest.approx(0.5), baseline=0, log_odds=0, signed_distance=pytest.approx(2 * 2 / 6)
        ),
        HiddenSlice(5, 2, 1, cardioscar=1, baseline=0, log_odds=0, signed_distance=pytest.approx(2 * 1 / 3)),
    )


def test_a_hidden_slice_without_scar_has_no_dice() -> None:
    heldout = HeldOut(np.zeros((2, 3)), np.zeros(2), np.array([1, 1]), np.ones(2))
    scores = scoring.heldout_scores(
        heldout,
        {"cardioscar": np.zeros(2), "baseline": np.ones(2), "log_odds": np.ones(2), "signed_distance": np.zeros(2)},
        threshold=0.5,
    )
    assert scores.per_slice == (HiddenSlice(1, 2, 0, cardioscar=None, baseline=0, log_odds=0, signed_distance=None),)
    json.dumps(result_mapping(scores), allow_nan=False)


@pytest.mark.outside_annotations  # approximate numbers stand in results
def test_a_residual_is_the_mean_of_the_nodes_less_the_pixel() -> None:
    residual = scoring.group_residuals(
        np.array([0.2, 0.4, 0.9, 1.0, 0.5]), np.array([0, 0, 1, -1, 1]), np.array([0.5, 0.1])
    )
    np.testing.assert_allclose(residual, [-0.2, 0.6])
    summary = scoring.residual_summary(residual)
    assert summary == Residual(
        rms=pytest.approx(math.sqrt(0.2)), max=pytest.approx(0.6), p95=pytest.approx(0.58), groups=2
    )
