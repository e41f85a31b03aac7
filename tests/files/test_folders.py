"""A subject's folder is there whole or not at all, whenever the process is killed."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from pathlib import Path
from typing import IO

import pytest

from cardioscar.errors import PlatformError
from cardioscar.files import folders as subject_folder
from cardioscar.files.folders import file_hashes, fresh_folder, only_writer, platform_faults, recover
from tests.finished_run import content


@pytest.fixture
def final(tmp_path: Path) -> Path:
    return tmp_path / "P001"


def fill(folder: Path, text: str) -> None:
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "a.png").write_text(text)
    (folder / "status.json").write_text(text)


def whole(text: str) -> dict[str, bytes]:
    return {"figures/a.png": text.encode(), "status.json": text.encode()}


def test_a_folder_appears_when_it_is_full(final: Path) -> None:
    with fresh_folder(final) as scratch:
        fill(scratch, "new")
        assert not final.exists()
    assert content(final.parent) == {f"P001/{name}": data for name, data in whole("new").items()}


def test_a_new_folder_replaces_all_of_an_older_one(final: Path) -> None:
    with fresh_folder(final) as scratch:
        fill(scratch, "old")
        (scratch / "only old").write_text("old")
    with fresh_folder(final) as scratch:
        fill(scratch, "new")
        assert content(final).keys() == {*whole("old"), "only old"}
    assert content(final) == whole("new")
    assert [p.name for p in final.parent.iterdir()] == ["P001"]


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt(), SystemExit()])
def test_an_exception_leaves_the_older_folder_and_nothing_else(final: Path, error: BaseException) -> None:
    with fresh_folder(final) as scratch:
        fill(scratch, "old")
    with pytest.raises(type(error)), fresh_folder(final) as scratch:
        _fail_half_way(scratch, error)
    assert content(final) == whole("old")
    assert [p.name for p in final.parent.iterdir()] == ["P001"]


def _fail_half_way(scratch: Path, error: BaseException) -> None:
    (scratch / "figures").mkdir()
    raise error


@pytest.mark.parametrize("renames", [0, 1, 2])
@pytest.mark.parametrize("older", [True, False])
def test_a_kill_between_the_renames_loses_nothing(
    final: Path, monkeypatch: pytest.MonkeyPatch, older: bool, renames: int
) -> None:
    """Killed after so many renames, the older folder or the new one is there after recovery, whole."""
    if older:
        with fresh_folder(final) as scratch:
            fill(scratch, "old")
    pid = os.fork()
    if pid == 0:
        rename, done = Path.rename, 0

        def counted(self: Path, target: Path) -> Path:
            nonlocal done
            if done == renames:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return rename(self, target)

        Path.rename = counted  # type: ignore[method-assign]
        with fresh_folder(final) as scratch:
            fill(scratch, "new")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    recover(final)
    if renames >= (2 if older else 1):
        assert content(final) == whole("new")
    elif older:
        assert content(final) == whole("old")
    else:
        assert not final.exists()
    assert [p.name for p in final.parent.iterdir()] == (["P001"] if final.exists() else [])
    with fresh_folder(final) as scratch:
        fill(scratch, "again")
    assert content(final.parent) == {f"P001/{name}": data for name, data in whole("again").items()}


def test_a_kill_while_the_older_folder_is_removed_is_mended(final: Path) -> None:
    fill_old, fill_new = final.with_name(".P001.old"), final
    for folder, text in ((fill_old, "old"), (fill_new, "new")):
        folder.mkdir()
        fill(folder, text)
    recover(final)
    assert content(final) == whole("new")
    assert not fill_old.exists()


def test_hashes_leave_out_the_row_alone(final: Path) -> None:
    with fresh_folder(final) as scratch:
        fill(scratch, "x")
        (scratch / "figures" / "status.json").write_text("x")
    assert file_hashes(final, without="status.json").keys() == {"figures/a.png", "figures/status.json"}
    assert file_hashes(final.with_name("none")) == {}


def test_a_second_process_is_refused_in_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_folder, "_LOCK_PATIENCE_S", 0.2)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        with only_writer(tmp_path, "P001"):
            os.write(write, b"x")
            time.sleep(60)
    os.read(read, 1)
    with pytest.raises(PlatformError) as caught, only_writer(tmp_path, "P001"):
        pass
    assert str(caught.value) == "another process is working on 'P001' in the same output"
    with only_writer(tmp_path, "P001-b"), only_writer(tmp_path, "P001_b"):
        pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert [p.name for p in tmp_path.iterdir()] == [".P001.lock"]
    with only_writer(tmp_path, "P001"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_about_to_end_is_waited_for(tmp_path: Path) -> None:
    holding, seen = threading.Event(), []

    def hold() -> None:
        with only_writer(tmp_path, "P001"):
            holding.set()
            time.sleep(0.3)
            seen.append("released")

    other = threading.Thread(target=hold)
    other.start()
    holding.wait()
    with only_writer(tmp_path, "P001"):
        seen.append("taken")
    other.join()
    assert seen == ["released", "taken"]


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who held it removes the file after it was opened here, and before it was locked."""
    flock, removed = subject_folder.fcntl.flock, []

    def late(handle: IO[str], how: int) -> None:
        if not removed:
            removed.append(True)
            (tmp_path / ".P001.lock").unlink()
        flock(handle, how)

    monkeypatch.setattr(subject_folder.fcntl, "flock", late)
    monkeypatch.setattr(subject_folder, "_LOCK_PATIENCE_S", 0.1)
    with only_writer(tmp_path, "P001"):
        assert removed
        with pytest.raises(PlatformError), only_writer(tmp_path, "P001"):
            pass


def test_a_lock_holds_out_everyone_whoever_removes_its_file(tmp_path: Path) -> None:
    """Many threads take turns; each removes the file at the end, and never are two inside."""
    inside, most = 0, 0

    def take_turns() -> None:
        nonlocal inside, most
        for _ in range(5):
            with only_writer(tmp_path, "P001"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                inside -= 1

    threads = [threading.Thread(target=take_turns) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert most == 1


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left on the device of output 'run'; finished subjects are kept"),
        (errno.EDQUOT, "no space left on the device of output 'run'; finished subjects are kept"),
        (errno.EROFS, "cannot write to output 'run': Read-only file system; finished subjects are kept"),
        (errno.EACCES, "cannot write to output 'run': Permission denied; finished subjects are kept"),
    ],
)
def test_faults_of_the_machine_are_said_without_the_path(number: int, said: str) -> None:
    with pytest.raises(PlatformError) as caught, platform_faults(Path("/data/JANE_DOE/run")):
        raise OSError(number, os.strerror(number), "/data/JANE_DOE/run/x")
    assert str(caught.value) == said
