from __future__ import annotations

import pytest
import torch

from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.scar3d.wall_prior.features import CHANNELS
from cardioscar.scar3d.wall_prior.unet import ScarUNet


@pytest.fixture
def network() -> ScarUNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ScarUNet(3, 8)
        torch.nn.init.normal_(network.head.weight)
    return network.eval()


def test_an_untrained_network_changes_nothing() -> None:
    assert not ScarUNet(3, 8)(torch.randn(1, 3, 8, 8, 4)).any()


def test_the_network_knows_no_seam_around_the_heart(network: ScarUNet) -> None:
    x = torch.randn(1, 3, 8, 16, 4, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        out = network(x)
        # the grid is halved twice, so turns by multiples of four cells commute with the network
        for turn in (4, 12):
            torch.testing.assert_close(network(x.roll(turn, 3)), out.roll(turn, 2), atol=1e-4, rtol=1e-4)
    assert out.std() > 1e-3


def test_base_and_apex_do_not_touch(network: ScarUNet) -> None:
    x = torch.zeros(1, 3, 48, 8, 4)
    moved = x.clone()
    moved[:, :, -1] = 1.0
    convolutions = torch.nn.Sequential(*[block.convolution for block in network.down[0]])
    with torch.inference_mode():
        padded = [torch.cat([v[:, :, :, -2:], v, v[:, :, :, :2]], dim=3) for v in (x, moved)]
        near, far = (convolutions(v) for v in padded)
    assert torch.equal(near[:, :, :40], far[:, :, :40])


def test_the_default_network_is_small() -> None:
    network = ScarUNet(len(CHANNELS), ScarPriorConfig().channels)
    assert sum(p.numel() for p in network.parameters()) <= 400_000
