"""Pretraining runs on the shared loop, and gives what a loop written out for it alone gives, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cardioscar.learning.device import threads_for
from cardioscar.learning.schedules import one_cycle
from cardioscar.scar3d.field.pretrained import PretrainedField
from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.scar3d.observation.constraint_loss import group_losses
from cardioscar.scar3d.observation.group_means import group_means
from cardioscar.scar3d.transfer import pretraining
from cardioscar.scar3d.transfer.config import TransferConfig
from cardioscar.scar3d.transfer.pretraining import pretrain
from tests.scar3d.placed_hearts import heart

HEARTS = [heart(seed, size=0.9 + 0.05 * seed) for seed in range(1, 4)]


def plain(config: TransferConfig) -> tuple[dict[str, torch.Tensor], list[float]]:
    device = torch.device("cpu")
    hearts = [pretraining._kept(one, config, device) for one in HEARTS]
    spec, loss = pretraining._network(HEARTS[0], config)
    network = ScarField(spec, torch.Generator().manual_seed(config.seed))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1.0, weight_decay=config.weight_decay, fused=True)
    generator, rng = torch.Generator().manual_seed(config.seed), np.random.default_rng(config.seed)
    order: list[int] = []
    losses = []
    with threads_for(max(len(one.placed) for one in hearts)):
        for step in range(config.steps):
            for group in optimizer.param_groups:
                group["lr"] = one_cycle(step, config.steps, config.peak_rate)
            optimizer.zero_grad(set_to_none=True)
            losses.append(0.0)
            for _ in range(2):
                order = order or rng.permutation(len(hearts)).tolist()
                one = hearts[order.pop(0)]
                features = network.encode(one.placed)
                probability = torch.sigmoid(network(features, network.dropout_masks(len(features), generator)))
                means = group_means(probability, one.offsets)
                part = group_losses(means, one.targets, one.weights, loss).sum() / 2
                part.backward()
                losses[-1] += part.item()
            optimizer.step()
    return dict(PretrainedField.of(network).weights), losses


@pytest.mark.parametrize("method", ["fourier", "reference"])
def test_the_shared_loop_pretrains_to_the_last_bit(method: str) -> None:
    config = TransferConfig(method=method, steps=7, hearts_per_step=2, seed=3, device="cpu")  # type: ignore[arg-type]
    weights, losses = plain(config)
    found = pretrain(HEARTS, config)
    assert list(found.losses) == losses
    assert all(torch.equal(value, weights[name]) for name, value in found.network.weights.items())
