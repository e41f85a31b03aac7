"""One patient, every modality: what is there is used, what is missing is named, what fails takes nothing down."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cardioscar.activation.formats.onset_files import read_heart_onsets, write_heart_onsets
from cardioscar.errors import CardioscarError, ConfigError
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.shard.status import Status
from cardioscar.stages.activation import subject_onsets
from cardioscar.stages.networks import bundle_at
from cardioscar.stages.recording import UNPUBLISHED
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.study import network_once
from cardioscar.stages.study.modality import Modality, attempted
from cardioscar.stages.study.workflow import PLAN
from cardioscar.stages.summarize_cohort import CohortRejected
from tests.activation.tiny_networks import tiny_networks
from tests.finished_run import Run, content
from tests.stages.study import patients


def plan_of(run: Run, subject: str = "P001") -> dict[str, Any]:
    return json.loads((run.result(subject) / "plan.json").read_text(encoding="utf-8"))


def states(plan: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["state"] for one in plan["modalities"]}


def one(plan: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in plan["modalities"] if row["name"] == name)


@pytest.fixture
def run(planned: Run, tmp_path: Path) -> Run:
    """The same patients, to be spoiled and planned again."""
    return planned.copy(tmp_path)


def again(run: Run) -> list[Status]:
    try:
        return list(run_cohort(PLAN, run.cohort, run.out, run.options, jobs=1, recording=UNPUBLISHED,
                               max_failed_fraction=1.0).rows)  # fmt: skip
    except CohortRejected as error:  # pragma: no cover - the table says which
        raise AssertionError(str(error)) from error


def test_a_patient_with_everything_has_a_whole_plan(planned: Run) -> None:
    plan = plan_of(planned)
    assert states(plan) == {"scar map": "used", "LV function": "used", "activation": "used"}
    assert one(plan, "activation")["source"] == "strain"
    assert one(plan, "LV function")["source"] == "cine, labelled by a reader"
    assert plan["alignment"]["how"] == "scanner frame"
    assert plan["alignment"]["apart_mm"] < 10
    assert plan["alignment"]["size_ratio"] == pytest.approx(1, abs=0.12)
    assert {"metrics.json", "plan.json", "plan.vtu", "sites.csv", "report.html", "scar.html", "activation.html",
            "tos.csv", "cine_labels.nii.gz", "status.json", "run.json"} <= {*content(planned.result())}  # fmt: skip
    with (planned.result() / "sites.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert [float(row["score_ms"]) for row in rows] == sorted((float(row["score_ms"]) for row in rows), reverse=True)
    assert float(rows[0]["position_mm_x"]) == plan["sites"][0]["position_mm"][0]
    data = read_mesh(planned.result() / "plan.vtu", own=True).grid.point_data
    for name in ("scar_probability", "tos_ms", "tos_sd_ms", "lateness_ms", "score_ms", "site_allowed", "site_rank"):
        assert np.isfinite(np.asarray(data[name])).all(), name
    assert sorted(np.unique(np.asarray(data["site_rank"]))) == [0, 1, 2, 3]
    # a site stands where the field of scores is high, on wall that the rules leave
    node = plan["sites"][0]["node"]
    assert np.asarray(data["site_allowed"])[node] == 1
    metrics = json.loads((planned.result() / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["texts"] == {"modalities": "scar map, LV function, activation", "frames": "scanner frame"}
    assert 5 < metrics["numbers"]["lv_ef_percent"] < 75
    assert metrics["numbers"]["scar_ml"] > 0


def test_the_page_names_everything_and_asks_for_nothing(planned: Run) -> None:
    page = (planned.result() / "report.html").read_text(encoding="utf-8")
    for text in ("Sites for a lead", "Corridors through scar", "How strain and wall were brought together",
                 "both lie in the frame of the scanner", 'href="scar.html"', 'href="activation.html"'):  # fmt: skip
        assert text.lower() in page.lower(), text
    assert "http://" not in page
    assert "https://" not in page


def test_with_true_onsets_the_true_best_site_is_found(tmp_path: Path) -> None:
    """Onsets that a person has corrected count; a septum marked 30° off is brought back by the scanner's frame."""
    scan = patients.PatientScan(heights=(0.2, 0.4, 0.6, 0.8), septum_deg=30.0, shift_mm=1.0, tilt_deg=1.0)
    for number in (2, 5):
        patients.write(tmp_path / "cohort" / f"P{number:03d}", number, truth=True, scan=scan)
    run = Run(tmp_path / "cohort", tmp_path / "run", PLAN, patients.options(_network(tmp_path)))
    assert {row.outcome for row in again(run)} == {"ok"}
    turned = []
    for subject in ("P002", "P005"):
        best = json.loads((run.cohort / subject / "phantom.json").read_text())["best_site"]
        plan = plan_of(run, subject)
        apart = [np.linalg.norm(np.subtract(site["position_mm"], best["position_mm"])) for site in plan["sites"]]
        assert min(apart) < 15, f"{subject}: {min(apart):.0f} mm"
        turned.append(abs(plan["alignment"]["turn_deg"]))
    assert min(turned) > 20


