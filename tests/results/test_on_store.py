"""The stages over a cohort in an object store, with their results in one: as on a disk, and nothing written twice."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from pathlib import Path

import pytest

from cardioscar.errors import UnreachableError
from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.shard.status import read_status
from cardioscar.stages import list_subjects, summarize_cohort
from cardioscar.stages.recording import Recording
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d import evaluate, preprocess
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.stages.summarize_cohort import CohortRejected
from tests.finished_run import OPTIONS, Run, content
from tests.stored import objects, put, put_folder, requests, written

summarize_cohort_of_scar = partial(summarize_cohort.run, family=RECONSTRUCT)
list_subjects_of_scar = partial(list_subjects.run, family=RECONSTRUCT)

TWO = ("P001", "P002")


@pytest.fixture
def cohort(finished: Run, bucket: S3Place) -> S3Place:
    """Two subjects in the store."""
    for subject in TWO:
        put_folder(finished.cohort / subject, bucket / f"cohorts/trial/{subject}")
    return bucket / "cohorts/trial"


@pytest.fixture
def results(bucket: S3Place) -> S3Place:
    return bucket / "results/trial"


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path)


def score(run: Run, cohort: S3Place | Path, results: S3Place | Path, *subjects: str, run_id: str = "") -> list[str]:
    """Evaluate on the artifacts of a finished run; returns the outcomes."""
    artifacts = [run.artifact(stage) for stage in ("preprocess", "group_sort", "train", "infer")]
    rows = evaluate.run(
        str(cohort), *artifacts, subjects or TWO, run.artifact("evaluate"), OPTIONS["evaluate"],
        Recording(str(results), run_id=run_id, track=False),
    )  # fmt: skip
    return [row.outcome for row in rows]


def table(results: S3Place) -> dict[str, dict[str, str]]:
    text = Store.connect().read(results / "cohort.csv").decode()
    return {row["subject"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def test_a_run_in_the_store_is_that_of_a_disk(finished: Run, cohort: S3Place, results: S3Place, tmp_path: Path) -> None:
    done = run_cohort(RECONSTRUCT, str(cohort), tmp_path / "out", OPTIONS, jobs=1, recording=Recording(str(results)))
    assert [row.outcome for row in done.rows] == ["ok", "ok"]
    assert done.summary["verdict"] == "accepted"
    found = objects(results)
    local = {f"{s}/{name}": data for s in TWO for name, data in content(finished.result(s)).items()}
    assert found.keys() == {*local, "cohort.csv", "cohort.html", "cohort.json"}
    for name, data in local.items():
        if name.endswith((".vtu", ".safetensors", ".png")):
            assert found[name] == data, name
    assert len({json.loads(found[f"{subject}/run.json"])["run_id"] for subject in TWO}) == 1
    assert {name: row["outcome"] for name, row in table(results).items()} == {"P001": "ok", "P002": "ok"}
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["work"]
    for subject in TWO:  # the same work: what was hashed on its way in is what lies in the store
        row, expected = (
            read_status(f / subject) for f in (tmp_path / "out/work/preprocess", finished.artifact("preprocess"))
        )
        assert row is not None
        assert expected is not None
        assert row.inputs == expected.inputs
        assert row.outputs == expected.outputs

    with requests() as seen:
        again = run_cohort(
            RECONSTRUCT, str(cohort), tmp_path / "out", OPTIONS, jobs=1, recording=Recording(str(results))
        )
    assert again.reused == 2
    asked = [key for key in written(seen) if "/.cardioscar-" in key]
    assert len({*asked}) == 1  # once for both, and taken away again
    assert sum(key == asked[0] and operation == "DeleteObject" for operation, key in seen) == 1
    assert sorted({*written(seen)} - {*asked}) == [f"{results.prefix}/{subject}/run.json" for subject in TWO]


@pytest.mark.slow
def test_workers_reach_the_store_too(cohort: S3Place, results: S3Place, tmp_path: Path) -> None:
    done = run_cohort(RECONSTRUCT, str(cohort), tmp_path / "out", OPTIONS, jobs=2, recording=Recording(str(results)))
    assert [row.outcome for row in done.rows] == ["ok", "ok"]
    assert {f"{subject}/{name}" for subject in TWO for name in ("status.json", "run.json")} <= objects(results).keys()


def test_one_that_is_cut_off_and_one_that_is_missing_are_rows(
    cohort: S3Place, results: S3Place, run: Run, tmp_path: Path
) -> None:
    put(cohort / "P002/labels.nii.gz", b"cut off")
    put(cohort / "P003/mesh.vtu", b"mesh")
    rows = preprocess.run(str(cohort), ["P001", "P002", "P003"], tmp_path / "groups", OPTIONS["preprocess"])
    assert [row.outcome for row in rows] == ["ok", "failed", "failed"]
    reasons = [row.error.message for row in rows if row.error]
    assert reasons[0].startswith("labels.nii.gz: expected")
    assert reasons[1] == "P003: expected one of the files lge.*, labels.*, scar.*, found mesh"
    assert sorted(p.name for p in (tmp_path / "groups").iterdir()) == ["P001", "P002", "P003"]


def test_a_truth_that_changes_is_heeded(cohort: S3Place, results: S3Place, run: Run) -> None:
    assert score(run, cohort, results) == ["ok", "ok"]
    put(cohort / "P001/truth.vtu", b"torn")
    assert score(run, cohort, results) == ["failed", "ok"]
    assert objects(results / "P001").keys() == {"status.json"}


@pytest.mark.parametrize("stage", ["list_subjects", "preprocess", "evaluate", "summarize_cohort"])
def test_a_store_that_does_not_answer_ends_the_stage(
    stage: str, cohort: S3Place, results: S3Place, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr("cardioscar.services.store.client._FIRST_PATIENCE_S", 0.1)
    before = content(run.out)
    calls = {
        "list_subjects": lambda: list_subjects_of_scar(str(cohort), 8, fingerprint=tmp_path / "fingerprint"),
        "preprocess": lambda: preprocess.run(str(cohort), TWO, tmp_path / "groups"),
        "evaluate": lambda: score(run, run.cohort, results),
        "summarize_cohort": lambda: summarize_cohort_of_scar(
            run.cohort, Recording(str(results)), tmp_path / "report.html"
        ),
    }
    with pytest.raises(UnreachableError, match="connection refused"):
        calls[stage]()
    assert content(run.out) == before
    assert not [name for name in ("fingerprint", "groups", "report.html") if (tmp_path / name).exists()]


def test_subjects_are_listed_in_shards_with_a_fingerprint(cohort: S3Place, tmp_path: Path) -> None:
    with requests() as seen:
        assert list_subjects_of_scar(str(cohort), 1, fingerprint=tmp_path / "one") == [["P001"], ["P002"]]
    assert [operation for operation, _ in seen] == ["ListObjectsV2"]
    put(cohort / "P002/labels.nii.gz", b"another")
    list_subjects_of_scar(str(cohort), 1, fingerprint=tmp_path / "two")
    assert (tmp_path / "one").read_text() != (tmp_path / "two").read_text()


# whose result it is


@pytest.fixture(params=["folder", "store"])
def place(request: pytest.FixtureRequest, run: Run, results: S3Place) -> S3Place | Path:
    return results if request.param == "store" else run.out / "elsewhere"


def rows(place: S3Place | Path) -> dict[str, tuple[str, str]]:
    text = (
        (place / "cohort.csv").read_text()
        if isinstance(place, Path)
        else Store.connect().read(place / "cohort.csv").decode()
    )
    return {r["subject"]: (r["outcome"], r["error_message"]) for r in csv.DictReader(io.StringIO(text, newline=""))}


def test_a_result_of_an_earlier_run_does_not_count(run: Run, place: S3Place | Path, tmp_path: Path) -> None:
    """The shard of P002 dies in the second run: what the first run left there is not its result."""
    score(run, run.cohort, place, run_id="first")
    score(run, run.cohort, place, "P001", run_id="second")

    def summarize(run_id: str, limit: float = 0.5) -> dict[str, object]:
        return summarize_cohort_of_scar(
            run.cohort, Recording(str(place), run_id=run_id, track=False), "", limit, subjects="P001,P002"
        )

    assert (summarize("second")["ok"], summarize("second")["failed"]) == (1, 1)
    reason = "its result is of an earlier run; its shard did not finish"
    assert rows(place) == {"P001": ("ok", ""), "P002": ("failed", reason)}
    with pytest.raises(CohortRejected):
        summarize("second", limit=0.1)
    # without a run all count, as of stages that were called one by one
    assert summarize("")["ok"] == 2
    score(run, run.cohort, place, "P002", run_id="second")
    assert summarize("second")["ok"] == 2


def test_a_result_that_no_run_vouches_for_does_not_count_in_one(run: Run, place: S3Place | Path) -> None:
    score(run, run.cohort, place)
    with pytest.raises(CohortRejected):
        summarize_cohort_of_scar(run.cohort, Recording(str(place), run_id="first", track=False), subjects="P001")


def test_a_failed_row_of_this_run_keeps_its_reason(run: Run, place: S3Place | Path) -> None:
    (run.cohort / "P001" / "truth.vtu").write_bytes(b"torn")
    assert score(run, run.cohort, place, run_id="first") == ["failed", "ok"]
    summarize_cohort_of_scar(
        run.cohort, Recording(str(place), run_id="first", track=False), "", 0.5, subjects="P001,P002"
    )
    assert rows(place)["P001"][1].startswith("truth.vtu: expected")


def test_the_table_and_the_page_are_also_where_a_pipeline_wants_them(
    run: Run, place: S3Place | Path, tmp_path: Path
) -> None:
    score(run, run.cohort, place)
    page, table_csv = tmp_path / "a" / "report.html", tmp_path / "b" / "table.csv"
    summarize_cohort_of_scar(run.cohort, Recording(str(place), track=False), page, subjects="P001", table_csv=table_csv)
    shown = content(place) if isinstance(place, Path) else objects(place)
    assert (shown["cohort.html"], shown["cohort.csv"]) == (page.read_bytes(), table_csv.read_bytes())
    assert json.loads(shown["P001/metrics.json"])["subject"] == "P001"
