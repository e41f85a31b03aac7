"""A whole cohort on one machine: what is done, what is reused, what is recorded, and the verdict."""

from __future__ import annotations

import csv
import html
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import torch

from cardioscar.errors import ConfigError, InputError, UnreachableError
from cardioscar.stages.recording import NotRecordedError, Recording, StoreFailedError
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.stages.summarize_cohort import CohortRejected
from tests.finished_run import OPTIONS, SUBJECTS, Run, content, hidden
from tests.services.store.s3 import point_at

EXPECTED = [
    "cohort.csv",
    "cohort.html",
    "cohort.json",
    "P001/field.json",
    "P001/field.safetensors",
    "P001/figures/bullseye.png",
    "P001/metrics.json",
    "P001/report.html",
    "P001/run.json",
    "P001/scar.vtu",
    "P001/status.json",
]
"""Published files of a run without 3D figures."""


def without_stamp(folder: Path) -> dict[str, bytes]:
    """Published files of a subject, but for the name of the run that vouches for them."""
    return {name: data for name, data in content(folder).items() if name != "run.json"}


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path)


@pytest.fixture
def spoilt(run: Run) -> Run:
    """A cohort with one subject whose image is cut off."""
    path = run.cohort / "P002" / "labels.nii.gz"
    path.write_bytes(path.read_bytes()[:100])
    return run


def test_results_are_the_files_that_are_promised(finished: Run) -> None:
    found = content(finished.out / "results")
    assert sorted(name for name in found if not name.startswith(("P002", "P003"))) == sorted(EXPECTED)
    assert hidden(finished.out) == []


def test_a_second_run_does_no_work(run: Run) -> None:
    files = [p for p in run.out.rglob("*") if p.is_file() and "cohort." not in p.name and p.name != "run.json"]
    before = [(p.stat().st_mtime_ns, p.stat().st_ino) for p in files]
    written = {name: (run.out / "results" / name).read_bytes() for name in ("cohort.csv", "cohort.html", "cohort.json")}
    events: list[tuple[str, str, str]] = []
    stamp = (run.result() / "run.json").read_bytes()
    done = run.again(on_event=events.append)
    assert (run.result() / "run.json").read_bytes() != stamp
    assert len({json.loads((run.result(s) / "run.json").read_text())["run_id"] for s in SUBJECTS}) == 1
    assert done.reused == 3
    assert events == [(subject, stage, "reused") for subject in SUBJECTS for stage in RECONSTRUCT.names]
    assert [(p.stat().st_mtime_ns, p.stat().st_ino) for p in files] == before
    assert {name: (run.out / "results" / name).read_bytes() for name in written} == written


def test_a_setting_is_heeded_from_its_stage_on(run: Run) -> None:
    events: list[tuple[str, str, str]] = []
    options = OPTIONS | {"infer": OPTIONS["infer"] | {"samples": 2}}
    done = run_cohort(RECONSTRUCT, run.cohort, run.out, options, subjects="P001", jobs=1, on_event=events.append)
    assert [outcome for *_, outcome in events] == ["reused", "reused", "reused", "ok", "ok"]
    assert done.reused == 0


def test_an_image_that_changes_is_heeded_from_the_first_stage_on(run: Run) -> None:
    shutil.copytree(run.cohort / "P002", run.cohort / "P001", dirs_exist_ok=True)
    done = run.again()
    assert done.reused == 2
    one, two = (pv.read(run.result(name) / "scar.vtu") for name in ("P001", "P002"))
    np.testing.assert_array_equal(one.points, two.points)
    assert one.point_data.keys() == two.point_data.keys()
    for name in one.point_data:
        np.testing.assert_array_equal(one.point_data[name], two.point_data[name])


@pytest.mark.parametrize("harm", ["a file cut off", "a file gone", "the folder gone"])
def test_results_that_are_not_what_they_were_are_published_again(run: Run, harm: str) -> None:
    before = without_stamp(run.result())
    if harm == "a file cut off":
        (run.result() / "field.safetensors").write_bytes(b"cut off")
    elif harm == "a file gone":
        (run.result() / "scar.vtu").unlink()
    else:
        shutil.rmtree(run.result())
    assert run.again().reused == 3
    assert without_stamp(run.result()) == before


def test_results_follow_a_switch_that_is_taken_back(run: Run) -> None:
    options = OPTIONS | {"infer": OPTIONS["infer"] | {"write_nifti": True, "write_opencarp": True}}
    run_cohort(RECONSTRUCT, run.cohort, run.out, options, subjects="P001", jobs=1)
    more = {"scar_probability.nii.gz", "scar.pts", "scar.elem", "scar.lon", "scar_endo.vtx", "scar_epi.vtx"}
    assert content(run.result()).keys() >= more
    run.again("P001")
    assert not content(run.result()).keys() & more


