"""A family that is declared is listed, worked on, published and summarised, and no room of the platform knows it."""

from __future__ import annotations

import ast
import csv
import json
from pathlib import Path

import pytest

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.selection import costs, select
from cardioscar.errors import ConfigError, InputError
from cardioscar.identity.erasable import FamilyNames, check_erasable, check_one_subject
from cardioscar.results.opening import read_results
from cardioscar.results.table import drop_subject
from cardioscar.results.terminal import print_cohort
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.services.tracking import registry
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.shard.own_files import strangers_in
from cardioscar.stages import list_subjects
from cardioscar.stages.recording import Recording
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.run.subject import Event
from cardioscar.stages.scar3d.workflow import RECONSTRUCT, SCAR_FIELD
from tests.stored import put
from tests.toy_family.case import Case
from tests.toy_family.workflow import AREA, LAYOUT, QUANTIFY

ROOT = Path(__file__).resolve().parents[3] / "cardioscar"


def subject(cohort: Path, name: str, **files: str) -> None:
    (cohort / name).mkdir(parents=True)
    for role, text in ({"cine_nii": "voxels", "contours_txt": "1 2 3"} | files).items():
        if text:
            (cohort / name / role.replace("_", ".")).write_text(text)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    subject(tmp_path / "cohort", "C1", cine_nii="many voxels", case_yaml="heart_rate: 120\n")
    subject(tmp_path / "cohort", "C2")
    return tmp_path / "cohort"


def test_its_cohort_obeys_its_layout(cohort: Path) -> None:
    subject(cohort, "C3", contours_txt="")
    subject(cohort, "C4", cine_nii="", Cine_nii="x")
    subject(cohort, "C5", mesh_dat="nobody's", labels_nii="nobody's", subject_yaml="nobody's: 1")
    subject(cohort, "C6", case_yml="heart_rate: 1")
    subject(cohort, "C7", case_yaml="heart_rate: -1")
    source = open_cohort(cohort, LAYOUT)
    assert {entry.subject: str(entry.problem) for entry in source.listed() if entry.problem} == {
        "C3": "C3: expected a contours.txt, found cine",
        "C4": "C4: expected the name cine.nii, found Cine.nii",
        "C6": "C6: expected the name case.yaml, found case.yml",
    }
    assert costs(select(source, "C1,C2"), source.layout) == [("C1", 11.0), ("C2", 6.0)]
    with source.files(["C1", "C2", "C7"], ("contours",)) as found:
        own = {entry.subject: entry for entry in found if not entry.problem}
    assert (own["C1"].settings(), own["C2"].settings()) == (Case(120.0), Case())
    with pytest.raises(ConfigError, match=r"^case\.yaml: heart_rate: expected a positive number"):
        own["C7"].settings()
    assert list_subjects.run(cohort, 1, "C1,C2", family=QUANTIFY) == [["C1"], ["C2"]]


def test_its_manifest_has_its_columns(cohort: Path) -> None:
    (cohort / "cohort.csv").write_text("subject,cine,contours,settings\nA,C1/cine.nii,C2/contours.txt,C1/case.yaml\n")
    with open_cohort(cohort, LAYOUT).files(["A"], ("contours",)) as [entry]:
        assert {role: path.parent.name for role, path in entry.checked().items()} == {
            "cine": "C1", "contours": "C2", "case.yaml": "C1",
        }  # fmt: skip
    (cohort / "cohort.csv").write_text("subject,cine,mesh\nA,C1/cine.nii,C1/mesh.vtu\n")
    with pytest.raises(Exception, match="expected columns subject, cine, contours, settings"):
        open_cohort(cohort, LAYOUT).listed()


def test_its_cohort_lies_in_a_store(bucket: S3Place) -> None:
    at = bucket / "cines"
    for name, text in {"cine.nii": "voxels", "contours.txt": "7", "case.yaml": "heart_rate: 30\n"}.items():
        put(at / "C1" / name, text.encode())
    source = open_cohort(str(at), LAYOUT)
    assert [entry.sizes for entry in source.listed()] == [{"cine": 6, "contours": 1}]
    with source.files(["C1"], ("contours",)) as [entry]:
        assert (entry.files["contours"].read_text(), entry.settings()) == ("7", Case(30.0))
        assert entry.files["cine"].read_bytes() == b""  # nobody wanted to read it


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_of_it_publishes_and_summarises(cohort: Path, tmp_path: Path, jobs: int) -> None:
    subject(cohort, "C3", contours_txt="one")
    events: list[Event] = []
    out = tmp_path / "out"
    run = run_cohort(QUANTIFY, cohort, out, {}, jobs=jobs, max_failed_fraction=0.5)
    assert [(row.subject, row.stage, row.outcome) for row in run.rows] == [
        ("C1", "conclude", "ok"), ("C2", "conclude", "ok"), ("C3", "conclude", "skipped"),
    ]  # fmt: skip
    found = {path.relative_to(out / "results").as_posix() for path in (out / "results").rglob("*") if path.is_file()}
    assert found == {
        *(f"{name}/{file}" for name in ("C1", "C2") for file in ("metrics.json", "map.bin", "run.json", "status.json")),
        "C3/status.json", "C3/run.json", "cohort.csv", "cohort.html", "cohort.json",
    }  # fmt: skip
    assert json.loads((out / "results/C1/metrics.json").read_text())["area"] == 720.0
    with (out / "results" / "cohort.csv").open(newline="", encoding="utf-8") as stream:
        table = {row["subject"]: row for row in csv.DictReader(stream)}
    assert {name: row["outcome"] for name, row in table.items()} == {"C1": "ok", "C2": "ok", "C3": "failed"}
    words = ["qc", "size", "reasons", "area_mm2", "beats", "report", "of_run", "signed_off", "signoff_note"]
    assert list(table["C1"])[5:] == words
    assert [(row["area_mm2"], row["size"]) for row in table.values()] == [("720.0", "large"), ("360.0", ""), ("", "")]
    assert {name: value for name, value in run.summary.items() if name.startswith(("mean_", "median_"))} == {
        "mean_area_mm2": 540.0, "median_area_mm2": 540.0, "median_beats": 60.0,
    }  # fmt: skip
    page = (out / "results" / "cohort.html").read_text()
    assert all(words in page for words in ("Area, mm²", "<h3>Area</h3>", ">Size<", "Areas are sums of contours."))
    assert not any(words in page for words in ("Dice", "Septum", "scar is"))
    run_cohort(QUANTIFY, cohort, out, {}, jobs=1, max_failed_fraction=0.5, on_event=events.append)
    assert [event for event in events if event[0] != "C3"] == [
        (name, stage, "reused") for name in ("C1", "C2") for stage in ("measure", "conclude")
    ]


