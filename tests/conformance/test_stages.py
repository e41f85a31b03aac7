"""What the platform expects of a stage; every stage inherits these tests."""

from __future__ import annotations

import dataclasses
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.config import file_sha256
from cardioscar.errors import ConfigError, InputError, PlatformError
from cardioscar.shard.loop import Work
from cardioscar.shard.status import Failure, Status, read_status, write_status
from cardioscar.stages.lge.workflow import SEGMENT
from cardioscar.stages.lvquant.workflow import QUANTIFY
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.workflow import Workflow
from tests.finished_run import OPTIONS, Run, content, hidden
from tests.lge.tiny_network import write_subject
from tests.lvquant import tiny_network

# numpy leaves a file open that turns out to be no archive
pytestmark = pytest.mark.filterwarnings("ignore:.*FileIO.*npz:pytest.PytestUnraisableExceptionWarning")

GOOD, BAD = "P001", "P002"


class StageContract:
    """One stage: its name, the function that does a subject's work, a setting to change, and a file to damage."""

    workflow: Workflow = RECONSTRUCT
    name: str
    work: str
    change: dict[str, object]
    main_file: str

    @pytest.fixture
    def run(self, finished: Run, tmp_path: Path) -> Run:
        """A run as it is before this stage."""
        return finished.copy(tmp_path, before=self.name)

    @pytest.fixture
    def done(self, finished: Run, tmp_path: Path) -> Run:
        """A run in which this stage has finished."""
        return finished.copy(tmp_path)

    def rows(self, run: Run, *subjects: str, **settings: object) -> list[tuple[Status, bool]]:
        """Run the stage; each row and whether it was reused."""
        seen: list[tuple[Status, bool]] = []
        returned = run.stage(
            self.name, subjects or (GOOD, BAD), on_done=lambda row, reused: seen.append((row, reused)), **settings
        )
        assert [row for row, _ in seen] == returned
        return seen

    def damage(self, run: Run) -> Path:
        """Cut off the file that the stage reads for the bad subject; returns it."""
        raise NotImplementedError

    def change_input(self, run: Run) -> None:
        """Another input for the good subject, that the stage can work with."""
        earlier = self.reads[-1]
        folder = run.folder(earlier, GOOD)
        row = read_status(folder)
        assert row is not None
        write_status(folder, dataclasses.replace(row, outputs=row.outputs | {"new": "0" * 64}))

    @property
    def reads(self) -> tuple[str, ...]:
        """The cohort, or the stages that wrote what this one reads."""
        return tuple(
            "cohort" if name == "cohort" else self.workflow.writer(name).name for name in self.workflow[self.name].reads
        )

    # one subject

    def test_every_subject_gets_its_row_and_its_files(self, run: Run) -> None:
        rows = self.rows(run)
        assert [(row.subject, row.stage, row.outcome, reused) for row, reused in rows] == [
            (GOOD, self.name, "ok", False),
            (BAD, self.name, "ok", False),
        ]
        for row, _ in rows:
            folder = run.folder(self.name, row.subject)
            files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
            assert files == {*row.outputs, "status.json"}
            assert self.main_file in row.outputs
            assert [name for name in row.outputs if not self.workflow[self.name].own.is_written(name)] == []
            assert {name: file_sha256(folder / name) for name in row.outputs} == row.outputs
            assert read_status(folder) == row
            assert row.seconds > 0
            assert len(row.config_sha256) == 64
        assert hidden(run.artifact(self.name)) == []

    def test_the_same_work_gives_the_same_bytes(self, run: Run, finished: Run) -> None:
        [(row, _)] = self.rows(run, GOOD)
        expected = read_status(finished.folder(self.name))
        assert expected is not None
        # times of computing stand in metrics.json, and so in the report
        timed = {"metrics.json", "report.html"}
        assert {k: v for k, v in row.outputs.items() if k not in timed} == {
            k: v for k, v in expected.outputs.items() if k not in timed
        }

    def test_a_second_run_touches_nothing(self, done: Run) -> None:
        artifact = done.artifact(self.name)
        before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in artifact.rglob("*") if p.name != self.name}
        earlier = [read_status(done.folder(self.name, subject)) for subject in (GOOD, BAD)]
        assert self.rows(done) == [(row, True) for row in earlier]
        assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in artifact.rglob("*")} == before

    def test_another_setting_is_new_work(self, done: Run) -> None:
        [(row, reused)] = self.rows(done, GOOD, options=self.change)
        assert (row.outcome, reused) == ("ok", False)
        assert row.config.items() >= self.change.items()
        assert self.rows(done, GOOD, options=self.change) == [(row, True)]

    def test_another_input_is_new_work(self, done: Run) -> None:
        self.change_input(done)
        [(row, reused), (_, other_reused)] = self.rows(done)
        assert (row.outcome, reused, other_reused) == ("ok", False, True)

    def test_another_version_is_new_work(self, done: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cardioscar.shard.loop.__version__", "99.0")
        [(row, reused)] = self.rows(done, GOOD)
        assert (row.version, row.outcome, reused) == ("99.0", "ok", False)

    @pytest.mark.parametrize("harm", ["cut off", "removed"])
    def test_files_that_are_not_what_they_were_are_made_again(self, done: Run, harm: str) -> None:
        folder = done.folder(self.name)
        before = content(folder)
        if harm == "cut off":
            (folder / self.main_file).write_bytes(before[self.main_file][:-7])
        else:
            (folder / self.main_file).unlink()
        [(row, reused)] = self.rows(done, GOOD)
        assert (row.outcome, reused) == ("ok", False)
        assert content(folder).keys() == before.keys()
        assert {name: file_sha256(folder / name) for name in row.outputs} == row.outputs

    def test_a_file_of_somebody_elses_stays(self, done: Run) -> None:
        """Beside what the stage wrote, whether that is reused or made again."""
        folder = done.folder(self.name)
        (folder / "figures").mkdir(exist_ok=True)
        for name in ("a note.txt", "figures/mine.png"):
            (folder / name).write_text("a week of work")
        [(row, reused)] = self.rows(done, GOOD)
        assert reused
        [(row, reused)] = self.rows(done, GOOD, options=self.change)
        assert (row.outcome, reused) == ("ok", False)
        assert {name: content(folder)[name] for name in ("a note.txt", "figures/mine.png")} == dict.fromkeys(
            ("a note.txt", "figures/mine.png"), b"a week of work"
        )
        assert content(folder).keys() == {*row.outputs, "status.json", "a note.txt", "figures/mine.png"}
        assert not {"a note.txt", "figures/mine.png"} & row.outputs.keys()
        [(_, reused)] = self.rows(done, GOOD, options=self.change)
        assert reused

    @pytest.mark.parametrize("row", [None, b"{}\n", b'{"state": "done"}', b"[]"])
    def test_a_folder_of_somebody_elses_is_refused_before_any_work(self, run: Run, row: bytes | None) -> None:
        folder = run.folder(self.name, BAD)
        folder.mkdir(parents=True)
        (folder / "lge.nii.gz").write_bytes(b"a patient's image")
        if row is not None:
            (folder / "status.json").write_bytes(row)
        before = content(run.artifact(self.name))
        with pytest.raises(InputError, match=f"{BAD}: expected nothing, or what cardioscar has written for the subjec"):
            self.rows(run)
        assert content(run.artifact(self.name)) == before

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"subject": "P001"}'])
    def test_a_row_that_cannot_be_read_counts_as_none(self, done: Run, text: str) -> None:
        (done.folder(self.name) / "status.json").write_text(text)
        [(row, reused)] = self.rows(done, GOOD)
        assert (row.outcome, reused) == ("ok", False)

    # settings

    def test_an_unknown_setting_is_refused_by_name(self, run: Run) -> None:
        with pytest.raises(ConfigError, match=f"{self.name}: .*unknown key 'spteps'"):
            self.rows(run, options={"spteps": 1})
        assert not run.artifact(self.name).exists()

    def test_an_id_that_is_no_pseudonym_is_refused(self, run: Run) -> None:
        for subject in ("../P001", "", "a b", "Doe_Jane"):
            with pytest.raises(InputError, match="subject id"):
                self.rows(run, subject)
        assert not run.artifact(self.name).exists()

    # quarantine

    def test_a_bad_subject_is_a_row_and_the_others_go_on(self, run: Run) -> None:
        self.damage(run)
        (bad, _), (good, _) = self.rows(run, BAD, GOOD)
        assert (bad.outcome, good.outcome) == ("failed", "ok")
        assert bad.error is not None
        assert bad.error.stage == self.name
        assert bad.error.message
        assert "/" not in bad.error.message
        assert bad.outputs == {}
        assert content(run.folder(self.name, BAD)).keys() == {"status.json"}
        assert hidden(run.artifact(self.name)) == []

    def test_a_subject_that_was_mended_is_ok(self, run: Run) -> None:
        damaged = self.damage(run)
        whole = Path(f"{damaged}.whole").read_bytes()
        self.rows(run)
        damaged.write_bytes(whole)
        Path(f"{damaged}.whole").unlink()
        (good, good_reused), (mended, mended_reused) = self.rows(run)
        assert (good.outcome, good_reused) == ("ok", True)
        assert (mended.outcome, mended_reused, mended.error) == ("ok", False, None)

    def test_a_subject_that_turns_bad_loses_its_earlier_files(self, done: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        self.change_input(done)
        self.replace_work(monkeypatch, _raise(InputError("scan", "a heart", "none")))
        [(row, _)] = self.rows(done, GOOD)
        assert row.error == Failure("input", "scan: expected a heart, found none", self.name)
        assert content(done.folder(self.name)).keys() == {"status.json"}

    # upstream

    def test_a_subject_that_failed_earlier_is_skipped_with_its_reason(self, run: Run) -> None:
        artifacts = [name for name in self.reads if name != "cohort"]
        if not artifacts:
            pytest.skip("the first stage has none before it")
        reason = Failure("geometry", "mesh.vtu: expected millimetres, found metres", "preprocess")
        for name in artifacts:
            row = read_status(run.folder(name, BAD))
            assert row is not None
            write_status(run.folder(name, BAD), dataclasses.replace(row, outcome="skipped", error=reason, outputs={}))
        (good, _), (skipped, reused) = self.rows(run)
        assert (good.outcome, skipped.outcome, skipped.error, reused) == ("ok", "skipped", reason, False)
        assert content(run.folder(self.name, BAD)).keys() == {"status.json"}
        assert self.rows(run, BAD) == [(skipped, True)]

    def test_an_earlier_stage_that_did_not_run_ends_the_stage(self, run: Run) -> None:
        earlier = self.reads[-1]
        if earlier == "cohort":
            pytest.skip("the first stage has none before it")
        (run.folder(earlier, BAD) / "status.json").unlink()
        with pytest.raises(PlatformError, match=r"P002: the earlier stage left no status\.json"):
            self.rows(run)
        assert read_status(run.folder(self.name, GOOD)) is not None

    # interruptions

    def replace_work(self, monkeypatch: pytest.MonkeyPatch, work: Callable[..., None]) -> None:
        """Put a function in place of the stage's own work on a subject."""
        monkeypatch.setattr(f"{self.workflow[self.name].module}.{self.work}", work)

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), OSError(28, "No space left on device")])
    def test_an_interrupted_subject_leaves_nothing_half(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException
    ) -> None:
        def half(*arguments: object, **settings: object) -> None:
            out = _out_folder(arguments)
            (out / self.main_file).write_bytes(b"half")
            raise error

        with monkeypatch.context() as patch:
            self.replace_work(patch, half)
            expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else PlatformError
            with pytest.raises(expected):
                self.rows(run, GOOD)
        assert list(run.artifact(self.name).iterdir()) == []
        [(row, _)] = self.rows(run, GOOD)
        assert row.outcome == "ok"

    @pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
    def test_a_full_disk_ends_the_stage_and_leaves_nothing_half(self, run: Run, finished: Run, share: float) -> None:
        """No file may grow beyond a share of the largest one: what a full disk does, for any user."""
        largest = max(len(data) for data in content(finished.folder(self.name)).values())
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * largest), hard))
        try:
            with pytest.raises(PlatformError) as caught:
                self.rows(run, GOOD)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "/" not in str(caught.value)
        assert content(run.artifact(self.name)) == {}
        [(row, _)] = self.rows(run, GOOD)
        assert row.outcome == "ok"

    def test_a_process_killed_at_work_loses_nothing(self, done: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """Killed while a subject is done again: the earlier result stays until the new one is whole."""
        earlier = content(done.folder(self.name))
        self.change_input(done)

        def half(*arguments: object, **settings: object) -> None:
            (_out_folder(arguments) / self.main_file).write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)

        with monkeypatch.context() as patch:
            self.replace_work(patch, half)
            assert _in_child(lambda: self.rows(done, GOOD)) == -signal.SIGKILL
        assert f".{GOOD}.partial" in hidden(done.artifact(self.name))
        assert content(done.folder(self.name)) == earlier
        [(row, reused)] = self.rows(done, GOOD)
        assert (row.outcome, reused) == ("ok", False)
        assert content(done.folder(self.name))[self.main_file] != b"half"
        assert hidden(done.artifact(self.name)) == []