def test_what_is_missing_is_named_and_what_is_there_is_used(run: Run) -> None:
    folder = run.cohort / "P001"
    for name in ("lge.nii.gz", "labels.nii.gz", "mesh.vtu", "truth.vtu", "strain.npz"):
        (folder / name).unlink()
    (folder / "subject.yaml").write_text("{}\n")
    row = next(row for row in again(run) if row.subject == "P001")
    assert row.outcome == "ok"
    plan = plan_of(run)
    assert states(plan) == {"scar map": "missing", "LV function": "used", "activation": "used"}
    assert one(plan, "scar map")["why"] == "no late enhancement (lge.*, labels.*, scar.*)"
    assert one(plan, "activation")["source"] == "contours of the cine"
    assert plan["wall"]["source"] == "labels of the cine"
    assert plan["sites"]
    assert plan["corridors"] == []
    assert plan["qc"]["verdict"] == "review"
    assert any("nothing is known of scar" in reason for reason in plan["qc"]["reasons"])
    assert any("contours of the cine" in reason for reason in plan["qc"]["reasons"])


def test_a_scar_map_alone_has_corridors_and_no_sites(run: Run) -> None:
    for name in ("cine.nii.gz", "cine_labels.nii.gz", "strain.npz"):
        (run.cohort / "P002" / name).unlink()
    again(run)
    plan = plan_of(run, "P002")
    assert states(plan) == {"scar map": "used", "LV function": "missing", "activation": "missing"}
    assert plan["sites"] == []
    assert "activation is not there" in (run.result("P002") / "report.html").read_text(encoding="utf-8")


def test_a_cut_off_strain_gives_way_to_contours(run: Run) -> None:
    path = run.cohort / "P001" / "strain.npz"
    path.write_bytes(path.read_bytes()[:500])
    rows = {row.subject: row for row in again(run)}
    assert {row.outcome for row in rows.values()} == {"ok"}
    plan = plan_of(run)
    assert states(plan)["activation"] == "used"
    assert one(plan, "activation")["source"] == "contours of the cine"
    warned = json.loads((run.result() / "metrics.json").read_text())["warnings"]
    assert any("strain is not used" in row["text"] and "a complete .npz file" in row["text"] for row in warned)
    assert states(plan_of(run, "P002"))["activation"] == "used"


def test_corrected_onsets_count_where_activation_is_told_by_contours(run: Run) -> None:
    folder = run.cohort / "P001"
    (folder / "strain.npz").unlink()
    again(run)
    by_network = read_heart_onsets(run.result() / "tos.csv")
    corrected = [replace(one, tos_ms=np.full_like(one.tos_ms, 61.0)) for one in by_network]
    corrected = [replace(one, low_ms=one.tos_ms - 5, high_ms=one.tos_ms + 5) for one in corrected]
    write_heart_onsets(folder / "tos.csv", corrected)
    again(run)
    assert one(plan_of(run), "activation")["source"] == "contours of the cine"
    for told in read_heart_onsets(run.result() / "tos.csv"):
        np.testing.assert_array_equal(told.tos_ms, 61.0)
    # a table of other slices is refused, and that is said
    write_heart_onsets(folder / "tos.csv", corrected[:1])
    again(run)
    found = one(plan_of(run), "activation")
    assert found["state"] == "failed"
    assert "tos: expected onsets of" in found["why"]