def test_one_bad_subject_is_one_row_with_its_reason(spoilt: Run) -> None:
    events: list[tuple[str, str, str]] = []
    done = spoilt.again(max_failed_fraction=0.34, on_event=events.append)
    assert [row.outcome for row in done.rows] == ["ok", "skipped", "ok"]
    assert [event[1:] for event in events if event[0] == "P002"] == [
        ("preprocess", "failed"), ("group_sort", "skipped"), ("train", "skipped"), ("infer", "skipped"),
        ("evaluate", "skipped"),
    ]  # fmt: skip
    assert done.reused == 2
    assert content(spoilt.result("P002")).keys() == {"run.json", "status.json"}
    summary = done.summary
    assert (summary["subjects"], summary["ok"], summary["failed"], summary["verdict"]) == (3, 2, 1, "accepted")
    with (spoilt.out / "results" / "cohort.csv").open(newline="", encoding="utf-8") as stream:
        [row] = [row for row in csv.DictReader(stream) if row["subject"] == "P002"]
    assert "labels.nii.gz" in "".join(row.values())
    assert "labels.nii.gz" in (spoilt.out / "results" / "cohort.html").read_text(encoding="utf-8")


def test_too_many_bad_subjects_reject_the_cohort_after_the_report(spoilt: Run) -> None:
    report = spoilt.out / "results" / "cohort.html"
    report.unlink()
    with pytest.raises(CohortRejected, match=r"^1 of 3 subjects failed \(33%\), more than max_failed_fraction 10%$"):
        spoilt.again()
    assert "labels.nii.gz" in report.read_text(encoding="utf-8")


def test_a_subject_that_was_mended_joins_the_results(spoilt: Run, finished: Run) -> None:
    spoilt.again(max_failed_fraction=1)
    shutil.copy(finished.cohort / "P002" / "labels.nii.gz", spoilt.cohort / "P002" / "labels.nii.gz")
    done = spoilt.again(max_failed_fraction=0)
    assert [row.outcome for row in done.rows] == ["ok"] * 3
    assert content(spoilt.result("P002"))["scar.vtu"] == content(finished.result("P002"))["scar.vtu"]


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"jobs": -1}, "jobs: expected 0 or more processes, found -1"),
        ({"subjects": "P001,P009"}, "P009"),
        ({"max_failed_fraction": 1.5}, "max_failed_fraction"),
        ({"recording": Recording(tracking="ftp://host")}, "tracking URI"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    finished: Run, tmp_path: Path, settings: dict[str, object], rule: str
) -> None:
    with pytest.raises(InputError, match=rule):
        Run(finished.cohort, tmp_path / "run").again(**settings)
    assert not (tmp_path / "run" / "work" / "preprocess").exists()


def test_a_slice_that_no_subject_has_is_refused_before_any_work(finished: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^holdout: expected slices that a subject has \(0 to [0-9]+\), found 99$"):
        run_cohort(RECONSTRUCT, finished.cohort, tmp_path / "run", {"preprocess": {"holdout": "3,99"}}, jobs=1)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.device_count() > 8, reason="more devices than most machines have")
@pytest.mark.parametrize("stage", ["train", "infer"])
def test_a_gpu_that_is_not_there_is_refused_before_any_work(finished: Run, tmp_path: Path, stage: str) -> None:
    with pytest.raises(ConfigError, match="^device: expected a device of this machine, found 'cuda:9'"):
        run_cohort(RECONSTRUCT, finished.cohort, tmp_path / "run", {stage: {"device": "cuda:9"}}, jobs=1)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="^device: expected a device of this machine"):
        finished.stage(stage, output=tmp_path / "out", options={"device": "cuda:9"})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{"trian": {}}, {"train": {"stpes": 3}}, {"infer": {"draws": 0}}])
def test_an_unknown_setting_is_refused_before_any_work(
    finished: Run, tmp_path: Path, options: dict[str, dict[str, object]]
) -> None:
    with pytest.raises(ConfigError, match=r"trian|stpes|draws"):
        run_cohort(RECONSTRUCT, finished.cohort, tmp_path, options, jobs=1)
    assert not (tmp_path / "work" / "preprocess").exists()


def test_results_may_go_elsewhere(finished: Run, tmp_path: Path) -> None:
    run = Run(finished.cohort, tmp_path / "run")
    run.again("P001", recording=Recording(str(tmp_path / "share")))
    published = ["P001", "cohort.csv", "cohort.html", "cohort.json"]
    assert sorted(p.name for p in (tmp_path / "share").iterdir()) == published
    assert [p.name for p in run.out.iterdir()] == ["work"]


# one by one


def table(run: Run) -> dict[str, tuple[str, str]]:
    """Outcome and run of each row of the cohort's table."""
    with (run.out / "results" / "cohort.csv").open(newline="", encoding="utf-8") as stream:
        return {row["subject"]: (row["outcome"], row["of_run"]) for row in csv.DictReader(stream)}


