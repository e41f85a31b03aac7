"""Heads that measure on the segmentation: what they say before they learn, and what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cardioscar.config import as_mapping
from cardioscar.lvquant.network.cine_net import CineNet, build_cine_net
from cardioscar.lvquant.network.outline_head import OutlineHead
from cardioscar.lvquant.network.over_beat import OverBeat
from cardioscar.lvquant.network.phase_head import PhaseHead
from cardioscar.lvquant.network.polar import SPOKES, along_rays, by_sector, cavity_center, chords
from cardioscar.lvquant.network.region import Region, find_region
from cardioscar.lvquant.network.spec import SIZES
from cardioscar.lvquant.sectors import SECTOR_MIDDLES

PIXEL = (1.4, 1.8)


def ring(
    inner_mm: np.ndarray, outer_mm: np.ndarray, center: tuple[float, float] = (50.0, 60.0), size: int = 72
) -> torch.Tensor:
    """Image and shares of a wall between circles, whose radii are those of each frame; shape (1, 4, frames, i, j)."""
    i, j = np.meshgrid(np.arange(size) * PIXEL[0], np.arange(size) * PIXEL[1], indexing="ij")
    distance = np.hypot(i - center[0], j - center[1])[None]

    def within(radius: np.ndarray) -> np.ndarray:
        return np.clip((np.asarray(radius)[:, None, None] - distance) / 1.6 + 0.5, 0, 1)  # shares at the edge

    heart, cavity = within(outer_mm), within(inner_mm)
    parts = [0.2 * heart + 0.7 * cavity, 1 - heart, heart - cavity, cavity]
    return torch.tensor(np.stack(parts)[None].astype(np.float32))


def believing(frames: int = 6, **options: float) -> tuple[OutlineHead, torch.Tensor, Region, torch.Tensor]:
    """A head that believes what it measures, a contracting ring, and where that is."""
    torch.manual_seed(0)
    head = OutlineHead(4, (4, 8), 12).eval()
    for name, one in head.heads.items():
        count = {"areas": 2, "dimensions": 3, "thickness": 6}[name]
        one.bias.data[count : 2 * count] = 30.0
    turn = 2 * np.pi * np.arange(frames) / frames
    inner = options.get("inner", 20.0) + 4 * np.cos(turn)
    given = ring(inner, inner + options.get("wall", 9.0))
    pixel = torch.tensor([PIXEL])
    return head, given, find_region(1 - given[:, 1], pixel, margin=1.5), pixel


def test_what_is_measured_on_a_ring_is_right() -> None:
    head, given, region, pixel = believing()
    with torch.no_grad():
        found = head(given, region, pixel)
    inner = 20 + 4 * np.cos(2 * np.pi * np.arange(6) / 6)
    outer = inner + 9
    areas = np.pi * np.stack([inner**2, outer**2 - inner**2], axis=-1)
    np.testing.assert_allclose(found["areas"][0].numpy(), areas, rtol=0.01)
    np.testing.assert_allclose(found["dimensions"][0].numpy(), np.repeat(2 * inner[:, None], 3, 1), atol=0.3)
    np.testing.assert_allclose(found["thickness"][0].numpy(), 9, atol=0.3)


def test_what_it_says_is_in_the_order_of_the_sectors() -> None:
    """A wall thick at one side: with the septum known, that side is the sector it should be."""
    profile = torch.zeros(SPOKES)
    for number, middle in enumerate(SECTOR_MIDDLES):
        at = round(np.degrees(middle) / 10) % SPOKES
        profile[[(at + step) % SPOKES for step in range(-3, 3)]] = float(number + 1)
    torch.testing.assert_close(by_sector(profile)[0], torch.arange(1.0, 7.0))
    turned = by_sector(profile.roll(5))[5]
    torch.testing.assert_close(turned, torch.arange(1.0, 7.0))
    through = chords(profile)[0]  # IS–AL, I–A, IL–AS
    torch.testing.assert_close(through, torch.tensor([1.0 + 4, 2 + 5, 3 + 6]))


def test_untrained_it_is_near_any_heart() -> None:
    """Half measured, half what is usual: no head starts at lengths that no heart has."""
    torch.manual_seed(0)
    head = OutlineHead(4, (4, 8), 12).eval()
    _, given, region, pixel = believing()
    with torch.no_grad():
        found = head(given, region, pixel)
    assert 800 < float(found["areas"][..., 0].mean()) < 2000
    assert 30 < float(found["dimensions"].mean()) < 60
    assert 6 < float(found["thickness"].mean()) < 12


@pytest.mark.parametrize("frames", [2, 3, 7])
def test_any_number_of_frames_and_the_beat_closes_upon_itself(frames: int) -> None:
    head, given, region, pixel = believing(frames)
    for one in head.heads.values():
        torch.nn.init.normal_(one.weight, std=0.1)
    with torch.no_grad():
        first = head(given, region, pixel)
        turned = head(given.roll(1, dims=2), region, pixel)
    for name, value in first.items():
        torch.testing.assert_close(turned[name], value.roll(1, dims=1), rtol=1e-4, atol=1e-3)


def test_turning_the_picture_turns_the_septum_alone() -> None:
    """Quarter turns leave what is measured around a heart as it is, but for the pixels."""
    torch.manual_seed(0)
    head = OutlineHead(4, (4, 8), 12).eval()
    for one in head.heads.values():
        torch.nn.init.normal_(one.weight, std=0.05)
    given = ring(np.array([20.0, 16.0, 18.0]), np.array([29.0, 27.0, 28.0]), (50.4, 50.4))
    given[:, 0, :, :30] += 0.5  # something beside the heart
    square = torch.tensor([[1.4, 1.4]])
    turned = torch.rot90(given, 1, dims=(3, 4))
    with torch.no_grad():
        first, second = (head(one, find_region(1 - one[:, 1], square, margin=1.5), square) for one in (given, turned))
    for name in ("areas", "dimensions", "thickness"):
        torch.testing.assert_close(second[name], first[name], rtol=0.02, atol=0.05)
    torch.testing.assert_close(second["phase"], first["phase"], rtol=0.05, atol=0.02)


def test_a_segmentation_that_found_nothing_is_survived() -> None:
    head, given, _, pixel = believing()
    given[:, 1], given[:, 2:] = 1.0, 0.0
    given.requires_grad_(True)
    region = find_region(1 - given[:, 1], pixel, margin=1.5)
    found = head(given, region, pixel)
    assert all(bool(torch.isfinite(one).all()) for one in found.values())
    sum(one.sum() for one in found.values()).backward()
    assert all(bool(torch.isfinite(one.grad).all()) for one in head.parameters() if one.grad is not None)


def test_the_middle_of_the_cavity_is_that_of_each_frame() -> None:
    frames = torch.cat([ring(np.array([15.0]), np.array([22.0]), (40.0 + 5 * t, 60.0)) for t in range(3)], dim=2)
    pixel = torch.tensor([PIXEL])
    region = find_region(1 - frames[:, 1], pixel, margin=1.5)
    center = cavity_center(frames[:, 3], region, pixel)[0]
    np.testing.assert_allclose(center[:, 0].numpy(), [40, 45, 50], atol=0.4)
    np.testing.assert_allclose(center[:, 1].numpy(), 60, atol=0.2)


def test_rays_begin_at_the_middle_and_run_from_i_towards_j() -> None:
    i, j = torch.meshgrid(torch.arange(60.0), torch.arange(70.0), indexing="ij")
    picture = torch.stack([i * PIXEL[0], j * PIXEL[1]])[None, :, None]
    center = torch.tensor([[[40.0, 60.0]]])
    seen = along_rays(picture, center, torch.tensor([30.0]), torch.tensor([PIXEL]), 10)[0, :, 0]
    angle = torch.deg2rad(torch.arange(SPOKES) * 10.0 + 5)
    reach = torch.arange(10) * 3.0 + 1.5
    torch.testing.assert_close(seen[0], 40 + angle.cos()[:, None] * reach, atol=1e-2, rtol=0)
    torch.testing.assert_close(seen[1], 60 + angle.sin()[:, None] * reach, atol=1e-2, rtol=0)


def test_the_phase_is_learned_from_the_curve_of_the_cavity() -> None:
    torch.manual_seed(0)
    head = PhaseHead(8)
    frames = torch.arange(12)
    first = torch.randint(12, (16,))
    at = (frames[None] - first[:, None]) % 12
    area = torch.where(at <= 4, 2000 - 250.0 * at, 1000 + 125.0 * (at - 4))
    systole = ((at > 0) & (at <= 4)).float()
    features = torch.zeros(16, 8, 12)
    optimiser = torch.optim.Adam(head.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(features, area), systole)
        loss.backward()
        optimiser.step()
    found = head(features, 0.5 * area + 300) > 0  # a heart of another size
    assert float((found != (systole > 0.5)).float().mean()) < 0.05


def test_named_sizes_measure_on_their_segmentation_and_stored_ones_stay_as_they_were() -> None:
    assert all(isinstance(CineNet(spec).over_beat, OutlineHead) for spec in SIZES.values())
    stored = {name: value for name, value in as_mapping(SIZES["tiny"]).items() if name != "head"}
    assert isinstance(build_cine_net(stored).over_beat, OverBeat)
