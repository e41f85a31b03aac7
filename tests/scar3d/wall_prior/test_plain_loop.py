"""The scar prior's training runs on the shared loop, and gives what a loop written out for it alone gives."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.scar3d.wall_prior.examples import draw_examples
from cardioscar.scar3d.wall_prior.features import CHANNELS
from cardioscar.scar3d.wall_prior.stored_unet import load_prior
from cardioscar.scar3d.wall_prior.train import _loss, train_scar_prior
from cardioscar.scar3d.wall_prior.unet import ScarUNet

CONFIG = ScarPriorConfig(
    ventricles=2, scars=3, epochs=2, batch=2, channels=4, cell_mm=6.0, layers=3, validation=0.0, learning_rate=1e-2
)


def plain(config: ScarPriorConfig) -> ScarUNet:
    examples = [draw_examples(config, number) for number in range(config.ventricles)]
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        network = ScarUNet(len(CHANNELS), config.channels)
    rng = np.random.default_rng([config.seed, 1_000_000])
    batches = [(one, slice(n, n + config.batch)) for one in examples for n in range(0, config.scars, config.batch)]
    steps, done = config.epochs * len(batches), 0
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=config.learning_rate, total_steps=max(steps, 2), pct_start=0.2
    )
    for _ in range(config.epochs):
        for index in rng.permutation(len(batches)):
            one, some = batches[index]
            inputs, truth = [], []
            for features, answer in zip(one.features[some], one.truth[some], strict=True):
                turn, way = int(rng.integers(features.shape[2])), int(rng.choice([-1, 1]))
                inputs.append(np.roll(features, turn, axis=2)[:, :, ::way])
                truth.append(np.roll(answer, turn, axis=1)[:, ::way])
            given, wanted = (torch.from_numpy(np.stack(each).astype(np.float32)) for each in (inputs, truth))
            optimizer.zero_grad(set_to_none=True)
            _loss(network(given), given[:, 0], wanted, torch.from_numpy(one.weight)).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            done += 1
            if done < steps:
                schedule.step()
    return network


@pytest.mark.parametrize("changes", [{}, {"ventricles": 1, "epochs": 1, "batch": 3}, {"seed": 4}])
def test_the_shared_loop_trains_to_the_last_bit(changes: dict[str, int], tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, **changes)
    train_scar_prior(tmp_path, config)
    found, wanted = load_prior(tmp_path)[0].state_dict(), plain(config).state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in found.items())
