from __future__ import annotations

import numpy as np
import pytest

from cardioscar.activation.phantoms.patient import phantom_patient
from cardioscar.phantom.config import PhantomConfig

SMALL = PhantomConfig(nodes=2_000)
PATIENTS = [phantom_patient(seed, SMALL) for seed in (0, 1)]


@pytest.mark.parametrize("number", [0, 1])
def test_mesh_and_slices_show_the_same_activation(number):
    patient = PATIENTS[number]
    at = patient.coordinates
    near = np.abs(at.apicobasal - 0.5) < 0.03
    sectors = patient.slice_tos_ms(0.5, 360)
    sector = np.floor(np.mod(-at.rotational[near], 2 * np.pi) / (2 * np.pi) * 360).astype(int) % 360
    # nodes lie up to 3 % of the length above and below, where the onset is another one at a border
    assert np.median(np.abs(patient.tos_ms[near] - sectors[sector])) < 2
    assert patient.tos_ms.shape == patient.scar.shape == patient.segments.shape


def test_a_block_is_late_at_the_lateral_wall():
    patient = PATIENTS[0]
    angle = np.abs(patient.coordinates.rotational)
    assert patient.tos_ms[angle > 2.6].mean() > patient.tos_ms[angle < 0.5].mean() + 30


def test_patients_are_the_same_again_and_differ_by_seed():
    again = phantom_patient(1, SMALL)
    np.testing.assert_array_equal(again.tos_ms, PATIENTS[1].tos_ms)
    np.testing.assert_array_equal(again.scar, PATIENTS[1].scar)
    assert not np.array_equal(phantom_patient(3, SMALL).grid_tos_ms, PATIENTS[1].grid_tos_ms)
