"""Late activation of a cohort: what its results say, whoever told the onsets, and what a subject's page shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from cardioscar.activation.formats.heart_files import write_heart
from cardioscar.activation.formats.onset_files import read_heart_onsets
from cardioscar.activation.phantoms.patient import phantom_patient
from cardioscar.errors import InputError
from cardioscar.imaging.formats.cine_files import write_cine
from cardioscar.imaging.formats.mesh_files import write_mesh
from cardioscar.phantom.config import PhantomConfig
from cardioscar.shard.status import Status
from cardioscar.stages.activation.subject_record import conclude, subject_record
from cardioscar.stages.activation.workflow import DETECT
from tests.activation import tiny_networks
from tests.activation.drawn_strain import beat
from tests.activation.formats.test_label_files import beating_labels


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_networks.tiny_networks(tmp_path_factory.mktemp("networks") / "bundle")


def detect(cohort: Path, work: Path, network: Path, **settings: object) -> dict[str, Status]:
    """Both stages over all subjects of a folder."""
    from cardioscar.stages.recording import UNPUBLISHED

    options = {"detect": {"network": str(network), "figures": False} | settings}
    subjects = sorted(one.name for one in cohort.iterdir())
    rows = DETECT.run(cohort, subjects, work, options, recording=UNPUBLISHED)
    return {row.subject: row for row in rows}


def metrics(work: Path, subject: str) -> dict:
    return json.loads((work / "detect" / subject / "metrics.json").read_text(encoding="utf-8"))


def test_each_source_of_strain_is_a_subject(tmp_path, network):
    cohort = tiny_networks.write_cohort(tmp_path / "cohort", 1)
    for name in ("LABELS", "SLICES", "ONE"):
        (cohort / name).mkdir()
    write_cine(cohort / "LABELS" / "labels.nii.gz", beating_labels())
    (cohort / "SLICES" / "strain").mkdir()
    for number in range(2):
        write_heart(cohort / "SLICES" / "strain" / f"s{number}.npz", [beat(126, location_mm=20.0 + 25 * number)])
    write_heart(cohort / "ONE" / "strain.npz", [beat(126)])
    rows = detect(cohort, tmp_path / "work", network)
    assert {name: row.outcome for name, row in rows.items()} == dict.fromkeys(("LABELS", "SLICES", "ONE", "P001"), "ok")
    found = {name: metrics(tmp_path / "work", name) for name in rows}
    assert {name: len(one["slices"]) for name, one in found.items()} == {"LABELS": 3, "SLICES": 2, "ONE": 1, "P001": 3}
    assert found["ONE"]["map"] is None
    assert found["ONE"]["no_map"] == "one slice; a map along the ventricle takes two and more"
    assert found["ONE"]["qc"]["verdict"] == "review"
    assert found["P001"]["network_sha256"]
    assert not (tmp_path / "work" / "detect" / "ONE" / "activation.vtu").exists()
    truth = [one.measured.tos_ms for one in tiny_networks.hearts(0)]
    told = read_heart_onsets(tmp_path / "work" / "detect" / "P001" / "tos.csv")
    assert np.mean([np.abs(one.tos_ms - true).mean() for one, true in zip(told, truth, strict=True)]) < 40


def test_bad_subjects_get_one_row_each_and_the_others_go_on(tmp_path, network):
    cohort = tiny_networks.write_cohort(tmp_path / "cohort", 1)
    one = beat(126)
    strain, times = one.circumferential, one.frame_ms
    bad = {
        "NAN": ({"strain": np.where(np.arange(20) == 3, np.nan, strain), "frame_ms": times}, "not finite"),
        "PERCENT": ({"strain": 100 * strain, "frame_ms": times}, "(percent?)"),
        "TURNED": ({"strain": strain.T, "frame_ms": times}, "frames × sectors (transposed)"),
        "SHORT": ({"strain": strain[:, :5], "frame_ms": times[:5]}, "8 frames and more, found 5"),
        "SIGN": ({"strain": -strain, "frame_ms": times}, "(the other sign?)"),
        "NOTIMES": ({"strain": strain}, "frame times in ms (frame_ms), found none"),
    }
    for name, (content, _) in bad.items():
        (cohort / name).mkdir()
        np.savez(cohort / name / "strain.npz", **content)
    (cohort / "TOS").mkdir()
    write_heart(cohort / "TOS" / "strain.npz", [one])
    (cohort / "TOS" / "tos.csv").write_text("sector,tos_ms\n0,40\n")
    rows = detect(cohort, tmp_path / "work", network)
    assert rows["P001"].outcome == "ok"
    for name, (_, says) in bad.items():
        error = rows[name].error
        assert error is not None
        assert (rows[name].outcome, error.stage, error.kind) == ("skipped", "measure_strain", "input")
        assert says in error.message
        assert error.message.startswith("strain")
    assert rows["TOS"].error is not None
    assert "a table of onsets with the columns sector, tos_ms, low, high, class" in rows["TOS"].error.message


def test_a_mesh_of_the_subject_is_what_the_map_lies_on(tmp_path, network):
    cohort = tiny_networks.write_cohort(tmp_path / "cohort", 1)
    patient = phantom_patient(1, PhantomConfig(nodes=1_500))
    write_mesh(cohort / "P001" / "mesh.vtu", patient.mesh)
    septum, axis = patient.coordinates.septum_direction.tolist(), patient.coordinates.long_axis.tolist()
    (cohort / "P001" / "activation.yaml").write_text(f"septum_direction: {septum}\napex_to_base: {axis}\n")
    assert detect(cohort, tmp_path / "work", network)["P001"].outcome == "ok"
    grid = pv.read(tmp_path / "work" / "detect" / "P001" / "activation.vtu")
    assert grid.n_points == patient.mesh.n_nodes
    found = metrics(tmp_path / "work", "P001")["map"]
    assert (found["usual_wall"], found["placed_by"]) == (False, "assumed")
    np.testing.assert_allclose(grid.point_data["rotational"], patient.coordinates.rotational, atol=1e-3)


def test_a_wall_that_does_not_shorten_fails_and_is_no_failed_subject(tmp_path, network):
    (tmp_path / "cohort" / "STILL").mkdir(parents=True)
    still = beat(126)
    write_heart(tmp_path / "cohort" / "STILL" / "strain.npz", [_scaled(still, 0.05)])
    row = detect(tmp_path / "cohort", tmp_path / "work", network)["STILL"]
    found = metrics(tmp_path / "work", "STILL")
    assert (row.outcome, found["qc"]["verdict"]) == ("ok", "fail")
    assert "does not shorten" in found["qc"]["reasons"][0]


def _scaled(one, factor: float):
    from dataclasses import replace

    return replace(one, circumferential=factor * one.circumferential)


def test_the_page_holds_its_pictures_and_says_who_told_the_onsets(tmp_path, network):
    cohort = tiny_networks.write_cohort(tmp_path / "cohort", 1)
    detect(cohort, tmp_path / "work", network, figures=True, explain=False)
    folder = tmp_path / "work" / "detect" / "P001"
    assert {one.name for one in (folder / "figures").iterdir()} == {"matrix.png", "curves.png", "map.png"}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") == 3
    assert "told by the networks" in page
    assert 'src="http' not in page


def test_what_is_recorded_and_concluded(tmp_path, network):
    cohort = tiny_networks.write_cohort(tmp_path / "cohort", 1)
    row = detect(cohort, tmp_path / "work", network)["P001"]
    record = subject_record(row, "trial", [tmp_path / "work" / name for name in DETECT.names])
    assert record.has_model is False
    assert {"report.html", "metrics.json", "tos.csv", "activation.vtu"} <= set(record.artifacts)
    found = conclude(metrics(tmp_path / "work", "P001"))
    assert set(found.numbers) == set(DETECT.columns.by_key)
    assert record.metrics["late_percent"] == found.numbers["late_percent"]
    with pytest.raises(InputError, match="metrics.json"):
        conclude({"subject": "P001"} | {"unknown": 1})
