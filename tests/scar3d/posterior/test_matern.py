import numpy as np

from cardioscar.scar3d.posterior.matern import RandomFunctions, matern52


def test_covariance_is_positive_definite_and_one_at_no_distance() -> None:
    points = np.random.default_rng(0).uniform(0, 50, (200, 3))
    covariance = matern52(points, points, 10.0).astype(np.float64)
    np.testing.assert_allclose(np.diag(covariance), 1, atol=1e-3)
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-5)
    assert np.linalg.eigvalsh(covariance + 1e-4 * np.eye(200)).min() > 0


def test_random_functions_have_that_covariance() -> None:
    line = np.column_stack([np.linspace(0, 20, 9), np.zeros(9), np.zeros(9)])
    drawn = RandomFunctions(4000, 5.0, np.random.default_rng(1), waves=2000).at(line, chunk=4)
    # 4,000 draws know a covariance to about 1/√4000, and 2,000 waves to 1/√2000
    np.testing.assert_allclose(drawn.T @ drawn / 4000, matern52(line, line, 5.0), atol=0.1)


def test_random_functions_do_not_depend_on_the_chunks() -> None:
    points = np.random.default_rng(2).uniform(0, 50, (100, 3))
    whole, parts = (RandomFunctions(3, 5.0, np.random.default_rng(1)).at(points, chunk=c) for c in (1000, 7))
    np.testing.assert_allclose(whole, parts, atol=1e-5)
