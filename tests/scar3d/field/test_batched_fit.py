"""Subjects fitted together get what they would get alone, whoever the others are."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from cardioscar.errors import ConfigError, InputError
from cardioscar.scar3d.field import batched_fit, field_stack
from cardioscar.scar3d.field.batched_fit import fit_fields
from cardioscar.scar3d.field.field_stack import FieldStack, prepare
from cardioscar.scar3d.field.fit import FitResult, fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.fit_progress import FitProgress
from cardioscar.scar3d.observation.observations import Observations

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")),
]
FOURIER = FitConfig(steps=30, length_scale_mm=14.0, device="cpu")
REFERENCE = FitConfig(method="reference", max_epochs=12, patience=1000, device="cpu")
METHODS = {"fourier": FOURIER, "reference": REFERENCE}


def make_subject(groups: int, seed: int, *, per_group: int = 4, batches: int = 1) -> Observations:
    """Little clouds of nodes in a 40 mm cube, scarred where x is small."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 40, (groups, 3))
    nodes = (centers[:, None] + rng.normal(0, 1, (groups, per_group, 3))).reshape(-1, 3)
    return Observations(
        nodes,
        np.arange(groups + 1) * per_group,
        1 / (1 + np.exp((centers[:, 0] - 15 - seed) / 3)),
        np.ones(groups, dtype=int),
        np.linspace(0, groups, batches + 1).astype(int),
    )


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_stack, "CHUNK", 64)


@pytest.fixture(scope="module")
def subjects() -> list[Observations]:
    """Sizes and numbers of batches differ; one fills its chunk to the last node, one spills a single group over."""
    return [
        make_subject(16, 1),
        make_subject(17, 2, batches=2),
        make_subject(60, 3, batches=3),
        make_subject(10, 4),
    ]


def together(subjects: Sequence[Observations], config: FitConfig, dtype: torch.dtype) -> list[FitResult]:
    return fit_fields([prepare(one, config) for one in subjects], config, dtype=dtype)


def probability(result: FitResult, nodes_mm: np.ndarray) -> np.ndarray:
    field = result.field
    with torch.no_grad():
        positions = torch.as_tensor(nodes_mm, dtype=field.center_mm.dtype, device=field.center_mm.device)
        return torch.sigmoid(field(field.encode(positions))).cpu().numpy()


def facts(result: FitResult) -> tuple[str, int, int, int]:
    return result.stop_reason, len(result.losses), result.best_epoch, result.steps


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", METHODS)
def test_every_loss_and_the_map_are_those_of_fitting_alone(
    method: str, device: str, subjects: list[Observations]
) -> None:
    config = dataclasses.replace(METHODS[method], device=device)
    for one, result in zip(subjects, together(subjects, config, torch.float64), strict=True):
        alone = fit_field(one, config, dtype=torch.float64)
        assert facts(result) == facts(alone)
        # measured 1e-14; masks, rates or moments of another subject or step would show in the first digits
        np.testing.assert_allclose(result.losses, alone.losses, rtol=1e-9)
        np.testing.assert_allclose(probability(result, one.nodes_mm), probability(alone, one.nodes_mm), atol=1e-9)
        assert (result.together, alone.together) == (len(subjects), 1)


def test_hearts_dealt_into_different_numbers_of_batches_stop_where_they_would_alone(
    subjects: list[Observations],
) -> None:
    config = dataclasses.replace(FOURIER, steps=10, step_nodes=80)
    results = together(subjects, config, torch.float64)
    alone = [fit_field(one, config, dtype=torch.float64) for one in subjects]
    assert [facts(r) for r in results] == [facts(a) for a in alone]
    assert len({len(r.losses) for r in results}) > 1
    for result, expected in zip(results, alone, strict=True):
        np.testing.assert_allclose(result.losses, expected.losses, rtol=1e-9)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("method", "tolerance"), [("fourier", 1e-4), ("reference", 1e-3)])
