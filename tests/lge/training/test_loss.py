from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import ConfigError
from cardioscar.lge.training.loss import SegmentationLoss
from cardioscar.lge.training.loss_config import LossConfig


def by_hand(scores: np.ndarray, labels: np.ndarray, config: LossConfig) -> dict[str, float]:
    """The three parts in loops over images, classes and pixels, in double precision."""
    power = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = power / power.sum(axis=1, keepdims=True)
    focal, dice, entropy, weights = [], [], 0.0, 0.0
    classes = range(0 if config.background else 1, scores.shape[1])
    factors = [config.scar_factor if (one == 3).any() else 1.0 for one in labels]
    # what is measured together: all images, or each by itself
    groups = [list(range(len(labels)))] if config.together else [[n] for n in range(len(labels))]
    for group in groups:
        lambda1 = config.tversky * np.mean([factors[n] for n in group])
        one_image = []
        for c in classes:
            p, t = shares[group, c], labels[group] == c
            hit, missed, wrong = p[t].sum(), (1 - p[t]).sum(), p[~t].sum()
            index = (hit + config.smooth) / (
                hit + config.false_positives * wrong + config.false_negatives * missed + config.smooth
            )
            one_image.append((1 - index) ** config.focus)
            dice.append(1 - (2 * hit + config.smooth) / (p.sum() + t.sum() + config.smooth))
        focal.append(lambda1 * np.mean(one_image))
    for n in range(len(labels)):
        for i, j in np.ndindex(labels[n].shape):
            weight = config.class_weights[labels[n, i, j]]
            entropy -= weight * np.log(shares[n, labels[n, i, j], i, j])
            weights += weight
    return {
        "focal Tversky": np.mean(focal),
        "Dice": config.dice * np.mean(dice),
        "cross-entropy": config.cross_entropy * entropy / weights,
    }


CONFIGS = [
    LossConfig(),
    LossConfig(together=False),
    LossConfig(background=True, together=False, focus=1.0, smooth=1e-5, scar_factor=1.0),
    LossConfig(false_negatives=0.3, false_positives=0.7, focus=4 / 3, class_weights=(1.0, 1.0, 1.0, 2.0)),
]


@pytest.mark.parametrize("config", CONFIGS)
@given(st.integers(0, 1000))
def test_each_part_is_what_loops_give(config: LossConfig, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(0, 2, (3, 4, 5, 4)), rng.integers(0, 4, (3, 5, 4))
    labels[0][labels[0] == 3] = 1  # an image without scar
    parts = SegmentationLoss(config).parts(torch.from_numpy(scores), torch.from_numpy(labels))
    expected = by_hand(scores, labels, config)
    assert list(parts) == list(expected)
    for name, value in expected.items():
        # float32 sums over 20 pixels
        assert float(parts[name]) == pytest.approx(value, rel=2e-5, abs=1e-6)
    total = SegmentationLoss(config)(torch.from_numpy(scores), torch.from_numpy(labels))
    assert float(total) == pytest.approx(sum(expected.values()), rel=2e-5)


def test_lambda1_is_raised_for_images_with_scar_alone() -> None:
    scores = torch.zeros(1, 4, 6, 6)
    bare = torch.ones(1, 6, 6, dtype=torch.long)
    scarred = bare.clone()
    scarred[0, 0, 0] = 3
    plain, adaptive = (SegmentationLoss(LossConfig(scar_factor=one)) for one in (1.0, 1.5))
    key = "focal Tversky"
    assert float(adaptive.parts(scores, bare)[key]) == pytest.approx(float(plain.parts(scores, bare)[key]))
    ratio = float(adaptive.parts(scores, scarred)[key] / plain.parts(scores, scarred)[key])
    assert ratio == pytest.approx(1.5)
    for name in ("Dice", "cross-entropy"):
        assert float(adaptive.parts(scores, scarred)[name]) == pytest.approx(float(plain.parts(scores, scarred)[name]))


def test_a_right_answer_costs_next_to_nothing_and_its_slope_is_finite() -> None:
    labels = torch.randint(0, 4, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    scores = (30.0 * torch.nn.functional.one_hot(labels, 4).movedim(-1, 1)).requires_grad_()
    loss = SegmentationLoss(LossConfig())(scores, labels)
    loss.backward()
    assert 0 <= loss.item() < 1e-3
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_a_class_that_is_neither_there_nor_found_costs_nothing() -> None:
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    scores = torch.zeros(1, 4, 8, 8)
    scores[:, 0] = 30.0
    parts = SegmentationLoss(LossConfig()).parts(scores, labels)
    assert float(sum(parts.values())) < 1e-3  # type: ignore[arg-type]


def test_missing_scar_costs_more_than_finding_too_much() -> None:
    labels = torch.ones(1, 20, 20, dtype=torch.long)
    labels[:, 5:15, 5:15] = 3

    def of(side: int) -> float:
        found = torch.ones_like(labels)
        lowest, highest = (5 - side, 15 + side)
        found[:, lowest:highest, lowest:highest] = 3
        scores = 20.0 * torch.nn.functional.one_hot(found, 4).movedim(-1, 1)
        return float(SegmentationLoss(LossConfig(dice=0, cross_entropy=0)).parts(scores, labels)["focal Tversky"])

    # one ring of pixels less is 36 missed, one more is 44 too many
    assert of(-1) > of(1) > of(0)


def test_half_precision_scores_are_summed_in_single() -> None:
    labels = torch.randint(0, 4, (1, 64, 64), generator=torch.Generator().manual_seed(1))
    scores = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(2))
    loss = SegmentationLoss(LossConfig())
    half = loss(scores.to(torch.bfloat16), labels)
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(float(loss(scores, labels)), rel=0.01)


@pytest.mark.parametrize(
    "wrong",
    [{"tversky": -1.0}, {"focus": 0.0}, {"smooth": 0.0}, {"scar_factor": float("nan")}, {"class_weights": (0.0,) * 4}],
)
def test_weights_that_cannot_be_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        LossConfig(**wrong)
    with pytest.raises(ConfigError, match="tversky"):
        dataclasses.replace(LossConfig(), tversky=0.0, dice=0.0, cross_entropy=0.0)
