from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.explanation import explain
from cardioscar.activation.network.inputs import GRID_MS, network_input
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.phantoms.strain_phantom import strain_phantom
from cardioscar.errors import InputError, PlatformError

SMALL = ActivationNetworkConfig(width=4)
ONE = strain_phantom(3).measured


def network(config: ActivationNetworkConfig = SMALL) -> ActivationNetwork:
    torch.manual_seed(1)
    return ActivationNetwork(config).eval()


@pytest.mark.parametrize("task", ["onset", "normal", "late", "scarred"])
@pytest.mark.parametrize("way", ["grad-cam", "element-wise"])
def test_each_task_of_chosen_sectors_has_a_map_of_the_matrix(task, way):
    shown = explain(network(), ONE, range(30, 40), task, way=way)
    assert shown.shape == ONE.circumferential.shape
    assert shown.min() >= 0
    assert shown.max() == pytest.approx(1)
    signed = explain(network(), ONE, range(30, 40), task, way=way, signed=True)
    assert np.abs(signed).max() == pytest.approx(1)


def test_it_is_grad_cam_as_published():
    one, net, block = ONE, network(), 1
    values = torch.from_numpy(network_input(one))[None]
    kept = []
    handle = net.blocks[block].register_forward_hook(lambda *given: kept.append(given[2]))
    onset, _ = net(values)
    handle.remove()
    [gradient] = torch.autograd.grad(onset[0, 50], kept[0])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    cam = torch.relu((weights * kept[0]).sum(dim=1))[0].detach().numpy()
    every = 64 // cam.shape[1]
    middles = GRID_MS * (every * np.arange(cam.shape[1]) + (every - 1) / 2)
    expected = np.stack([np.interp(one.frame_ms, middles, row) for row in cam])
    # single precision
    np.testing.assert_allclose(explain(net, one, [50], "onset", block=block), expected / expected.max(), atol=1e-4)


def test_element_by_element_shows_only_what_sectors_can_see():
    shown = explain(network(), ONE, [60], "onset", way="element-wise", block=2, signed=True)
    # the heads reach 4 sectors and the layer before them 4
    near = np.abs(np.arange(126) - 60) <= 8
    assert np.abs(shown[near]).max() == pytest.approx(1)
    np.testing.assert_array_equal(shown[~near], 0)


def test_turned_slices_have_turned_maps():
    shown = explain(network(), ONE, [10], "late")
    turned = explain(network(), ONE.turned(40), [(10 - 40) % 126], "late")
    # sums in another order, in single precision
    np.testing.assert_allclose(turned, np.roll(shown, -40, axis=0), atol=1e-4)


def test_what_cannot_be_explained(monkeypatch):
    for sectors in ([], [126], [-1]):
        with pytest.raises(InputError, match="sectors: expected numbers from 0 to 125"):
            explain(network(), ONE, sectors, "onset")
    with pytest.raises(InputError, match="task: expected a task that the network has learned, found late"):
        explain(network(replace(SMALL, tasks="onset")), ONE, [1], "late")
    with pytest.raises(InputError, match="task: expected a task that the network has learned, found onset"):
        explain(network(replace(SMALL, tasks="class")), ONE, [1], "onset")
    with pytest.raises(InputError, match="block: expected 0 to 2, found 3"):
        explain(network(), ONE, [1], "onset", block=3)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(PlatformError, match=r"pip install 'cardioscar\[explain\]'"):
        explain(network(), ONE, [1], "onset")
