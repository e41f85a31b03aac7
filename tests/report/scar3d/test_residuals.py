import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.report.scar3d.residuals import Reliability, residuals_figure


def words(figure) -> str:
    return " ".join(
        text.get_text() for axes in figure.axes for text in (*axes.texts, axes.title, *axes.get_xticklabels())
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_the_reliability_curve_is_the_weighted_mean_in_each_bin(seed, n):
    rng = np.random.default_rng(seed)
    probability, truth, weight = rng.uniform(size=n), rng.uniform(size=n), rng.uniform(0.1, 2, n)
    predicted, true, share = Reliability(probability, truth, weight).curve()
    assert share.sum() == pytest.approx(1)
    for place in range(10):
        own = (probability >= place / 10) & (probability < (place + 1) / 10)
        if own.any():
            assert predicted[place] == pytest.approx(np.average(probability[own], weights=weight[own]))
            assert true[place] == pytest.approx(np.average(truth[own], weights=weight[own]))
        else:
            assert np.isnan(predicted[place])
            assert share[place] == 0


def test_a_probability_of_one_belongs_to_the_last_bin():
    assert Reliability(np.array([1.0]), np.array([1])).curve()[2][9] == 1


def test_the_numbers_are_written():
    residual = np.array([0.3, -0.4, 0.0, 0.0])
    text = words(residuals_figure(residual, np.array([1, 1, 7, 7])))
    assert "rms 0.250" in text
    assert "4 groups" in text
    assert " 7" in text


def test_all_panels_are_drawn(pixels):
    rng = np.random.default_rng(0)
    probability = rng.uniform(size=500)
    figure = residuals_figure(
        rng.normal(0, 0.05, 300),
        rng.integers(0, 40, 300),
        reliability=Reliability(probability, rng.uniform(size=500) < probability, of="hidden pixels"),
        history={"step": range(50), "loss": np.exp(-np.arange(50) / 10.0), "best_loss": np.exp(-np.arange(50) / 9.0)},
    )
    assert "no " not in words(figure)
    labels = [text.get_text() for axes in figure.axes if axes.get_legend() for text in axes.get_legend().get_texts()]
    assert labels == ["observed", "share of hidden pixels", "loss", "best loss"]
    assert pixels(figure).std() > 15


@pytest.mark.parametrize("residual", [None, np.array([]), np.array([np.nan])])
def test_empty_panels_say_why(residual, pixels):
    figure = residuals_figure(residual, None if residual is None else np.zeros(len(residual)))
    text = words(figure)
    assert text.count("no groups to compare") >= 1
    assert "no truth to compare with" in text
    assert "keeps no loss history" in text
    pixels(figure)


def test_exact_fits_are_drawn(pixels):
    pixels(residuals_figure(np.zeros(20), np.zeros(20), history={"loss": [0.0, -1.0, float("nan")]}))


def test_residuals_of_nothing_are_drawn_as_nothing():
    figure = residuals_figure(np.full(40, 3e-7), np.arange(40) % 4)
    histogram, by_slice = figure.axes[:2]
    assert histogram.get_xlim()[1] >= 0.01
    assert by_slice.get_ylim()[0] <= -0.01
    assert len(histogram.get_xticks()) <= 7
