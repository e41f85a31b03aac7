"""What every place of published results does, a folder and an object store alike."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from cardioscar.config import file_sha256
from cardioscar.errors import UnreachableError
from cardioscar.results.folder import FolderResults
from cardioscar.results.opening import open_results
from cardioscar.results.publication import Results, gather
from cardioscar.results.store import StoreResults
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.shard.status import Failure, Status, write_status
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import content
from tests.stored import objects, put, requests, written

FILES = {"metrics.json": b'{"qc": 1}', "report.html": b"<p>", "figures/a.png": b"png"}


class ResultsContract:
    """Published results wherever they lie; a place of results and what can be seen of it from outside."""

    @pytest.fixture
    def results(self) -> Results:
        """An empty place of results."""
        raise NotImplementedError

    def shown(self) -> dict[str, bytes]:
        """Every published file by its relative name."""
        raise NotImplementedError

    def overwrite(self, name: str, data: bytes | None) -> None:
        """Change a published file, or remove it."""
        raise NotImplementedError

    @pytest.fixture
    def row(self, tmp_path: Path) -> Status:
        """An ok row with its files in the artifact `evaluate`, and a map in the artifact `infer`."""
        scars = tmp_path / "infer" / "P001"
        scars.mkdir(parents=True)
        (scars / "scar.vtu").write_bytes(b"map")
        (scars / "notes.txt").write_bytes(b"not published")
        hashes = {name: file_sha256(scars / name) for name in ("scar.vtu", "notes.txt")}
        write_status(scars, Status("P001", "infer", "ok", outputs=hashes))
        return self.make(tmp_path, FILES)

    def make(self, tmp_path: Path, files: dict[str, bytes], **changes: object) -> Status:
        folder = tmp_path / "evaluate" / "P001"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        hashes = {name: file_sha256(folder / name) for name in files}
        row = replace(Status("P001", "evaluate", "ok", started="2026-01-01", outputs=hashes), **changes)  # type: ignore[arg-type]
        folder.mkdir(parents=True, exist_ok=True)
        write_status(folder, row)
        return row

    def publish(self, results: Results, row: Status, tmp_path: Path, run_id: str = "") -> None:
        results.publish(gather(row, tmp_path / "evaluate", [tmp_path / "infer"], RECONSTRUCT.results), run_id)

    def test_files_appear_under_stable_names(self, results: Results, row: Status, tmp_path: Path) -> None:
        self.publish(results, row, tmp_path)
        found = self.shown()
        assert found.pop("P001/status.json")
        assert found == {f"P001/{name}": data for name, data in FILES.items()} | {"P001/scar.vtu": b"map"}
        [result] = results.results(["P001"])
        assert (result.subject, result.row, result.run_id, result.metrics) == ("P001", row, "", {"qc": 1})

    def test_the_run_that_published_vouches(self, results: Results, row: Status, tmp_path: Path) -> None:
        self.publish(results, row, tmp_path, "run-1")
        found = self.shown()
        assert json.loads(found["P001/run.json"]) == {
            "run_id": "run-1", "status_sha256": hashlib.sha256(found["P001/status.json"]).hexdigest(),
        }  # fmt: skip
        assert [result.run_id for result in results.results(["P001"])] == ["run-1"]

    def test_no_run_vouches_for_the_result_of_another(self, results: Results, row: Status, tmp_path: Path) -> None:
        """Two runs at once: the stamp of one comes after the result of the other."""
        self.publish(results, row, tmp_path, "run-1")
        stamp = self.shown()["P001/run.json"]
        self.publish(results, self.make(tmp_path, {"metrics.json": b'{"qc": 2}'}), tmp_path, "run-2")
        self.overwrite("P001/run.json", stamp)
        assert [(result.run_id, result.metrics) for result in results.results(["P001"])] == [("", {"qc": 2})]
        self.overwrite("P001/run.json", b'{"run_id": "run-0"}')  # of an earlier version
        assert [result.run_id for result in results.results(["P001"])] == ["run-0"]

    @pytest.mark.parametrize(
        ("data", "damage"),
        [
            (None, "its metrics.json is missing"),
            (b"{}", "its metrics.json is not the one that its status.json names"),
            (b"", "its metrics.json is not the one that its status.json names"),
        ],
    )
    def test_numbers_that_are_not_the_subjects_own_are_not_taken(
        self, results: Results, row: Status, tmp_path: Path, data: bytes | None, damage: str
    ) -> None:
        self.publish(results, row, tmp_path)
        self.overwrite("P001/metrics.json", data)
        assert [(result.metrics, result.damage) for result in results.results(["P001"])] == [(None, damage)]

    def test_numbers_that_are_none_are_not_taken(self, results: Results, tmp_path: Path) -> None:
        self.publish(results, self.make(tmp_path, {"metrics.json": b"[]"}), tmp_path)
        [result] = results.results(["P001"])
        assert (result.metrics, result.damage) == (None, "its metrics.json is damaged")

    def test_subjects_are_those_with_a_row(self, results: Results, row: Status, tmp_path: Path) -> None:
        assert results.subjects() == []
        self.publish(results, row, tmp_path)
        with results.workspace() as folder, results.alone():
            (folder / "cohort.csv").write_bytes(b"subject\n")
            results.put(folder / "cohort.csv")
        results.ask()
        assert results.subjects() == ["P001"]

    def test_another_run_renews_the_stamp_alone(self, results: Results, row: Status, tmp_path: Path) -> None:
        self.publish(results, row, tmp_path, "run-1")
        before = self.shown()
        assert self.changed_by(lambda: self.publish(results, row, tmp_path, "run-1")) == []
        assert self.changed_by(lambda: self.publish(results, row, tmp_path)) == []
        assert self.changed_by(lambda: self.publish(results, row, tmp_path, "run-2")) == ["P001/run.json"]
        after = self.shown()
        assert json.loads(after.pop("P001/run.json"))["run_id"] == "run-2"
        assert after.items() <= before.items()

    def changed_by(self, action) -> list[str]:
        """Names of files that were written meanwhile."""
        raise NotImplementedError

    def test_a_result_that_differs_replaces_the_earlier_one(
        self, results: Results, row: Status, tmp_path: Path
    ) -> None:
        self.publish(results, row, tmp_path, "run-1")
        (tmp_path / "evaluate" / "P001" / "figures" / "a.png").unlink()
        new = self.make(tmp_path, {"metrics.json": b'{"qc": 2}'})
        self.publish(results, new, tmp_path, "run-2")
        assert self.shown().keys() == {f"P001/{n}" for n in ("metrics.json", "run.json", "scar.vtu", "status.json")}
        assert [(r.row, r.run_id, r.metrics) for r in results.results(["P001"])] == [(new, "run-2", {"qc": 2})]

    def test_a_subject_that_failed_is_its_row(self, results: Results, row: Status, tmp_path: Path) -> None:
        self.publish(results, row, tmp_path, "run-1")
        failed = self.make(tmp_path, {}, outcome="failed", error=Failure("input", "a: expected b, found c", "infer"))
        self.publish(results, failed, tmp_path, "run-2")
        assert self.shown().keys() == {"P001/run.json", "P001/status.json"}
        assert [(r.row, r.metrics) for r in results.results(["P001"])] == [(failed, None)]

    @pytest.mark.parametrize("name", ["metrics.json", "scar.vtu", "figures/a.png"])
    @pytest.mark.parametrize("data", [b"", None])
    def test_what_is_not_as_it_was_is_published_again(
        self, results: Results, row: Status, tmp_path: Path, name: str, data: bytes | None
    ) -> None:
        self.publish(results, row, tmp_path)
        before = self.shown()
        self.overwrite(f"P001/{name}", data)
        self.publish(results, row, tmp_path)
        assert self.shown() == before

    @pytest.mark.parametrize("data", [None, b"", b"{", b"[]", b"\xff"])
    def test_a_row_that_cannot_be_read_is_none(
        self, results: Results, row: Status, tmp_path: Path, data: bytes | None
    ) -> None:
        self.publish(results, row, tmp_path, "run-1")
        for name in ("status.json", "run.json", "metrics.json"):
            self.overwrite(f"P001/{name}", data)
        first, second = results.results(["P001", "P002"])
        assert (first.row, first.run_id, first.metrics) == (None, "", None)
        assert (second.subject, second.row) == ("P002", None)

    def test_files_of_the_cohort_are_shown(self, results: Results) -> None:
        with results.workspace() as folder:
            (folder / "cohort.csv").write_bytes(b"subject\n")
            results.put(folder / "cohort.csv")
        assert self.shown() == {"cohort.csv": b"subject\n"}
        assert results.read("cohort.csv") == b"subject\n"
        assert results.address("cohort.csv").endswith("/results/cohort.csv")


class TestFolderResults(ResultsContract):
    @pytest.fixture
    def results(self, tmp_path: Path) -> Results:
        self.root = tmp_path / "results"
        return open_results(self.root, RECONSTRUCT.results)

    def shown(self) -> dict[str, bytes]:
        return content(self.root)

    def overwrite(self, name: str, data: bytes | None) -> None:
        if data is None:
            (self.root / name).unlink()
        else:
            (self.root / name).write_bytes(data)

    def changed_by(self, action) -> list[str]:
        def stamps() -> dict[str, tuple[int, int]]:
            files = [p for p in self.root.rglob("*") if p.is_file()]
            return {p.relative_to(self.root).as_posix(): (p.stat().st_ino, p.stat().st_mtime_ns) for p in files}

        before = stamps()
        action()
        return [name for name, stamp in stamps().items() if before.get(name) != stamp]

    def test_a_folder_may_be_given_as_an_address(self, tmp_path: Path) -> None:
        found = open_results(f"file://{tmp_path}", RECONSTRUCT.results)
        assert isinstance(found, FolderResults)
        assert found.root == tmp_path


class TestStoreResults(ResultsContract):
    @pytest.fixture
    def results(self, bucket: S3Place) -> Results:
        self.root = bucket / "cohorts/ward-7/results"
        return open_results(str(self.root), RECONSTRUCT.results)

    def shown(self) -> dict[str, bytes]:
        return objects(self.root)

    def overwrite(self, name: str, data: bytes | None) -> None:
        from cardioscar.services.store.object_store import Store

        if data is None:
            Store.connect().delete(self.root / name)
        else:
            put(self.root / name, data)

    def changed_by(self, action) -> list[str]:
        with requests() as seen:
            action()
        return [key.removeprefix(self.root.under) for key in written(seen)]

    def test_the_marker_comes_last_and_the_stamp_after_it(self, results: Results, row: Status, tmp_path: Path) -> None:
        # a batch of removals names no single key: it takes back the claim to the place
        names = self.changed_by(lambda: self.publish(results, row, tmp_path, "run-1"))
        assert names[0] == "P001/publishing.json"
        assert names[-3:] == ["P001/status.json", "", "P001/run.json"]
        new = self.make(tmp_path, {"metrics.json": b"{}"})
        names = self.changed_by(lambda: self.publish(results, new, tmp_path))
        assert names[:2] == ["P001/publishing.json", ""]
        assert names[-2:] == ["P001/status.json", ""]

    def test_many_subjects_are_read_in_their_order(
        self, results: Results, row: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cardioscar.results.store._SUBJECTS_AT_ONCE", 2)
        self.publish(results, row, tmp_path)
        names = ["P005", "P001", "P002", "P004", "P003"]
        found = list(results.results(names))
        assert [result.subject for result in found] == names
        assert [result.row is not None for result in found] == [False, True, False, False, False]

    def test_a_store_that_does_not_answer_is_said(
        self, row: Status, tmp_path: Path, bucket: S3Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        monkeypatch.setattr("cardioscar.services.store.client._FIRST_PATIENCE_S", 0.1)
        results = StoreResults(bucket / "results", RECONSTRUCT.results)
        with pytest.raises(UnreachableError, match="connection refused"):
            self.publish(results, row, tmp_path)
        with pytest.raises(UnreachableError):
            list(results.results(["P001"]))
