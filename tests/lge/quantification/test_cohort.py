from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.imaging.labels import Label
from cardioscar.lge.quantification.case import hd95_mm, scored
from cardioscar.lge.quantification.cohort import SubjectFigures, cohort_figures
from tests.lge.inference.stand_in import heart

SPACING = np.array([1.5, 1.5, 8.0])


def test_a_heart_against_itself_and_against_one_that_is_moved() -> None:
    truth = heart((60, 60, 3), center=(30, 30))
    same = scored(truth, truth, SPACING)
    assert [one.dice for one in same.values()] == [1, 1, 1]
    assert [one.hd95_mm for one in same.values()] == [0, 0, 0]
    moved = scored(truth, np.roll(truth, 2, axis=0), SPACING)
    assert moved["cavity"].hd95_mm == pytest.approx(3.0)
    assert moved["cavity"].truth_ml == pytest.approx(moved["cavity"].found_ml)
    assert 0.7 < moved["wall"].dice < 0.95
    with pytest.raises(InputError, match="labels of shape"):
        scored(truth, truth[..., :2], SPACING)


@pytest.mark.filterwarnings("ignore:monai.metrics.utils:FutureWarning")
@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_distance_is_that_of_monai(seed: int) -> None:
    from monai.metrics import compute_hausdorff_distance

    rng = np.random.default_rng(seed)
    masks = [rng.random((9, 8, 4)) < 0.3 for _ in range(2)]
    masks = [np.pad(one, 2) for one in masks]
    tensors = [torch.from_numpy(one[None, None].astype(np.float32)) for one in masks]
    theirs = compute_hausdorff_distance(*tensors, include_background=True, percentile=95, spacing=list(SPACING))
    assert hd95_mm(*masks, SPACING) == pytest.approx(float(theirs), rel=1e-5)


def test_an_empty_scar_against_an_empty_one_is_no_overlap() -> None:
    none = heart((60, 60, 3), center=(30, 30), scar=0)
    some = heart((60, 60, 3), center=(30, 30))
    subjects = [
        SubjectFigures(scored(truth, found, SPACING), crps_ml=float(n), covered=n > 0)
        for n, (truth, found) in enumerate([(none, none), (some, none), (none, some), (some, some)])
    ]
    figures = cohort_figures(subjects)
    assert (figures.both_empty, figures.missed, figures.invented) == (1, 1, 1)
    assert figures.dice["scar"].subjects == 3
    assert figures.dice["scar"].median == 0
    assert figures.hd95_mm["scar"].subjects == 1
    assert figures.dice["wall"].median == 1
    assert figures.crps_ml.median == 1.5
    assert figures.coverage == 0.75
    assert figures.scar_bland_altman_ml is not None
    assert figures.scar_bland_altman_ml.bias == pytest.approx(0, abs=1e-12)


def test_volumes_that_are_all_a_tenth_too_large() -> None:
    subjects = []
    for share in (0.1, 0.2, 0.3, 0.4):
        truth = heart((60, 60, 3), center=(30, 30), scar=share)
        found = heart((60, 60, 3), center=(30, 30), scar=1.1 * share)
        subjects.append(SubjectFigures(scored(truth, found, SPACING)))
    figures = cohort_figures(subjects)
    ml = np.array([one.scores["scar"].truth_ml for one in subjects])
    assert figures.scar_bland_altman_ml is not None
    assert figures.fraction_bland_altman is not None
    # pixels at the end of the scar, of which a slice has some ten
    assert figures.scar_bland_altman_ml.bias == pytest.approx(0.1 * ml.mean(), rel=0.1)
    assert figures.fraction_bland_altman.bias == pytest.approx(2.5, rel=0.1)
    assert figures.scar_pearson is not None
    assert figures.scar_pearson > 0.999
    assert figures.coverage is None
    assert np.isnan(figures.crps_ml.median)


def test_a_cohort_of_one_has_no_agreement_and_one_of_none_is_refused() -> None:
    truth = heart((60, 60, 3), center=(30, 30))
    figures = cohort_figures([SubjectFigures(scored(truth, truth, SPACING))])
    assert figures.scar_bland_altman_ml is None
    assert figures.scar_icc is None
    assert figures.dice["scar"].median == 1
    with pytest.raises(InputError, match="at least one subject"):
        cohort_figures([])


def test_labels_outside_of_the_regions_play_no_part() -> None:
    truth = heart((60, 60, 1), center=(30, 30))
    assert set(scored(truth, np.zeros_like(truth), SPACING)) == {"wall", "cavity", "scar"}
    assert scored(truth, np.zeros_like(truth), SPACING)["scar"].dice == 0
    assert Label.SCAR in truth
