"""What `infer` writes of channels, zones and transmurality, and what `evaluate` makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
from cardioscar.imaging.formats.opencarp import ElementTag, read_opencarp, write_opencarp
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.scar3d.channels.electrophysiology import FILE, ElectrophysiologyMap, read_electrophysiology
from cardioscar.scar3d.quality.flat_metrics import flat_metrics
from tests.scar3d.quality.whole import CHANNEL, whole
from tests.scar3d.slab import SIZE_MM, Slab

SLAB = Slab()
CORRIDOR = np.where(SLAB.disc(), np.where(SLAB.strip(6), 0.1, 0.95), 0.02)
SHUT = np.where(SLAB.disc(), 0.95, 0.02)


def slab_mesh(*, coordinates: bool = True) -> LVMesh:
    mesh = LVMesh(SLAB.grid)
    if coordinates:
        data = mesh.grid.point_data
        data["transmural"] = SLAB.transmural.astype(np.float32)
        data["apicobasal"] = (SLAB.nodes_mm[:, 1] / SIZE_MM + 0.5).astype(np.float32)
        data["aha_segment"] = np.where(SLAB.nodes_mm[:, 0] > 0, 7, 8).astype(np.uint8)
    return mesh


def made(probability: np.ndarray, folder: Path, *draws: np.ndarray, mesh: LVMesh | None = None):
    mesh = mesh or slab_mesh()
    found = ElectrophysiologyMap(mesh, probability, threshold=0.5, doubt_range=(0.25, 0.75))
    for draw in draws:
        found.see(draw)
    found.write(folder)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return mesh, found, json.loads((folder / FILE).read_text(), parse_constant=refuse)


def test_a_corridor_is_in_the_mesh_the_file_and_the_tags(tmp_path: Path) -> None:
    mesh, found, content = made(CORRIDOR, tmp_path, CORRIDOR, CORRIDOR, SHUT, CORRIDOR)
    [row] = content["channels"]
    assert content["channel_draws"] == 4
    assert row["open_probability"] == 0.75
    write_mesh(tmp_path / "scar.vtu", mesh)
    data = read_mesh(tmp_path / "scar.vtu").grid.point_data
    channel = np.asarray(data["channel"])
    assert set(channel.tolist()) == {0, 1}
    np.testing.assert_array_equal(np.asarray(data["channel_open_probability"]), np.where(channel > 0, 0.75, 0))
    np.testing.assert_array_equal(np.asarray(data["scar_certainty"]), np.where(CORRIDOR > 0.9, 3, 0))
    assert "border_zone" not in data
    tags = found.element_tags()
    assert set(tags.tolist()) == {1, 3, 4}
    write_opencarp(tmp_path / "scar", mesh, tags)
    np.testing.assert_array_equal(read_opencarp(tmp_path / "scar.pts").cell_data["element_tag"], tags)


def test_the_border_zone_of_the_image_is_beside_the_scar_and_in_the_tags(tmp_path: Path) -> None:
    mesh, signal = slab_mesh(), SLAB.strip(6)
    mesh.grid.point_data["border_zone"] = signal.astype(np.uint8)
    _, found, _ = made(SHUT, tmp_path, SHUT, mesh=mesh)
    border = np.asarray(mesh.grid.point_data["border_zone"])
    np.testing.assert_array_equal(border, signal & ~SLAB.disc())
    assert border.any()
    assert ElementTag.BORDER_ZONE in found.element_tags()
    assert not (border[np.asarray(mesh.grid.point_data["scar_certainty"]) >= 2]).any()


def test_a_channel_that_most_draws_close_does_not_conduct(tmp_path: Path) -> None:
    _, found, content = made(CORRIDOR, tmp_path, SHUT, SHUT, CORRIDOR)
    assert len(content["channels"]) == 1
    assert ElementTag.CHANNEL not in found.element_tags()


def test_without_draws_a_channel_conducts_and_its_probability_is_not_known(tmp_path: Path) -> None:
    mesh, found, content = made(CORRIDOR, tmp_path)
    assert content["channels"][0]["open_probability"] is None
    shown = np.asarray(mesh.grid.point_data["channel_open_probability"])
    np.testing.assert_array_equal(np.isnan(shown), np.asarray(mesh.grid.point_data["channel"]) > 0)
    assert ElementTag.CHANNEL in found.element_tags()


def test_transmurality_is_there_by_node_and_segment(tmp_path: Path) -> None:
    scar = np.where(SLAB.disc() & (SLAB.transmural < 0.5), 0.9, 0.1)
    mesh, _, content = made(scar, tmp_path)
    share = np.asarray(mesh.grid.point_data["scar_transmurality"])
    assert share.max() == pytest.approx(0.5, abs=0.12)
    assert content["transmurality"].keys() == {"7", "8"}
    assert content["transmurality"]["7"]["transmurality_max"] == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("coordinates", [True, False])
def test_no_scar_and_nothing_but_scar_have_no_channels(value: float, coordinates: bool, tmp_path: Path) -> None:
    probability = np.full(len(SLAB.nodes_mm), value)
    mesh, found, content = made(probability, tmp_path, probability, mesh=slab_mesh(coordinates=coordinates))
    assert content["channels"] == []
    assert not np.asarray(mesh.grid.point_data["channel"]).any()
    assert set(found.element_tags().tolist()) == {3 if value else 1}
    assert ("scar_transmurality" in mesh.grid.point_data) == coordinates


def test_a_mesh_without_coordinates_has_channels_but_no_transmurality(tmp_path: Path) -> None:
    mesh, _, content = made(CORRIDOR, tmp_path, mesh=slab_mesh(coordinates=False))
    assert len(content["channels"]) == 1
    assert content["transmurality"] == {}
    assert "scar_transmurality" not in mesh.grid.point_data


def test_what_was_found_is_read_again(tmp_path: Path) -> None:
    _, _, content = made(CORRIDOR, tmp_path, CORRIDOR)
    assert read_electrophysiology(tmp_path) == content
    assert content["channel_draws"] == 1


def test_a_map_of_another_maker_has_no_word_on_channels(tmp_path: Path) -> None:
    assert read_electrophysiology(tmp_path) == {}


def test_flat_metrics_count_channels_and_open_ones() -> None:
    def counted(*shares: float | None) -> dict[str, float | None]:
        rows = [CHANNEL | {"open_probability": share} for share in shares]
        flat = flat_metrics(whole({"channels": rows}))
        return {name: flat[name] for name in ("channels", "channels_open")}

    assert counted(0.9, 0.5, 0.51) == {"channels": 3, "channels_open": 2}
    assert counted() == {"channels": 0, "channels_open": 0}
    assert counted(None) == {"channels": 1, "channels_open": None}
    assert "channels" not in flat_metrics(whole())