def test_the_table_holds_every_subject_that_the_output_holds(spoilt: Run) -> None:
    spoilt.again(max_failed_fraction=1)
    assert table(spoilt) == {"P001": ("ok", "this"), "P002": ("failed", "this"), "P003": ("ok", "this")}
    alone = run_cohort(RECONSTRUCT, spoilt.cohort / "P003", spoilt.out, OPTIONS, jobs=1)
    assert table(spoilt) == {"P001": ("ok", "earlier"), "P002": ("failed", "earlier"), "P003": ("ok", "this")}
    assert (alone.summary["subjects"], alone.summary["failed"], alone.summary["earlier"]) == (1, 0, 2)
    spoilt.again("P001")
    assert table(spoilt) == {"P001": ("ok", "this"), "P002": ("failed", "earlier"), "P003": ("ok", "earlier")}
    page = (spoilt.out / "results" / "cohort.html").read_text(encoding="utf-8")
    assert "3 subjects, 2 of earlier runs" in page
    assert "labels.nii.gz" in page  # why P002 had failed
    with pytest.raises(CohortRejected, match=r"^1 of 1 subject failed"):
        spoilt.again("P002")
    assert table(spoilt)["P002"] == ("failed", "this")


def test_a_row_of_a_refused_id_goes_when_the_id_is_mended(run: Run) -> None:
    (run.cohort / "P002").rename(run.cohort / "Jane Doe")
    run.again(max_failed_fraction=1)
    assert list(table(run)) == ["P001", "P002", "P003", "row-1"]  # P002: of an earlier run, whose folder is there
    (run.cohort / "Jane Doe").rename(run.cohort / "P004")
    run.again()
    assert list(table(run)) == ["P001", "P002", "P003", "P004"]


def test_folders_of_others_are_no_subjects(run: Run) -> None:
    for name, text in {"P007": '{"progress": 1}', "P008": "torn", "figures": None}.items():
        (run.out / "results" / name).mkdir()
        if text is not None:
            (run.out / "results" / name / "status.json").write_text(text)
    shutil.copytree(run.result("P001"), run.out / "results" / "P009")  # a copy says whose it is
    run.again("P001")
    assert list(table(run)) == list(SUBJECTS)


# records


class Server:
    """An MLflow server on loopback that answers the first questions of a run, as if it held nothing, until it dies."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                known = self.path.startswith("/health")
                body = b"OK" if known else b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}'
                self.send_response(200 if known else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def die(self, event: object = None) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("mlflow")
    made = Server()
    yield made
    made.die()


@pytest.mark.parametrize("subjects", ["", "P001"])
def test_a_dead_server_is_said_before_any_work(finished: Run, tmp_path: Path, server: Server, subjects: str) -> None:
    server.die()
    with pytest.raises(UnreachableError, match=r"^MLflow server .*connection refused"):
        Run(finished.cohort, tmp_path / "run").again(subjects, recording=Recording(tracking=server.uri))
    assert not (tmp_path / "run").exists()


def test_dead_results_are_said_before_any_work(finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at("http://127.0.0.1:9")
    monkeypatch.setattr("cardioscar.services.store.client._FIRST_PATIENCE_S", 0.1)
    with pytest.raises(UnreachableError, match=r"bucket 'hearts' at 127.0.0.1:9: connection refused"):
        Run(finished.cohort, tmp_path / "run").again(recording=Recording("s3://hearts/results"))
    assert not (tmp_path / "run").exists()


def test_a_server_that_dies_costs_no_result(run: Run, server: Server) -> None:
    for path in (run.out / "results").rglob("*"):
        if path.is_file():
            path.unlink()
    began = time.monotonic()
    with pytest.raises(NotRecordedError, match=r"not recorded in MLflow, all results .*MLflow server .*refused"):
        run.again(recording=Recording(tracking=server.uri), on_event=server.die)
    assert time.monotonic() - began < 30
    for subject in SUBJECTS:
        assert content(run.result(subject)).keys() >= {"scar.vtu", "metrics.json", "report.html"}
    assert (run.out / "results" / "cohort.html").is_file()


def test_a_rejected_cohort_is_rejected_whatever_the_server_does(spoilt: Run, server: Server) -> None:
    with pytest.raises(CohortRejected) as caught:
        spoilt.again(recording=Recording(tracking=server.uri), on_event=server.die)
    assert "connection refused" in str(caught.value.__cause__)
    assert (spoilt.out / "results" / "cohort.html").is_file()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_command_line_says_that_the_server_is_dead(
    run: Run, server: Server, capfd: pytest.CaptureFixture[str], jobs: str
) -> None:
    from cardioscar.cli import main
    from tests.finished_run import FLAGS

    server.die()
    began = time.monotonic()
    words = ["run", str(run.cohort), "-o", str(run.out), *FLAGS, f"--jobs={jobs}", f"--tracking-uri={server.uri}"]
    assert main(words) == 4
    assert time.monotonic() - began < 30
    said = capfd.readouterr()
    assert "connection refused: is the server running?" in said.err
    assert "Traceback" not in said.err


def test_a_store_that_cannot_be_used_costs_no_result(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    (tmp_path / "mlflow.db").write_text("this is no database, whatever its name may say" * 100)
    (run.out / "results" / "cohort.html").unlink()
    with pytest.raises(StoreFailedError, match=r"not recorded in MLflow, .* MLflow store mlflow\.db"):
        run.again(recording=Recording(tracking=f"sqlite:///{tmp_path}/mlflow.db"))
    assert (run.out / "results" / "cohort.html").is_file()


@pytest.mark.parametrize(
    "fault", [RuntimeError("Could not determine home directory."), KeyError("x"), OSError(28, "full")]
)
def test_whatever_mlflow_raises_costs_no_result(
    run: Run, tmp_path: Path, fault: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What MLflow raises in other places, in other versions and on other machines cannot be listed."""
    pytest.importorskip("mlflow")
    from cardioscar.cli import main
    from cardioscar.services.tracking import recording as tracking
    from tests.finished_run import FLAGS

    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(tracking, "open_run", fail)
    for name in ("cohort.html", "cohort.csv"):
        (run.out / "results" / name).unlink()
    store = f"sqlite:///{tmp_path}/store/mlflow.db"
    words = ["run", str(run.cohort), "-o", str(run.out), *FLAGS, "--jobs=1", f"--tracking-uri={store}"]
    assert main(words) == 3
    said = capsys.readouterr()
    last = said.err.splitlines()[-1]
    assert last.startswith("cardioscar: not recorded in MLflow, all results are there; ")
    assert "a fault of cardioscar itself" not in said.err
    assert "cohort report" in said.out
    assert "mlflow ui" not in said.out
    assert (run.out / "results" / "cohort.html").is_file()
    assert len((run.out / "results" / "cohort.csv").read_text().splitlines()) == 4