def test_in_single_precision_the_map_differs_by_rounding_only(
    method: str, tolerance: float, device: str, subjects: list[Observations]
) -> None:
    config = dataclasses.replace(METHODS[method], device=device)
    for one, result in zip(subjects, together(subjects, config, torch.float32), strict=True):
        alone = fit_field(one, config)
        assert result.field.center_mm.dtype == torch.float32
        np.testing.assert_allclose(probability(result, one.nodes_mm), probability(alone, one.nodes_mm), atol=tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_a_result_depends_on_neither_company_nor_order(method: str, subjects: list[Observations]) -> None:
    config = dataclasses.replace(METHODS[method], dropout=0.5)
    whole = together(subjects, config, torch.float64)
    for company in ([3, 2, 1, 0], [2], [1, 3], [2, 2]):
        again = together([subjects[i] for i in company], config, torch.float64)
        for index, result in zip(company, again, strict=True):
            np.testing.assert_allclose(result.losses, whole[index].losses, rtol=1e-9)
            for a, b in zip(result.field.parameters(), whole[index].field.parameters(), strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_dropout_counts_and_its_seed_is_the_configs(subjects: list[Observations]) -> None:
    """Guards the tests above: with masks that do nothing they would pass whatever is drawn."""
    first = [
        together(subjects[:2], dataclasses.replace(FOURIER, steps=2, **change), torch.float64)[0].losses[0]
        for change in ({"dropout": 0.5}, {"dropout": 0.0}, {"dropout": 0.5, "seed": 1})
    ]
    assert len(set(first)) == 3


@pytest.mark.parametrize("method", METHODS)
def test_a_subject_whose_loss_is_not_finite_leaves_the_others_alone(method: str, subjects: list[Observations]) -> None:
    targets = subjects[1].targets.copy()
    targets[0] = np.nan
    broken = dataclasses.replace(subjects[1])
    object.__setattr__(broken, "targets", targets)  # the door refuses such targets; a fit may meet them otherwise
    good, bad, other = together([subjects[0], broken, subjects[2]], METHODS[method], torch.float64)
    assert facts(bad) == facts(fit_field(broken, METHODS[method], dtype=torch.float64))
    assert (bad.stop_reason, len(bad.losses)) == ("diverged", 0)
    assert all(torch.isfinite(p).all() for p in bad.field.parameters())
    for result, one in ((good, subjects[0]), (other, subjects[2])):
        alone = fit_field(one, METHODS[method], dtype=torch.float64)
        np.testing.assert_allclose(result.losses, alone.losses, rtol=1e-9)


def test_a_step_that_breaks_the_networks_is_not_kept(subjects: list[Observations]) -> None:
    config = dataclasses.replace(FOURIER, learning_rate=1e30)
    for one, result in zip(subjects, together(subjects, config, torch.float32), strict=True):
        assert facts(result)[:2] == facts(fit_field(one, config))[:2]
        assert result.stop_reason == "diverged"
        assert all(torch.isfinite(w).all() for w in result.field.state_dict().values())


@pytest.mark.parametrize("check_steps", [1, 7, 10_000])
def test_patience_stops_each_subject_at_its_own_epoch(
    check_steps: int, subjects: list[Observations], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late it is noticed, and whoever has left by then."""
    monkeypatch.setattr(batched_fit, "CHECK_STEPS", check_steps)
    stayed: list[int] = []
    keep = FieldStack.keep

    def counted(self: FieldStack, rows: Sequence[int]) -> None:
        stayed.append(len(rows))
        keep(self, rows)

    monkeypatch.setattr(FieldStack, "keep", counted)
    config = dataclasses.replace(REFERENCE, max_epochs=40, patience=1, dropout=0.6, mc_passes=1)
    results = together(subjects, config, torch.float64)
    expected = [fit_field(one, config, dtype=torch.float64) for one in subjects]
    assert [facts(r) for r in results] == [facts(a) for a in expected]
    assert len({len(r.losses) for r in results}) > 1
    assert {r.stop_reason for r in results} >= {"patience"}
    assert (stayed == []) == (check_steps == 10_000)
    for result, alone in zip(results, expected, strict=True):
        np.testing.assert_allclose(result.losses, alone.losses, rtol=1e-9)
        for a, b in zip(result.field.parameters(), alone.field.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_the_device_is_asked_who_has_stopped_only_now_and_then(
    subjects: list[Observations], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    alive = batched_fit.FitProgress.alive
    monkeypatch.setattr(batched_fit.FitProgress, "alive", lambda self: asked.append(True) or alive(self))
    together(subjects, dataclasses.replace(FOURIER, steps=2 * batched_fit.CHECK_STEPS + 1), torch.float32)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"group_offsets": np.array([0, 4, 4, 12])}, "at least one node in each group, found 1 empty groups"),
        ({"targets": np.zeros(2)}, "one for each group and one more, found 4 offsets, 2 groups, 12 nodes"),
        ({"group_offsets": np.array([0, 8, 4, 12])}, "at least one node in each group, found 1 empty groups"),
    ],
)
def test_corrupt_groups_are_refused_before_they_join_others(change: dict[str, np.ndarray], said: str) -> None:
    observations = dataclasses.replace(make_subject(3, 0), **change)
    with pytest.raises(InputError, match=said):
        prepare(observations, REFERENCE)  # which takes the groups as they are


@pytest.mark.parametrize("method", METHODS)
def test_the_estimate_of_memory_covers_what_a_step_keeps(method: str, subjects: list[Observations]) -> None:
    config = METHODS[method]
    prepared = [prepare(one, config) for one in subjects]
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    stack = FieldStack(prepared, config, torch.device("cpu"), torch.float32)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _, total = stack.losses(0)
    total.backward()
    assert sum(kept.values()) < sum(one.memory_bytes for one in prepared) < 3 * sum(kept.values())


def test_a_negative_number_of_subjects_is_refused() -> None:
    with pytest.raises(ConfigError, match="subjects_together: expected at least 0, found -1"):
        FitConfig(subjects_together=-1)


def test_an_epoch_that_ends_with_broken_weights_is_not_kept() -> None:
    """Its mean loss over the batches is finite still: only the last step broke the weights."""
    good, broken = torch.full((2, 3), 1.0), torch.tensor([[1.0, 1.0, torch.inf], [1.0, 1.0, 1.0]])
    progress = FitProgress(good, [2, 2], epochs=[5, 5], patience=None)
    for step, after in ((0, good), (1, 2 * good), (2, 3 * good), (3, broken)):
        progress.record(step, torch.tensor([1.0, 1.0], dtype=torch.float64), good, after)
    assert progress.alive() == [False, True]
    bad = progress.outcome(0)
    assert (bad.stop_reason, bad.losses.tolist(), bad.best_epoch, bad.steps) == ("diverged", [1.0], 0, 4)
    assert torch.equal(bad.weights, torch.full((3,), 2.0))
    assert progress.outcome(1).losses.tolist() == [1.0, 1.0]