def _out_folder(arguments: tuple[object, ...]) -> Path:
    """The scratch folder among the arguments of a stage's work."""
    for one in arguments:
        if isinstance(one, Work):
            return one.out
    path = next(one for one in reversed(arguments) if isinstance(one, Path))
    return path if path.is_dir() else path.parent


def _raise(error: Exception) -> Callable[..., None]:
    def work(*arguments: object, **settings: object) -> None:
        raise error

    return work


def _in_child(action: Callable[[], object]) -> int:
    """Call in a forked process; returns its exit code, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _cut_off(path: Path) -> Path:
    whole = path.read_bytes()
    Path(f"{path}.whole").write_bytes(whole)
    path.write_bytes(whole[: len(whole) // 2])
    return path


class TestPreprocess(StageContract):
    name, work, main_file = "preprocess", "_prepare", "groups.npz"
    change = {"merge_to_nodes": 6.0}  # noqa: RUF012 - read only

    def damage(self, run: Run) -> Path:
        return _cut_off(run.cohort / BAD / "labels.nii.gz")

    def change_input(self, run: Run) -> None:
        with (run.cohort / GOOD / "subject.yaml").open("a") as stream:
            stream.write("# another day\n")


class TestGroupSort(StageContract):
    name, work, main_file = "group_sort", "_sort", "sorted.npz"
    change = {"batch_nodes": 100}  # noqa: RUF012 - read only

    def damage(self, run: Run) -> Path:
        return _cut_off(run.folder("preprocess", BAD) / "groups.npz")


class TestTrain(StageContract):
    name, work, main_file = "train", "_fit", "field.safetensors"
    change = {"steps": 3}  # noqa: RUF012 - read only

    def damage(self, run: Run) -> Path:
        return _cut_off(run.folder("group_sort", BAD) / "sorted.npz")


class TestInfer(StageContract):
    name, work, main_file = "infer", "_infer", "scar.vtu"
    change = {"samples": 2}  # noqa: RUF012 - read only

    def damage(self, run: Run) -> Path:
        return _cut_off(run.folder("train", BAD) / "field.safetensors")


class TestEvaluate(StageContract):
    name, work, main_file = "evaluate", "_evaluate", "metrics.json"
    change = {"figures": True}  # noqa: RUF012 - read only

    def damage(self, run: Run) -> Path:
        return _cut_off(run.cohort / BAD / "truth.vtu")

    @pytest.mark.parametrize(
        ("stage", "setting", "value"),
        [("infer", "doubt_range", [0.1, 0.9]), ("train", "weight_decay", 9.0)],
    )
    def test_a_setting_of_an_earlier_stage_is_new_work(
        self, done: Run, stage: str, setting: str, value: object
    ) -> None:
        """A range of doubt changes few files of `infer`, but what is scored here."""
        before = read_status(done.folder(stage))
        [after] = done.stage(stage, [GOOD], options={setting: value})
        assert before is not None
        assert after.outputs.keys() == before.outputs.keys()
        [(row, reused)] = self.rows(done, GOOD)
        assert (row.outcome, reused) == ("ok", False)


@pytest.fixture(scope="module")
def quantified(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two phantoms, quantified by a network that knows such."""
    folder = tmp_path_factory.mktemp("quantified")
    tiny_network.tiny_bundle(folder / "network")
    tiny_network.write_cohort(folder / "cohort")
    options = {"network": str(folder / "network"), "views": 1, "figures": False, "device": "cpu"}
    run = Run(folder / "cohort", folder / "run", QUANTIFY, {"quantify": options})
    run.again()
    return run