def test_onsets_of_strain_that_is_not_used_are_not_those_of_contours(run: Run) -> None:
    folder = run.cohort / "P001"
    onsets = read_heart_onsets(run.result() / "tos.csv")
    write_heart_onsets(folder / "tos.csv", onsets)
    (folder / "strain.npz").write_bytes(b"nothing of that kind")
    again(run)
    assert one(plan_of(run), "activation")["source"] == "contours of the cine"
    warned = json.loads((run.result() / "metrics.json").read_text())["warnings"]
    assert any("is not used: it belongs to the strain" in row["text"] for row in warned)


def test_cut_off_late_enhancement_leaves_function_and_activation(run: Run) -> None:
    for name in ("labels.nii.gz", "lge.nii.gz"):
        path = run.cohort / "P001" / name
        path.write_bytes(path.read_bytes()[:200])
    again(run)
    plan = plan_of(run)
    assert states(plan) == {"scar map": "failed", "LV function": "used", "activation": "used"}
    assert "labels.nii.gz" in one(plan, "scar map")["why"]
    assert plan["wall"]["source"] == "mesh"
    assert plan["qc"]["verdict"] == "review"
    assert plan["qc"]["reasons"][0].startswith("no scar map: ")


def test_hearts_of_two_people_are_not_joined(run: Run) -> None:
    path = run.cohort / "P001" / "strain.npz"
    with np.load(path) as stored:
        radius = stored["radius_mm"] * 1.7
    patients.respoken(path, radius_mm=radius)
    again(run)
    plan = plan_of(run)
    assert plan["qc"]["verdict"] == "fail"
    assert plan["sites"] == []
    assert any("those of two people" in reason for reason in plan["qc"]["reasons"])
    assert states(plan)["scar map"] == "used"


def test_strain_without_a_place_is_said(run: Run) -> None:
    path = run.cohort / "P001" / "strain.npz"
    patients.respoken(path, location_mm=None, center_mm=None, long_axis=None, septum_direction=None)
    for name in ("cine.nii.gz", "cine_labels.nii.gz"):
        (run.cohort / "P001" / name).unlink()
    again(run)
    plan = plan_of(run)
    assert states(plan)["activation"] == "failed"
    assert "location" in one(plan, "activation")["why"]
    assert plan["qc"]["verdict"] == "review"


def test_a_folder_of_which_nothing_can_be_used_is_one_row(run: Run) -> None:
    folder = run.cohort / "P001"
    for name in ("labels.nii.gz", "lge.nii.gz", "strain.npz", "cine.nii.gz", "cine_labels.nii.gz", "mesh.vtu"):
        (folder / name).write_bytes(b"nothing of that kind")
    (run.cohort / "P003").mkdir()
    (run.cohort / "P003" / "mesh.vtu").write_bytes((run.cohort / "P002" / "mesh.vtu").read_bytes())
    rows = {row.subject: row for row in again(run)}
    assert (rows["P001"].outcome, rows["P002"].outcome, rows["P003"].outcome) == ("failed", "ok", "skipped")
    assert rows["P001"].error is not None
    assert rows["P001"].error.message.startswith("P001: expected a modality that can be used, found no scar map: ")
    assert rows["P003"].error is not None
    assert "one of lge.*, labels.*, scar.*, cine.*" in rows["P003"].error.message


