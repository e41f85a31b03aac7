"""The cases of the reconstruction benchmark: what they are, and that they come back from disk as they were."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.reconstruction.building import CaseAbsentError, build, ensure
from benchmarks.reconstruction.case import Case
from benchmarks.reconstruction.suite import (
    CHOOSING,
    MEMORY,
    PEOPLE_SEEDS,
    REAL,
    REFERENCE_CASES,
    REPORTING,
    PhantomCase,
    people,
)
from cardioscar.imaging.labels import WALL, Label
from cardioscar.phantom.people.heart import make_heart

NODES = 1_500


def subjects(cases: tuple[PhantomCase, ...]) -> set[tuple[int, int]]:
    return {(case.seed, case.index) for case in cases}


def test_no_heart_that_chooses_is_reported():
    assert len(CHOOSING) + len(REPORTING) >= 12
    assert len(subjects(CHOOSING)) == len(CHOOSING)
    assert len(subjects(REPORTING)) == len(REPORTING)
    assert subjects(CHOOSING).isdisjoint(subjects(REPORTING))
    assert {case.seed for case in (*CHOOSING, *MEMORY)}.isdisjoint({case.seed for case in REPORTING})


@pytest.mark.parametrize("cases", [CHOOSING, REPORTING])
def test_the_suite_is_varied(cases):
    configs = [case.config(30_000) for case in cases]
    assert {config.scar for config in configs} == {"smooth", "isthmus", "patchy"}
    assert {case.reading for case in cases} == {"fractions", "labels", "fwhm"}
    for option in ("spacing_mm", "thickness_mm", "tilt_deg", "isthmus_width_mm", "isthmus_angle_deg", "shift_mm"):
        assert len({getattr(config, option) for config in configs}) > 1, option
    assert any(config.label_noise for config in configs)
    assert any(config.snr < 10 for config in configs)
    assert sum(any(word in case.name for word in REFERENCE_CASES) for case in cases) == len(REFERENCE_CASES)


def test_a_case_is_exact_where_nothing_disturbs_it():
    assert PhantomCase("x", 1, 0, {"spacing_mm": (12.0, 13.0)}).exact
    assert not PhantomCase("x", 1, 0, {"shift_mm": 1.0}).exact
    assert not PhantomCase("x", 1, 0, {"label_noise": 0.1}).exact
    assert not PhantomCase("x", 1, 0, {}, "fwhm").exact


def test_names_say_which_case_it_is():
    names = [case.name for case in (*CHOOSING, *REPORTING, *REAL, *MEMORY)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("reading", ["fractions", "labels", "fwhm"])
def test_a_case_is_read_as_stated(reading):
    spec = PhantomCase("x", 100, 2, {"scar": "patchy"}, reading)
    values = np.concatenate([s.values[s.observed] for s in build(spec, NODES).stack])
    assert np.isin(values, (0, 1)).all() == (reading != "fractions")
    assert 0.01 < values.mean() < 0.5


def test_a_case_comes_back_as_it_was(tmp_path):
    spec = PhantomCase("a corridor (100)", 100, 1, {"scar": "isthmus"})
    case = build(spec, NODES)
    folder = ensure(spec, NODES, tmp_path)
    back = Case.load(folder)
    for name in ("nodes_mm", "node_ml", "tetrahedra", "segment", "truth", "corridor"):
        np.testing.assert_array_equal(getattr(back, name), getattr(case, name), err_msg=name)
    np.testing.assert_allclose(back.coordinates, case.coordinates, atol=1e-6)
    np.testing.assert_array_equal(back.problem().targets, case.problem().targets)
    assert (back.name, back.facts["scar"]) == (spec.name, "isthmus")
    assert back.corridor.any()
    assert [path for path in tmp_path.rglob("*.npz") if b"pickle" in path.read_bytes()] == []


def test_a_case_is_built_once(tmp_path, monkeypatch):
    spec = PhantomCase("once (100)", 100, 0, {"scar": "smooth"})
    first = ensure(spec, NODES, tmp_path)
    monkeypatch.setattr("benchmarks.reconstruction.building.build", lambda *_: pytest.fail("built again"))
    assert ensure(spec, NODES, tmp_path) == first
    other = PhantomCase("once (100)", 100, 0, {"scar": "smooth", "snr": 9.0})
    with pytest.raises(pytest.fail.Exception):
        ensure(other, NODES, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_a_real_case_without_its_data_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("CARDIOSCAR_DATA", raising=False)
    with pytest.raises(CaseAbsentError, match="CARDIOSCAR_DATA is not set"):
        ensure(REAL[0], 0, tmp_path)
    monkeypatch.setenv("CARDIOSCAR_DATA", str(tmp_path))
    with pytest.raises(CaseAbsentError, match=f"no {REAL[0].folder}/labels.nii.gz"):
        ensure(REAL[0], 0, tmp_path)


def test_hearts_that_are_like_people_choose_or_are_reported():
    sets = [people(name, 3) for name in PEOPLE_SEEDS]
    assert len({case.seed for cases in sets for case in cases}) == len(sets) == 2
    for cases in sets:
        assert [(case.index, case.holdout) for case in cases] == [
            (index, holdout) for index in range(3) for holdout in ("odd", "even")
        ]
        assert len({case.name for case in cases}) == 6


def test_a_heart_like_people_is_scored_on_drawn_slices_that_are_hidden(tmp_path):
    odd, even = people("people-choosing", 1)
    case = build(odd, 0)
    labels = make_heart(odd.seed, odd.index).labels
    slices = labels.values.shape[2]
    assert case.facts["hidden_slices"] == list(range(1, slices - 1, 2))
    assert {piece.number for piece in case.stack} == set(range(slices)) - set(case.facts["hidden_slices"])
    drawn = labels.values[:, :, case.facts["hidden_slices"]]
    assert len(case.hidden.fraction) == np.isin(drawn, WALL).sum()
    assert case.hidden.fraction.sum() == (drawn == Label.SCAR).sum()
    assert set(case.hidden.slice_number) == set(case.facts["hidden_slices"])
    other = build(even, 0)
    np.testing.assert_array_equal(other.nodes_mm, case.nodes_mm)
    assert not set(other.facts["hidden_slices"]) & set(case.facts["hidden_slices"])
    case.save(tmp_path / "case")
    back = Case.load(tmp_path / "case")
    np.testing.assert_array_equal(back.hidden.slice_number, case.hidden.slice_number)
    assert back.truth is None