class TestQuantify(StageContract):
    workflow = QUANTIFY
    name, work, main_file = "quantify", "_quantify", "metrics.json"
    change = {"least_surrounded": 0.6}  # noqa: RUF012 - read only

    @pytest.fixture
    def finished(self, quantified: Run) -> Run:
        return quantified

    def damage(self, run: Run) -> Path:
        return _cut_off(run.cohort / BAD / "cine.nii.gz")

    def change_input(self, run: Run) -> None:
        (run.cohort / GOOD / "subject.yaml").write_text("septum_direction: [-1, -0.5, 0]\n")

    def test_another_network_is_new_work(self, done: Run, tmp_path: Path) -> None:
        tiny_network.tiny_bundle(tmp_path / "other", steps=5)
        [(row, reused)] = self.rows(done, GOOD, options={"network": str(tmp_path / "other")})
        assert (row.outcome, reused) == ("ok", False)
        assert row.config["network"].startswith("sha256:")


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory, tiny_network: Path) -> Run:
    """Two stand-in hearts, segmented by a network that knows such."""
    folder = tmp_path_factory.mktemp("segmented")
    for number, subject in enumerate((GOOD, BAD), start=1):
        write_subject(folder / "cohort" / subject, seed=number, labels=number == 1)
    options = {"network": str(tiny_network), "views": 2, "figures": False, "device": "cpu", "intervals": {"draws": 20}}
    run = Run(folder / "cohort", folder / "run", SEGMENT, {"segment": options})
    run.again()
    return run