def test_unknown_settings_are_refused_before_any_work(planned: Run, tmp_path: Path) -> None:
    with pytest.raises(CardioscarError, match="plan: sites: expected one of the keys .*unknown key 'septum'"):
        run_cohort(PLAN, planned.cohort, tmp_path / "out", {"plan": {"sites": {"septum": 3}}}, jobs=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("stage", "settings"),
    [
        ("study_scar", {"segment": {"device": "cuda:99"}}),
        ("study_scar", {"train": {"device": "cuda:99"}}),
        ("study_function", {"quantify": {"device": "cuda:99"}}),
    ],
)
def test_a_device_that_is_not_there_is_no_patients_fault(
    stage: str, settings: dict[str, Any], planned: Run, tmp_path: Path
) -> None:
    places: dict[str, Any] = {"cohort": planned.cohort}
    for work in (
        lambda: PLAN[stage].check_machine(settings),
        lambda: PLAN[stage].run(places, ["P001"], tmp_path / "out", settings),
    ):
        with pytest.raises(ConfigError, match="device: expected a device of this machine, found 'cuda:99'"):
            work()
    assert not (tmp_path / "out").exists()


def test_settings_that_cannot_be_had_are_no_failed_modality() -> None:
    def refused() -> Modality:
        raise ConfigError("device", "a device of this machine", "none")

    with pytest.raises(ConfigError):
        attempted("LV function", refused)


def test_settings_of_a_patient_do_not_depend_on_the_others_of_the_shard(planned: Run, tmp_path: Path) -> None:
    network = _network(tmp_path)
    places: dict[str, Any] = {"cohort": planned.cohort, "functions": planned.artifact("study_function")}
    settings = {"detect": {"network": str(network), "figures": False, "explain": False}, "contours": False}
    cohort = tmp_path / "cohort"
    shutil.copytree(planned.cohort, cohort)
    (cohort / "P001" / "strain.npz").unlink()
    places["cohort"] = cohort
    together = PLAN["study_activation"].run(places, ["P001", "P002"], tmp_path / "together", settings)
    assert [row.subject for row in together] == ["P001", "P002"]
    alone = PLAN["study_activation"].run(places, ["P001"], tmp_path / "alone", settings)
    assert together[0].config_sha256 == alone[0].config_sha256
    assert [row.config["detect"]["network"][:7] for row in together] == ["none", "sha256:"]
    # nobody asks for a network that nobody needs
    shutil.rmtree(network)
    PLAN["study_activation"].run(places, ["P001"], tmp_path / "without", settings)
    with pytest.raises(CardioscarError, match="network: expected a folder"):
        PLAN["study_activation"].run(places, ["P002"], tmp_path / "without", settings)


def test_the_network_that_is_recorded_is_the_one_that_is_used(
    planned: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another network lies under the address by the time that the first patient's turn comes."""
    network = _network(tmp_path)
    sha256 = bundle_at(str(network), "activation").sha256
    resolved = network_once.resolve_network

    def then_exchanged(*given: Any) -> Any:
        found = resolved(*given)
        shutil.rmtree(network)
        tiny_networks(network, steps=5)
        return found

    monkeypatch.setattr(network_once, "resolve_network", then_exchanged)
    used: list[str] = []
    onsets = subject_onsets.onsets_of
    monkeypatch.setattr(subject_onsets, "onsets_of", lambda *given: (used.append(given[2].sha256), onsets(*given))[1])
    places: dict[str, Any] = {"cohort": planned.cohort, "functions": planned.artifact("study_function")}
    settings = {"detect": {"network": str(network), "figures": False, "explain": False}}
    [row] = PLAN["study_activation"].run(places, ["P001"], tmp_path / "out", settings)
    assert row.config["detect"]["network"] == f"sha256:{sha256}"
    assert bundle_at(str(network), "activation").sha256 != sha256
    assert used == [sha256]


def _network(folder: Path) -> Path:
    return tiny_networks(folder / "network", steps=4)


def test_the_page_of_a_cine_has_the_link_that_a_plan_leaves_out() -> None:
    from cardioscar.report.page import template_source
    from cardioscar.stages.study.study_function import _TABLE_LINK

    assert template_source("lvquant.html").count(_TABLE_LINK) == 1
