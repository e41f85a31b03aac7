"""What the image says of itself, and the border zone at the nodes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.volume_files import read_labels
from cardioscar.imaging.labels import WALL
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.thresholds import scar_by_signal
from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig
from cardioscar.scar3d.observation.scar_source import ScarSource, find_scar
from cardioscar.scar3d.observation.signal import REACH_MM, signal_facts


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    config = PhantomConfig(
        subjects=1, nodes=4_000, scar="smooth", spacing_mm=(8.0, 8.0), thickness_mm=(8.0, 8.0), seed=3
    )
    write_cohort(folder, config)
    return folder / "P001"


def source(subject: Path, target: str, *, image: bool = True) -> tuple[ScarSource, LVMesh]:
    names = {"labels": "labels.nii.gz", "scar": "scar.nii.gz"} | ({"lge": "lge.nii.gz"} if image else {})
    files = {role: subject / name for role, name in names.items()}
    mesh = read_mesh(subject / "mesh.vtu")
    labels = read_labels(files["labels"], "cardioscar")
    found = find_scar(files, labels, mesh, target=target, n_sd=5.0, thickness_mm=None, mesh_frame="LPS")  # type: ignore[arg-type]
    return found, mesh


@pytest.mark.parametrize(
    ("target", "rule", "thresholded"),
    [("labels", "fwhm", False), ("probability", "fwhm", False), ("fwhm", "fwhm", True), ("nsd", "nsd", True)],
)
def test_thresholds_are_those_of_the_image(subject: Path, target: str, rule: str, thresholded: bool) -> None:
    given, mesh = source(subject, target)
    facts = signal_facts(given, given.stack, set(), mesh, n_sd=5.0)
    assert facts is not None
    assert facts["rule"] == rule
    lge, wall = given.lge, np.isin(read_labels(subject / "labels.nii.gz", "cardioscar").values, WALL)
    assert lge is not None
    expected = scar_by_signal(lge, wall, rule=rule)  # type: ignore[arg-type]
    assert facts["remote_mean"] == pytest.approx(expected.remote_mean, rel=1e-4)
    assert facts["remote_sd"] == pytest.approx(expected.remote_sd, rel=1e-4)
    assert facts["scar_threshold"] == (pytest.approx(expected.threshold, rel=1e-4) if thresholded else None)
    for zone in facts["border_zones"].values():
        assert zone["lower"] < zone["upper"]
        assert zone["slabs_ml"] > 0


def test_nodes_of_the_border_zone_lie_about_the_core_and_add_up_to_the_slabs(subject: Path) -> None:
    given, mesh = source(subject, "fwhm")
    facts = signal_facts(given, given.stack, set(), mesh, n_sd=5.0)
    assert facts is not None
    border = np.asarray(mesh.grid.point_data["border_zone"]) > 0
    # slices of 8 mm that touch: the slabs hold the whole wall but for its ends
    ml = float(mesh.node_volumes_ml[border].sum())
    assert ml == pytest.approx(facts["border_zones"]["fwhm"]["slabs_ml"], rel=0.5)
    truth = np.asarray(read_mesh(subject / "truth.vtu").grid.point_data["scar_truth"]) >= 0.5
    apart = np.linalg.norm(mesh.nodes_mm[border][:, None] - mesh.nodes_mm[truth][None], axis=2).min(axis=1)
    assert np.percentile(apart, 90) < 6.0


def test_without_an_image_there_is_no_word_and_no_array(subject: Path) -> None:
    given, mesh = source(subject, "labels", image=False)
    assert signal_facts(given, given.stack, set(), mesh, n_sd=5.0) is None
    assert "border_zone" not in mesh.grid.point_data


def test_hidden_slices_play_no_part(subject: Path) -> None:
    given, mesh = source(subject, "fwhm")
    hidden = {2, 4}
    visible = given.stack.only({s.number for s in given.stack} - hidden)
    facts = signal_facts(given, visible, hidden, mesh, n_sd=5.0)
    assert given.lge is not None
    bright = given.lge.values.copy()
    bright[:, :, sorted(hidden)] *= 7
    again = signal_facts(replace(given, lge=replace(given.lge, values=bright)), visible, hidden, mesh, n_sd=5.0)
    assert facts == again
    assert facts != signal_facts(given, given.stack, set(), mesh, n_sd=5.0)


def test_tissue_far_from_any_pixel_is_no_border_zone(subject: Path) -> None:
    given, mesh = source(subject, "fwhm")
    far = LVMesh(mesh.grid.copy(), "mesh.vtu")
    far.grid.points = np.asarray(mesh.grid.points) + np.array([REACH_MM * 30, 0, 0])
    assert signal_facts(given, given.stack, set(), far, n_sd=5.0) is not None
    assert not np.asarray(far.grid.point_data["border_zone"]).any()