class TestSegment(StageContract):
    workflow = SEGMENT
    name, work, main_file = "segment", "_segment", "labels.nii.gz"
    change = {"views": 1}  # noqa: RUF012 - read only

    @pytest.fixture
    def finished(self, segmented: Run) -> Run:
        return segmented

    def damage(self, run: Run) -> Path:
        return _cut_off(run.cohort / BAD / "lge.nii.gz")

    def change_input(self, run: Run) -> None:
        (run.cohort / GOOD / "subject.yaml").write_text("septum_direction: [-1, -0.5, 0]\n")


def test_files_of_others_in_the_place_of_one_result_cost_the_others_nothing(finished: Run, tmp_path: Path) -> None:
    from cardioscar.stages.scar3d import evaluate

    run, results = finished.copy(tmp_path), tmp_path / "derivatives"
    (results / "P001").mkdir(parents=True)
    (results / "P001" / "scar.vtu").write_text("of another tool")
    inputs = [run.cohort, *(run.artifact(stage) for stage in ("preprocess", "group_sort", "train", "infer"))]
    with pytest.raises(
        InputError, match=r"P001: expected nothing, or what cardioscar .* found scar\.vtu; name another"
    ):
        evaluate.run(
            inputs[0],
            *inputs[1:],
            ["P001", "P002"],
            run.artifact("evaluate"),
            OPTIONS["evaluate"],
            Recording(str(results)),
        )
    assert content(results / "P001") == {"scar.vtu": b"of another tool"}
    assert read_status(results / "P002") == read_status(run.folder("evaluate", "P002"))


def test_every_stage_with_settings_is_under_contract() -> None:
    under_contract = {(one.workflow.name, one.name) for one in StageContract.__subclasses__()}
    assert under_contract >= {(flow.name, name) for flow in (RECONSTRUCT, QUANTIFY, SEGMENT) for name in flow.names}
    assert {name for flow, name in under_contract if flow == RECONSTRUCT.name} == set(OPTIONS)
