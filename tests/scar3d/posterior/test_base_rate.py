"""How much scar to expect where nothing was seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cardioscar.scar3d.posterior.base_rate import base_rate
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig

CONFIG = PosteriorConfig()
PLACES = np.array([False, True])


@given(share=st.floats(0, 1), seen_ml=st.floats(0, 400))
def test_rates_are_probabilities_between_what_was_seen_and_what_hearts_have(share: float, seen_ml: float) -> None:
    rate = base_rate(share, seen_ml, CONFIG)
    mean = rate.alpha / (rate.alpha + rate.beta)
    low, high = sorted((share, CONFIG.scar_share))
    assert low - 1e-9 <= mean <= high + 1e-9
    assert ((rate.mean(PLACES) >= 0) & (rate.mean(PLACES) <= mean + 1e-12)).all()
    draws = rate.draws(64, np.random.default_rng(0))
    assert draws.shape == (64, 2)
    assert draws.min() >= 0
    assert draws.max() <= 1


@pytest.mark.parametrize(("share", "seen_ml"), [(0.1, 60.0), (0.4, 120.0), (0.0, 0.0), (0.0, 90.0), (1.0, 50.0)])
def test_draws_have_the_mean_of_the_rate(share: float, seen_ml: float) -> None:
    rate = base_rate(share, seen_ml, CONFIG)
    means = np.array([rate.draws(64, np.random.default_rng(seed)).mean(axis=0) for seed in range(50)])
    # spread evenly, 64 draws know their mean far better than 64 independent ones would
    np.testing.assert_allclose(means.mean(axis=0), rate.mean(PLACES), atol=0.004)
    assert means.std(axis=0).max() < 0.03


def test_the_share_is_the_posterior_of_a_beta_distribution() -> None:
    """Patches of wall, so many of them scar: the conjugate update, by numbers on a grid."""
    patches, scarred = 10, 4
    rate = base_rate(scarred / patches, patches * CONFIG.region_ml, CONFIG)
    grid = np.linspace(0.0005, 0.9995, 1000)
    weight = CONFIG.scar_share_ml / CONFIG.region_ml
    prior = stats.beta.pdf(grid, CONFIG.scar_share * weight, (1 - CONFIG.scar_share) * weight)
    posterior = prior * stats.binom.pmf(scarred, patches, grid)
    posterior /= posterior.sum()
    assert rate.alpha / (rate.alpha + rate.beta) == pytest.approx(float(grid @ posterior), abs=1e-3)


def test_the_more_wall_is_free_of_scar_the_less_is_expected_elsewhere() -> None:
    rates = [float(base_rate(0.0, ml, CONFIG).mean(PLACES)[0]) for ml in (0.0, 30.0, 60.0, 120.0)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(CONFIG.infarct * CONFIG.scar_share)
    assert rates[-1] < 0.01
    # an infarct that was seen makes scar elsewhere likelier than none
    assert base_rate(0.05, 120.0, CONFIG).mean(PLACES)[0] > 5 * rates[-1]


def test_what_hearts_with_an_infarct_have() -> None:
    """Shares of the wall by LGE: median 18 %, middle half 8 to 30 % in trials; the prior must be no surer than that."""
    weight = CONFIG.scar_share_ml / CONFIG.region_ml
    prior = stats.beta(CONFIG.scar_share * weight, (1 - CONFIG.scar_share) * weight)
    low, high = prior.ppf([0.05, 0.95])
    assert low < 0.06
    assert high > 0.42