def test_each_subject_is_recorded_once(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    from cardioscar.services.tracking.client import TrackingTarget, connect

    target = TrackingTarget.local(tmp_path)
    events: list[tuple[str, str, str]] = []

    def again() -> int:
        events.clear()
        settings = {"recording": Recording(tracking=target.uri, experiment="records"), "on_event": events.append}
        return int(run.again(**settings).reused)

    def versions() -> Counter[str]:
        found = connect(target).search_model_versions("name = 'cardioscar-scar3d'")
        return Counter(version.tags["cs.subject"] for version in found)

    assert again() == 0
    assert [event for event in events if event[1] == "track"] == [(s, "track", "ok") for s in SUBJECTS]
    assert versions() == dict.fromkeys(SUBJECTS, 1)

    assert again() == 3
    assert [event for event in events if event[1] == "track"] == [(s, "track", "reused") for s in SUBJECTS]
    assert versions() == dict.fromkeys(SUBJECTS, 1)
    client = connect(target)
    [experiment] = [e for e in client.search_experiments() if e.name == "records"]
    runs = client.search_runs([experiment.experiment_id])
    assert Counter(r.data.tags["cs.kind"] for r in runs) == {"subject": 3, "cohort": 1}
    for of_subject in (r for r in runs if r.data.tags["cs.kind"] == "subject"):
        page = run.out / "results" / of_subject.data.tags["cs.subject"] / "report.html"
        methods = of_subject.data.tags["mlflow.note.content"].split("\n\n")[-1]
        assert "(Sen et al. 2025)" in methods
        assert methods in html.unescape(page.read_text(encoding="utf-8"))

    # a subject that is done anew is a new version of its own
    with (run.cohort / "P001" / "subject.yaml").open("a", encoding="utf-8") as stream:
        stream.write("# another day\n")
    assert again() == 2
    assert versions() == {"P001": 2, "P002": 1, "P003": 1}


def test_how_the_work_is_carried_out_does_not_change_what_it_is(finished: Run, tmp_path: Path) -> None:
    run, events = finished.copy(tmp_path), list[tuple[str, str, str]]()
    otherwise = {"checkpoint_seconds": 30.0, "subjects_together": 2, "device": "auto"}
    options = OPTIONS | {"train": OPTIONS["train"] | otherwise, "infer": OPTIONS["infer"] | {"device": "auto"}}
    run_cohort(RECONSTRUCT, run.cohort, run.out, options, jobs=1, on_event=events.append)
    assert events == [(subject, stage, "reused") for subject in SUBJECTS for stage in RECONSTRUCT.names]
