from __future__ import annotations

from dataclasses import replace

import numpy as np

from cardioscar.activation.phantoms.patient import phantom_patient
from cardioscar.activation.sites.trial import TrialConfig, measured_draws, run_trial, true_draws, wall_of
from cardioscar.phantom.config import PhantomConfig

SMALL = TrialConfig(nodes=1_500, draws=20)


def test_the_best_site_is_found_more_often_than_by_chance():
    trials = [run_trial(seed, SMALL) for seed in range(200, 203)]
    assert sum(one.hit for one in trials) >= 2
    assert sum(one.hit for one in trials) > sum(one.chance for one in trials) + 1
    assert all(one.lost_ms <= one.first_lost_ms for one in trials)
    # no site is better on the true maps than the best, but for cubes of 2 mm of which one node is looked at
    assert all(one.lost_ms > -1e-6 for one in trials)
    assert np.mean([one.lost_ms for one in trials]) < 0.2 * np.mean([one.true_score_ms for one in trials])


def test_measured_maps_are_the_truth_with_errors_of_the_stated_size():
    patient = phantom_patient(5, PhantomConfig(nodes=1_500))
    wall, truth = wall_of(patient), true_draws(patient)
    found = measured_draws(patient, SMALL, np.random.default_rng(0))
    inside = (wall.apicobasal > 0.2) & (wall.apicobasal < 0.8)
    error_ms = np.abs(found.tos_ms.mean(axis=0) - patient.tos_ms)[inside]
    assert 1 < error_ms.mean() < SMALL.tos_error_ms  # the map pools sectors, and smooths borders
    doubt = found.scar_probability * (1 - found.scar_probability)
    assert doubt.max() > 0.1
    agreed = (found.scar_probability > 0.5) == truth.scar[0].astype(bool)
    assert agreed.mean() > 0.85
    exact = measured_draws(patient, replace(SMALL, scar_error_mm=0.0), np.random.default_rng(0))
    np.testing.assert_array_equal(exact.scar, np.repeat(truth.scar, SMALL.draws, axis=0))
