"""The published method, written down a second time as plainly as can be: network, scaling, rate, loss, loop."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from cardioscar.scar3d.field.dropout_pool import FreshMasks
from cardioscar.scar3d.field.fit import fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.mc_dropout import published_samples, sample_logits, sigmoid_sd
from cardioscar.scar3d.field.plan import plan_fit
from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.scar3d.observation.constraint_loss import group_losses
from cardioscar.scar3d.observation.group_means import group_means
from cardioscar.scar3d.observation.observations import Observations
from cardioscar.scar3d.observation.sorting import complete_batches

CONFIG = FitConfig(method="reference", device="cpu")


def observations(groups: int = 90, *, batch_nodes: int = 150) -> Observations:
    """Groups of 1 to 8 nodes in a box of three different sides, far from the origin; scar on one side of it."""
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 9, groups)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    nodes = rng.uniform([-30, 100, 5], [50, 130, 15], (offsets[-1], 3))
    first = nodes[offsets[:-1], 0]
    targets = np.clip(first / 40, 0, 1).astype(np.float32)
    return Observations(nodes, offsets, targets, np.ones(groups, dtype=int), complete_batches(offsets, batch_nodes))


def published(dropout: float = 0.1) -> nn.Sequential:
    """The layers in the order of the public code."""
    return nn.Sequential(
        nn.Linear(3, 128), nn.ReLU(),
        nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, 128), nn.Dropout(dropout), nn.ReLU(),
        nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, 1), nn.Sigmoid(),
    )  # fmt: skip


def scaled(seen: np.ndarray, points: np.ndarray) -> torch.Tensor:
    """Each axis of the observed nodes from 0 to 1; other points by the same rule."""
    low, high = seen.min(axis=0), seen.max(axis=0)
    return torch.as_tensor((points - low) / (high - low), dtype=torch.float32)


def rate(step: int) -> float:
    """Rate of a step, from 0: one cycle from 0.001 to 0.01 and back in 4,000 steps, moved on after each step."""
    after = max(step - 1, 0)
    cycle = np.floor(1 + after / 4000)
    return float(0.001 + 0.009 * max(0.0, 1 - abs(after / 2000 - 2 * cycle + 1)))


def weights_of(network: nn.Sequential) -> list[torch.Tensor]:
    return [parameter.detach() for parameter in network.parameters()]


def test_layers_and_weights_are_those_of_the_public_code() -> None:
    data = observations()
    field = plan_fit(data, CONFIG).first_field(seed=42)
    torch.manual_seed(42)
    network = published().eval()
    assert [tuple(p.shape) for p in field.parameters()] == [tuple(p.shape) for p in network.parameters()]
    assert sum(p.numel() for p in field.parameters()) == 50_177
    for own, theirs in zip(field.parameters(), weights_of(network), strict=True):
        torch.testing.assert_close(own.detach(), theirs)  # the same first weights from the same seed
    assert [name for name in field.state_dict() if "hidden" not in name and "head" not in name] == ["center_mm"]

    points = np.random.default_rng(0).uniform([-60, 90, 0], [70, 140, 20], (50, 3))  # some outside the observed box
    with torch.no_grad():
        expected = network(scaled(data.nodes_mm, points)).squeeze(-1)
        found = torch.sigmoid(field(field.encode(torch.as_tensor(points, dtype=torch.float32))))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_each_axis_is_scaled_to_0_to_1_by_itself() -> None:
    data = observations()
    field = plan_fit(data, CONFIG).first_field(seed=0)
    at = field.encode(torch.as_tensor(data.nodes_mm, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(at.min(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(at.max(axis=0), 1, atol=1e-6)


def test_nodes_in_one_plane_keep_a_finite_scale() -> None:
    data = observations()
    data.nodes_mm[:, 2] = 7.0
    field = plan_fit(data, CONFIG).first_field(seed=0)
    assert field.encode(torch.as_tensor(data.nodes_mm, dtype=torch.float32))[:, 2].abs().max() == 0


def test_the_third_layer_alone_has_dropout() -> None:
    data = observations()
    field = plan_fit(data, CONFIG).first_field(seed=42)
    torch.manual_seed(42)
    network = published()
    [mask] = field.dropout_masks(len(data.nodes_mm), torch.Generator().manual_seed(1))
    assert mask.unique().tolist() == pytest.approx([0, 1 / 0.9])
    assert float((mask == 0).float().mean()) == pytest.approx(0.1, abs=0.01)
    with torch.no_grad():
        x = network[:5](scaled(data.nodes_mm, data.nodes_mm)) * mask  # where the public code's layer stands
        expected = network[6:](x).squeeze(-1)
        found = torch.sigmoid(field(field.encode(torch.as_tensor(data.nodes_mm, dtype=torch.float32)), [mask]))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_rate_of_every_step() -> None:
    plan = plan_fit(observations(), CONFIG)
    by_hand = {0: 0.001, 1: 0.001, 2: 0.0010045, 1001: 0.0055, 2001: 0.01, 3001: 0.0055, 4001: 0.001, 6001: 0.01}
    for step, expected in by_hand.items():
        assert plan.learning_rate(step) == pytest.approx(expected)
    np.testing.assert_allclose([plan.learning_rate(s) for s in range(9000)], [rate(s) for s in range(9000)])


def test_the_loss_is_the_mean_over_groups_of_the_squared_error() -> None:
    means = group_means(torch.tensor([0.7, 0.65, 0.75, 0.3]), torch.tensor([0, 3, 4]))
    each = group_losses(means, torch.tensor([0.7, 0.5]), torch.tensor([0.5, 0.5]), "mse")
    assert float(each.sum()) == pytest.approx(0.02)  # of 0 and 0.04
    plan = plan_fit(observations(), CONFIG)
    assert plan.loss == "mse"
    for batch in plan.batches:  # groups count alike, whatever pixels or nodes they hold
        np.testing.assert_allclose(batch.weights, 1 / len(batch.targets))


def test_batches_are_of_whole_groups_in_their_order_and_an_epoch_takes_each_once() -> None:
    data = observations()
    plan = plan_fit(data, CONFIG)
    assert len(plan.batches) > 2
    assert np.array_equal(np.concatenate([b.nodes for b in plan.batches]), np.arange(len(data.nodes_mm)))
    for batch, (first, last) in zip(plan.batches, pairwise(data.batch_groups), strict=True):
        size = len(batch.nodes)
        assert size == data.group_offsets[last] - data.group_offsets[first]
        assert size <= 150 or last - first == 1
        assert last == len(data.targets) or size + np.diff(data.group_offsets)[last] > 150


def test_the_rest_of_the_schedule() -> None:
    plan = plan_fit(observations(), CONFIG)
    assert (plan.epochs, plan.patience, plan.passes, plan.weight_decay) == (10_000, 500, 3, 0.0)
    assert (plan.keep_last, plan.fresh_masks) == (True, True)
    assert (plan.spec.dropout, plan.spec.activation, plan.spec.dropped_layers) == (0.1, "relu", (2,))


def plain_fit(data: Observations, *, seed: int, epochs: int) -> tuple[list[float], nn.Sequential]:
    """The published loop without dropout: three passes are then one."""
    torch.manual_seed(seed)
    network, losses, step = published(0.0), [], 0
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    at = scaled(data.nodes_mm, data.nodes_mm)
    for _ in range(epochs):
        of_batches = []
        for first, last in pairwise(data.batch_groups.tolist()):
            optimizer.param_groups[0]["lr"] = rate(step)
            optimizer.zero_grad()
            errors = []
            for group in range(first, last):
                nodes = slice(data.group_offsets[group], data.group_offsets[group + 1])
                passes = torch.stack([network(at[nodes]) for _ in range(3)]).mean(dim=0)
                errors.append((passes.mean() - float(data.targets[group])) ** 2)
            loss = torch.stack(errors).mean()
            loss.backward()
            optimizer.step()
            of_batches.append(loss.item())
            step += 1
        losses.append(float(np.mean(of_batches)))
    return losses, network


def test_without_dropout_a_fit_is_the_published_loop_step_by_step() -> None:
    data = observations()
    result = fit_field(data, dataclasses.replace(CONFIG, dropout=0.0, max_epochs=30, seed=3))
    losses, network = plain_fit(data, seed=3, epochs=30)
    np.testing.assert_allclose(result.losses, losses, rtol=2e-3)  # float32 sums in another order, over 30 epochs
    assert losses[-1] < 0.7 * losses[0]
    with torch.no_grad():
        expected = network(scaled(data.nodes_mm, data.nodes_mm)).squeeze(-1)
        found = torch.sigmoid(result.field(result.field.encode(torch.as_tensor(data.nodes_mm, dtype=torch.float32))))
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)


def test_a_fit_stops_after_its_patience_and_stores_the_last_weights() -> None:
    config = dataclasses.replace(CONFIG, dropout=0.6, max_epochs=300, patience=2)
    result = fit_field(observations(), config)
    assert result.stop_reason == "patience"
    assert len(result.losses) == result.best_epoch + 1 + 2
    whole = fit_field(observations(), dataclasses.replace(config, max_epochs=len(result.losses), patience=500))
    best = fit_field(observations(), dataclasses.replace(config, max_epochs=result.best_epoch + 1, patience=500))
    for last, kept, at_best in zip(
        whole.field.parameters(), result.field.parameters(), best.field.parameters(), strict=True
    ):
        assert torch.equal(kept, last)
        assert not torch.equal(kept, at_best)


def test_every_pass_of_every_step_has_masks_of_its_own() -> None:
    field = plan_fit(observations(), CONFIG).first_field(seed=0)
    masks = FreshMasks(field, torch.Generator().manual_seed(5))
    drawn = {(s, p): masks.at(s, 40, dropout_pass=p)[0] for s in (0, 1, 7) for p in (0, 1, 2)}
    again = FreshMasks(field, torch.Generator().manual_seed(5)).at(7, 40, dropout_pass=1)[0]
    assert torch.equal(again, drawn[7, 1])
    assert len({tuple(mask.flatten().tolist()) for mask in drawn.values()}) == 9
    assert not torch.equal(FreshMasks(field, torch.Generator().manual_seed(6)).at(7, 40)[0], drawn[7, 0])


def test_samples_are_passes_with_a_mask_for_every_node() -> None:
    data = observations()
    field: ScarField = fit_field(data, dataclasses.replace(CONFIG, dropout=0.5, max_epochs=20)).field
    same_place = np.repeat(data.nodes_mm[:1], 200, axis=0)
    own, shared = (sample(field, same_place, samples=3, seed=0) for sample in (published_samples, sample_logits))
    assert all(len(np.unique(row)) > 100 for row in own)
    assert all(np.ptp(row) < 1e-4 for row in shared)
    # over many passes both are the same network's mean and spread
    many = [sample(field, data.nodes_mm, samples=400, seed=1) for sample in (published_samples, sample_logits)]
    np.testing.assert_allclose(many[0].mean(axis=0), many[1].mean(axis=0), atol=0.3 * many[1].std())
    assert sigmoid_sd(many[0]).mean() == pytest.approx(sigmoid_sd(many[1]).mean(), rel=0.15)
    np.testing.assert_array_equal(many[0][:2], published_samples(field, data.nodes_mm, samples=2, seed=1))