def test_its_table_is_drawn_again_by_who_does_not_know_it(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "out" / "results"
    run_cohort(QUANTIFY, cohort, tmp_path / "out", {}, jobs=1)
    print_cohort(read_results(results), "")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[:4]]
    assert lines[:2] + lines[3:] == [["area"], ["subject", "QC", "beats", "mm²"], ["C1", "pass", "60", "720.0"]]
    assert drop_subject(results, "C1")
    table = (results / "cohort.csv").read_text()
    assert (table.splitlines()[0].split(",")[8], "C1" in table, "360.0" in table) == ("area_mm2", False, True)
    assert "Areas are sums of contours." in (results / "cohort.html").read_text()


def test_a_run_of_it_is_recorded_as_its_own(cohort: Path, tmp_path: Path) -> None:
    target = TrackingTarget.local(tmp_path / "store", "cines")
    recording = Recording(tracking=target.uri, experiment="cines")
    run_cohort(QUANTIFY, cohort, tmp_path / "out", {}, jobs=1, recording=recording)
    found = {row.subject: (row.metrics, row.texts) for row in registry.find(target, AREA)}
    assert found == {"C1": ({"area_mm2": 720.0}, {"size": "large"}), "C2": ({"area_mm2": 360.0}, {"size": ""})}
    assert registry.find(target, SCAR_FIELD) == []
    loaded = registry.load(target, AREA, subject="C1", destination=tmp_path / "loaded")
    assert (loaded / "map.bin").read_bytes() == bytes(8)


def test_its_torn_row_is_told_from_somebody_elses_files(tmp_path: Path) -> None:
    folder = tmp_path / "C1"
    folder.mkdir()
    (folder / "status.json").write_text("{")
    (folder / "map.bin").write_text("ours")
    assert strangers_in(folder, QUANTIFY.results) == []
    with pytest.raises(Exception, match=r"found map\.bin; name another folder"):
        strangers_in(folder, RECONSTRUCT.results)


@pytest.mark.parametrize(
    ("options", "finding"),
    [
        ({"measure": {"factor": 2_000.0}}, "factor: expected what this machine can hold, found 2000"),
        ({"measure": {"factor": 2.0}}, "factor: expected another number than that of the subjects, found 2"),
        ({"train": {}}, "options: expected one of the stages measure, conclude, found 'train'"),
    ],
)
def test_its_stages_refuse_before_any_work(
    cohort: Path, tmp_path: Path, options: dict[str, dict[str, object]], finding: str
) -> None:
    with pytest.raises(ConfigError) as error:
        run_cohort(QUANTIFY, cohort, tmp_path / "out", options)
    assert str(error.value) == finding
    assert not (tmp_path / "out").exists()


def test_its_names_keep_an_erasure_from_folders_of_subjects() -> None:
    names = FamilyNames(frozenset(QUANTIFY.names), frozenset(LAYOUT.endings), frozenset(LAYOUT.folders))
    for taken in ("measure", "Conclude", "cine", "results"):
        with pytest.raises(InputError, match="a folder of cardioscar's own"):
            check_erasable(taken, names)
    check_one_subject("P1", ["cine/1.dcm", "map.bin", "status.json"], "P1", "P1", names)
    with pytest.raises(InputError, match="one that holds folders of subjects"):
        check_one_subject("P1", ["C1/cine.nii"], None, "P1", names)


@pytest.mark.parametrize(
    "room",
    [
        "cohort", "identity/erasable.py", "shard", "results", "services", "workflow.py", "report/cohort*.py",
        "stages/run", "stages/[!f]*.py", "commands/run_workflow.py", "commands/options.py", "commands/actions.py",
    ],
)  # fmt: skip
def test_the_platform_names_no_role_and_no_stage(room: str) -> None:
    """Texts of the code; what docstrings tell as an example is not meant."""
    names = {*RECONSTRUCT.layout.endings, *RECONSTRUCT.names, *RECONSTRUCT.results.earlier, "scar3d"}
    paths = [path for place in ROOT.glob(room) for path in ([place] if place.is_file() else place.rglob("*.py"))]
    assert paths
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not texts & names, path.name
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not [name for name in modules if "scar3d" in name], path.name
