"""A full or a read-only disk under a whole run; needs the right to mount, so some machines skip it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cardioscar.errors import PlatformError
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import OPTIONS, Run, content, hidden


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system, or changes its options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        mounted = folder.is_mount()
        words = ["-o", f"remount,{options}"] if mounted else ["-t", "tmpfs", "-o", options, "tmpfs"]
        done = subprocess.run(["mount", *words, str(folder)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("mounting is not permitted here")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8, 0.9])
def test_a_disk_that_fills_up_keeps_what_is_finished(finished: Run, disk: Callable[[str], Path], share: float) -> None:
    """Wherever space ends: one clear error, nothing half; with more space the run goes on to the same result."""
    needed = sum(-(-p.stat().st_size // 4096) * 4096 for p in finished.out.rglob("*") if p.is_file())
    mounted = disk(f"size={int(share * needed)}")
    run = Run(finished.cohort, mounted / "run")
    with pytest.raises(PlatformError, match=r"no space left|could not be written|disk full") as caught:
        run.again()
    assert "/" not in str(caught.value)
    assert [name for name in hidden(mounted) if not name.endswith(".checkpoint")] == []
    complete = {p.parent for p in mounted.rglob("status.json")}
    for folder in complete:
        original = finished.out / folder.relative_to(run.out)
        assert content(folder).keys() == content(original).keys()

    disk(f"size={4 * needed}")
    before = {p: p.stat().st_ino for folder in complete for p in folder.rglob("*") if p.name != "run.json"}
    done = run.again()
    assert [row.outcome for row in done.rows] == ["ok"] * 3
    assert hidden(mounted) == []
    assert {p: p.stat().st_ino for p in before} == before
    for row in done.rows:
        published = content(run.result(row.subject))
        assert published["scar.vtu"] == content(finished.result(row.subject))["scar.vtu"]


def test_a_read_only_disk_ends_the_run_in_one_clear_line(finished: Run, disk: Callable[[str], Path]) -> None:
    mounted = disk("size=40m")
    run = Run(finished.cohort, mounted / "run")
    run.again("P001")
    before = content(mounted)
    disk("ro")
    with pytest.raises(PlatformError, match=r"^cannot write to output '[a-z_]+': Read-only file system"):
        run.again()
    with pytest.raises(PlatformError, match=r"Read-only file system"):
        Run(finished.cohort, mounted / "other").again()
    assert content(mounted) == before


@pytest.mark.parametrize("place", ["work", "work/train", "results"])
def test_a_file_in_the_place_of_a_folder_ends_the_run(finished: Run, tmp_path: Path, place: str) -> None:
    run = Run(finished.cohort, tmp_path / "run")
    (run.out / place).parent.mkdir(parents=True)
    (run.out / place).write_text("in the way")
    with pytest.raises(PlatformError, match=r"^cannot write to output '[a-z]+': ") as caught:
        run.again("P001")
    assert str(tmp_path) not in str(caught.value)
    (run.out / place).unlink()
    assert [row.outcome for row in run.again("P001").rows] == ["ok"]


def test_a_place_where_nothing_can_be_made_ends_the_run(finished: Run) -> None:
    with pytest.raises(PlatformError, match=r"^cannot write to output 'run': "):
        Run(finished.cohort, Path("/proc/run")).again()


def test_memory_that_runs_out_names_the_subject(finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    run = finished.copy(tmp_path, before="group_sort")

    def too_much(*arguments: object, **settings: object) -> None:
        np.empty((1 << 50,))

    monkeypatch.setattr("cardioscar.stages.scar3d.group_sort._sort", too_much)
    with pytest.raises(PlatformError, match=r"^P001: out of memory in group_sort"):
        run.again()
    assert hidden(run.out) == []
    monkeypatch.undo()
    assert [row.outcome for row in run.again().rows] == ["ok"] * 3


SHARED = "runs of up to 16 subjects each may share an output where their subjects differ"


def test_two_runs_do_not_share_a_subject(finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cardioscar.files import folders as subject_folder
    from cardioscar.stages.run.cohort import run_cohort

    monkeypatch.setattr(subject_folder, "_LOCK_PATIENCE_S", 0.1)
    run = Run(finished.cohort, tmp_path / "run")
    refused: list[str] = []

    def start_another(event: object) -> None:
        if not refused:
            with pytest.raises(PlatformError) as caught:
                run.again("P002,P001")
            refused.append(str(caught.value))

    run_cohort(RECONSTRUCT, run.cohort, run.out, OPTIONS, subjects="P001", jobs=1, on_event=start_another)
    said = "another process is working on 'P001' in the same output: wait for it, or name another output (-o)"
    assert refused == [f"{said}; {SHARED}"]
    assert not run.result("P002").exists()
    assert hidden(run.out) == []


def test_runs_of_other_subjects_share_an_output(finished: Run, tmp_path: Path) -> None:
    """As in a job array: one run for each subject, at the same time."""
    from cardioscar.stages.run.cohort import run_cohort

    run = Run(finished.cohort, tmp_path / "run")
    others: list[object] = []

    def start_another(event: tuple[str, str, str]) -> None:
        if event[1:] == ("preprocess", "ok") and not others:
            others.append(run.again("P002").rows)

    run_cohort(RECONSTRUCT, run.cohort, run.out, OPTIONS, subjects="P001", jobs=1, on_event=start_another)
    assert len(others) == 1
    table = (run.out / "results" / "cohort.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in table[1:]] == [["P001", "ok"], ["P002", "ok"]]
    assert hidden(run.out) == []


def test_a_run_of_many_subjects_has_the_output_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cardioscar.files import folders as subject_folder
    from cardioscar.shard.run_lock import run_lock

    monkeypatch.setattr(subject_folder, "_LOCK_PATIENCE_S", 0.1)
    many = [f"P{number}" for number in range(17)]
    for first, second in ((many, ["Q1"]), (["Q1"], many), (many, many)):
        with (
            run_lock(tmp_path, first),
            pytest.raises(PlatformError, match=r"^another process is working on 'run'"),
            run_lock(tmp_path, second),
        ):
            pass
        assert hidden(tmp_path) == []
