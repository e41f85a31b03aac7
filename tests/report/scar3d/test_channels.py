"""The pictures of channels show them where they are; the page says them in numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cardioscar.config import from_mapping
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.offscreen import SceneUnavailableError, prepare_rendering
from cardioscar.report.scar3d import channels, flat_wall
from cardioscar.report.scar3d.channels import channel_rows, channels_figure, channels_note, colour_of
from cardioscar.scar3d.quality.result_scar import Channel
from tests.scar3d.quality.whole import CHANNEL


@pytest.fixture(scope="module")
def rendering():
    try:
        prepare_rendering()
    except SceneUnavailableError as error:
        pytest.skip(str(error))


def row(number: int = 1, share: float | None = 0.8, **more) -> Channel:
    """A channel at -x, up the middle of the scar."""
    height = np.linspace(-28, 4, 17)
    line = np.column_stack([np.full(17, -26.0), np.zeros(17), height])
    known = {"length_mm": 32.0, "aha_segments": [9, 3], "centreline_mm": line.tolist()}
    return from_mapping(Channel, CHANNEL | {"id": number, "open_probability": share, **known} | more, where="channel")


@pytest.fixture(scope="module")
def mesh(shell, scar) -> LVMesh:
    grid = shell.grid.copy()
    x, y, z = np.asarray(grid.points).T
    grid.point_data["apicobasal"] = (z - z.min()) / np.ptp(z)
    grid.point_data["rotational"] = np.arctan2(y, -x)
    grid.point_data["aha_segment"] = np.where(grid.point_data["apicobasal"] < 0.1, 17, 9).astype(np.uint8)
    grid.point_data["scar_transmurality"] = scar
    grid.point_data["channel"] = ((np.abs(y) < 5) & (x < 0) & (np.abs(z + 12) < 16)).astype(np.uint8)
    return LVMesh(grid)


def test_the_flat_wall_is_the_disc_of_the_bullseye(mesh) -> None:
    places = flat_wall.flat_places(mesh)
    data = mesh.grid.point_data
    assert np.hypot(*places.T).max() == pytest.approx(1)
    apex = np.asarray(data["aha_segment"]) == 17
    assert np.hypot(*places[apex].T).max() == pytest.approx(0.22, abs=0.01)
    assert np.hypot(*places[~apex].T).min() >= 0.22
    septum = np.abs(np.asarray(data["rotational"])) < 0.05
    assert (places[septum, 0] <= 0).all()
    anterior = np.abs(np.asarray(data["rotational"]) - np.pi / 2) < 0.05
    assert (places[anterior, 1] >= 0).all()


@pytest.fixture(scope="module")
def figure(rendering, mesh, scar):
    before = {name: np.array(values) for name, values in mesh.grid.point_data.items()}
    figure = channels_figure(mesh, scar, [row(1, 0.84), row(2, None, centreline_mm=[[26.0, 0, -20], [26.0, 0, 0]])])
    assert list(mesh.grid.point_data.keys()) == list(before)
    for name, values in before.items():
        np.testing.assert_array_equal(np.asarray(mesh.grid.point_data[name]), values)
    return figure


def green(image: np.ndarray) -> float:
    """Share of the pixels that have the hue of the first channel: behind see-through scar only the hue stays."""
    r, g, b = np.moveaxis(image.astype(int), -1, 0)
    return float(((g > r + 20) & (g > b)).mean())


def panels(image: np.ndarray) -> list[np.ndarray]:
    """Outside, cavity and flat wall, without the legend."""
    ends = (np.array([0, 0.295, 0.59, 0.92]) * image.shape[1]).astype(int)
    return [image[:-90, a:b] for a, b in pairwise(ends)]


def test_a_channel_shows_in_every_panel_and_fainter_where_it_is_closed(figure, mesh, scar, pixels, rendering) -> None:
    opened, closed, none = (
        [green(panel) for panel in panels(pixels(picture))]
        for picture in (figure, channels_figure(mesh, scar, [row(share=0.2)]), channels_figure(mesh, scar, []))
    )
    assert none == [0, 0, 0]
    assert min(opened) > 0.002
    assert min(closed) > 0
    assert sum(closed) < 0.9 * sum(opened)


def test_the_legend_names_channels_with_their_probability(figure) -> None:
    written = [text.get_text() for text in figure.legends[0].get_texts()]
    assert written[2:] == ["Channel 1, open 84%", "Channel 2"]
    assert colour_of(row(1)) != colour_of(row(2))


def test_a_mesh_without_coordinates_has_no_flat_wall(rendering, shell, scar) -> None:
    figure = channels_figure(shell, scar, [row()])
    assert "Wall laid flat" not in [text.get_text() for text in figure.texts]


def test_a_heart_without_scar_is_drawn(rendering, shell, pixels) -> None:
    figure = channels_figure(shell, np.zeros(shell.n_nodes), [])
    assert "Septal side" in [text.get_text() for text in figure.texts]
    assert pixels(figure).std() > 10


def test_rows_for_the_table() -> None:
    known, unknown = channel_rows([row(), row(2, position=None, aha_segments=[])])
    assert known["segments"] == "9 → 3"
    assert known["position"] == "mid-wall"
    assert known["colour"] in channels.COLOURS
    assert unknown["segments"] == unknown["position"] == "not known"


@pytest.mark.parametrize(
    ("rows", "draws", "note"),
    [
        (None, None, ""),
        ([], 64, "No channel was found: no living corridor runs through the scar."),
        ([row()], 64, "1 channel, open in most of 64 draws of the scar."),
        ([row(1, 0.2)], 64, "1 channel, closed in most of 64 draws of the scar."),
        ([row(), row(2, 0.5)], 64, "2 channels, 1 of them open in most of 64 draws of the scar."),
        ([row(1, None)], 0, "1 channel. No draws of the scar say how probably they are open."),
    ],
)
def test_the_note(rows, draws, note) -> None:
    assert channels_note(rows, draws) == note
