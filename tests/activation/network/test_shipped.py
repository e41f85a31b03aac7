"""The networks that come with the package: small, whole, and as good as their description says."""

from __future__ import annotations

import numpy as np

from cardioscar.activation.network.interval import coverage
from cardioscar.activation.network.stored import SHIPPED, shipped_ensemble
from cardioscar.activation.phantoms.strain_phantom import strain_phantom
from cardioscar.learning.bundle import read_bundle

UNSEEN = 7_000_000


def test_what_ships_is_small_and_said_to_be_for_research():
    assert sum(one.stat().st_size for one in SHIPPED.iterdir()) < 4e6
    facts = read_bundle(SHIPPED).facts
    assert "Research use only" in facts.intended_use
    assert facts.data_source == "strain phantoms"
    assert facts.config["network"]["tasks"] == "both"


def test_on_hearts_that_nobody_has_seen_it_is_as_its_description_says():
    method, told = shipped_ensemble(), read_bundle(SHIPPED).facts.eval_metrics
    hearts = [strain_phantom(UNSEEN + number) for number in range(40)]
    found = [method.predict(one.measured) for one in hearts]
    truth = [one.measured.tos_ms for one in hearts]
    error_ms = np.mean([np.abs(one.tos_ms - true).mean() for one, true in zip(found, truth, strict=True)])
    # 40 hearts, whose mean errors differ by some 4 ms: their mean to 0.7 ms
    assert abs(error_ms - told["unseen_tos_error_ms"]) < 2.5
    assert coverage(found, truth) > 0.84
    right = np.mean([(one.classes == heart.classes).mean() for one, heart in zip(found, hearts, strict=True)])
    assert right > 0.92
