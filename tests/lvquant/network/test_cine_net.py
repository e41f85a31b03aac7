from __future__ import annotations

import numpy as np
import pytest
import torch

from cardioscar.config import as_mapping
from cardioscar.errors import ConfigError
from cardioscar.lvquant.network.cine_net import CineNet, build_cine_net
from cardioscar.lvquant.network.over_beat import OverBeat
from cardioscar.lvquant.network.region import Region, crop, find_region
from cardioscar.lvquant.network.segmenter import Segmenter
from cardioscar.lvquant.network.spec import SIZES, CineNetSpec

TINY = SIZES["tiny"]


def disc(
    center: tuple[float, float], radius_mm: float, pixel_mm: tuple[float, float], size: tuple[int, int]
) -> torch.Tensor:
    i, j = np.meshgrid(np.arange(size[0]) * pixel_mm[0], np.arange(size[1]) * pixel_mm[1], indexing="ij")
    return torch.tensor((np.hypot(i - center[0], j - center[1]) < radius_mm).astype(np.float32))


@pytest.mark.parametrize(("frames", "rows", "columns"), [(5, 40, 40), (2, 33, 57), (20, 16, 24)])
def test_any_number_of_frames_and_any_size(frames: int, rows: int, columns: int) -> None:
    torch.manual_seed(0)
    network = CineNet(TINY).eval()
    with torch.no_grad():
        found = network(torch.rand(2, frames, rows, columns), torch.tensor([[1.4, 1.4], [1.2, 1.8]]))
    assert found.scores.shape == (2, 3, frames, rows, columns)
    assert [one.shape for one in found.coarser] == [found.scores.shape] * TINY.supervised
    assert found.areas_mm2.shape == (2, frames, 2)
    assert found.dimensions_mm.shape == (2, frames, 3)
    assert found.thickness_mm.shape == (2, frames, 6)
    assert found.systole.shape == (2, frames)
    assert (found.areas_mm2 > 0).all()
    assert (found.thickness_mm > 0).all()


def test_the_beat_closes_upon_itself() -> None:
    """Beginning with another frame turns the answers and changes nothing else."""
    torch.manual_seed(1)
    network = CineNet(TINY).eval()
    image, pixel = torch.rand(1, 7, 32, 32), torch.tensor([[1.4, 1.4]])
    with torch.no_grad():
        first, turned = network(image, pixel), network(image.roll(3, dims=1), pixel)
    torch.testing.assert_close(turned.areas_mm2, first.areas_mm2.roll(3, dims=1), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(turned.systole, first.systole.roll(3, dims=1), rtol=1e-3, atol=1e-4)


def test_a_frame_knows_its_neighbours_in_time() -> None:
    torch.manual_seed(2)
    head = OverBeat(4, (6, 12), 16).eval()
    region, side = torch.rand(1, 4, 9, 16, 16), torch.tensor([80.0])
    other = region.clone()
    other[:, :, 4] += 1
    with torch.no_grad():
        change = (head(other, side)["areas"] - head(region, side)["areas"]).abs().sum(dim=-1)[0]
    assert (change[3:6] > 0).all()


def test_lengths_are_millimetres() -> None:
    """The same region in pixels twice as large is a heart twice as large, but for what the heads make of the size."""
    torch.manual_seed(3)
    head = OverBeat(4, (6, 12), 16).eval()
    with torch.no_grad():
        head.joined.weight[:, -1] = 0  # the size that the heads are told
        region = torch.rand(1, 4, 5, 16, 16)
        small, large = head(region, torch.tensor([60.0])), head(region, torch.tensor([120.0]))
    torch.testing.assert_close(large["dimensions"], 2 * small["dimensions"])
    torch.testing.assert_close(large["areas"], 4 * small["areas"])
    torch.testing.assert_close(large["phase"], small["phase"])


@pytest.mark.parametrize("pixel_mm", [(1.4, 1.4), (1.2, 2.0)])
def test_the_region_is_where_the_heart_is(pixel_mm: tuple[float, float]) -> None:
    heart = disc((50.0, 70.0), 30.0, pixel_mm, (80, 80))[None, None].repeat(1, 3, 1, 1)
    pixel = torch.tensor([pixel_mm])
    region = find_region(heart, pixel, margin=1.5)
    torch.testing.assert_close(region.center_mm, torch.tensor([[50.0, 70.0]]), atol=0.5, rtol=0)
    # two deviations of a disc are its radius: the side is one and a half of its diameter
    assert float(region.side_mm) == pytest.approx(90, rel=0.05)
    seen = crop(heart[:, None], region, pixel, 60)[0, 0, 0]
    expected = disc((44.25, 44.25), 30.0, (1.5, 1.5), (60, 60))
    assert float((seen - expected).abs().mean()) < 0.03  # a circle in square pixels, whatever the picture's were


def test_the_region_takes_in_the_whole_beat() -> None:
    heart = torch.stack([disc((40, 40), radius, (1.0, 1.0), (80, 80)) for radius in (30.0, 15.0)])[None]
    whole = find_region(heart, torch.ones(1, 2), margin=1.0)
    assert float(whole.side_mm) == pytest.approx(60, rel=0.05)


def test_without_a_heart_the_region_is_the_picture() -> None:
    region = find_region(torch.zeros(1, 4, 40, 60), torch.tensor([[2.0, 1.0]]), margin=1.5)
    torch.testing.assert_close(region.center_mm, torch.tensor([[39.0, 29.5]]))
    assert float(region.side_mm) == 80


def test_cropping_the_whole_picture_gives_it_back() -> None:
    image = torch.rand(2, 3, 4, 24, 24)
    region = Region(torch.full((2, 2), 11.5 * 1.3), torch.full((2,), 24 * 1.3))
    torch.testing.assert_close(crop(image, region, torch.full((2, 2), 1.3), 24), image, atol=1e-4, rtol=1e-4)


def test_scores_of_coarser_levels_are_trained() -> None:
    network = Segmenter(1, 3, (4, 8, 16), supervised=2)
    scores = network(torch.rand(2, 1, 21, 30))
    assert [one.shape for one in scores] == [(2, 3, 21, 30)] * 3
    scores[2].sum().backward()
    assert network.heads[2].weight.grad is not None
    assert network.heads[0].weight.grad is None


def test_a_stored_description_builds_the_same_network() -> None:
    spec = CineNetSpec(features=(4, 8), supervised=1, temporal=(4, 6), hidden=8, roi_pixels=16)
    again = build_cine_net(as_mapping(spec))
    assert again.spec == spec
    assert again.state_dict().keys() == CineNet(spec).state_dict().keys()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"features": (8,)}, "features"),
        ({"supervised": 4}, "supervised"),
        ({"roi_pixels": 4}, "roi_pixels"),
        ({"roi_margin": 0.5}, "roi_margin"),
    ],
)
def test_impossible_specs(options: dict, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        CineNetSpec(**options)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_region_that_is_none_ends_no_process(odd: float) -> None:
    """torch's gradients of places that are none read memory that is not theirs."""
    image = torch.rand(2, 3, 5, 40, 40, requires_grad=True)
    region = Region(torch.full((2, 2), odd), torch.full((2,), odd))
    crop(image, region, torch.ones(2, 2), 24).sum().backward()
    assert image.grad is not None
