"""Copies of patients' data do not outlive their process for longer than until the next command; others' folders do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cardioscar.files.private_folder import private_folder, remove_leftovers

HOLD = (
    "import sys, time\nfrom cardioscar.files.private_folder import private_folder\n"
    "with private_folder() as folder:\n"
    "    (folder / 'lge.nii.gz').write_text('a heart')\n    print(folder, flush=True)\n    time.sleep(60)\n"
)


@pytest.fixture(autouse=True)
def tmpdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def holder() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that holds a copy, and where."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_folder_is_its_owners_and_ends_with_the_block(tmpdir: Path) -> None:
    with private_folder() as folder:
        assert list(folder.iterdir()) == []
        assert {path.stat().st_mode & 0o077 for path in (folder, folder.parent)} == {0}
        (folder / "deep").mkdir()
        (folder / "deep" / "lge.nii.gz").write_text("a heart")
        assert remove_leftovers() == 0
        assert (folder / "deep" / "lge.nii.gz").exists()
    with pytest.raises(KeyError), private_folder() as folder:
        raise KeyError
    assert list(tmpdir.iterdir()) == []


def test_a_killed_process_leaves_what_the_next_one_removes(
    holder: tuple[subprocess.Popen[str], Path], tmpdir: Path
) -> None:
    process, folder = holder
    assert remove_leftovers() == 0  # it lives
    assert (folder / "lge.nii.gz").exists()
    process.kill()
    process.wait()
    assert (folder / "lge.nii.gz").exists()
    assert remove_leftovers() == 1
    assert list(tmpdir.iterdir()) == []


def test_folders_of_others_stay(tmpdir: Path) -> None:
    (tmpdir / "cardioscar-demo").mkdir()
    (tmpdir / "cardioscar-demo" / "owner.lock").write_text("mine")
    (tmpdir / "cardioscar-mine").mkdir()
    (tmpdir / "cardioscar-mine" / "lge.nii.gz").write_text("a heart")
    (tmpdir / "cardioscar-empty").mkdir()
    (tmpdir / "cardioscar-link").mkdir()
    (tmpdir / "cardioscar-link" / "owner.lock").symlink_to(tmpdir / "cardioscar-demo" / "owner.lock")
    (tmpdir / "cardioscar-to").symlink_to(tmpdir / "cardioscar-demo")
    before = sorted(p for p in tmpdir.rglob("*"))
    assert remove_leftovers() == 0
    assert sorted(p for p in tmpdir.rglob("*")) == before


@pytest.mark.parametrize(
    "stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name
)
def test_a_stage_that_is_stopped_leaves_no_copy(stop: signal.Signals, tmpdir: Path) -> None:
    """In order where the signal can be heard; a killed one's is removed by the next command."""
    code = (
        "import sys, time\nfrom cardioscar import cli\nfrom cardioscar.commands import phantom\n"
        "from cardioscar.cohort.store import temporary_folder\n"
        "def main(*_):\n    with temporary_folder() as folder:\n"
        "        (folder / 'lge.nii.gz').write_text('a heart')\n"
        "        print('there', flush=True)\n        time.sleep(60)\n"
        "phantom.main = main\nsys.exit(cli.main(['phantom', 'x']))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    assert len(list(tmpdir.rglob("lge.nii.gz"))) == 1
    process.send_signal(stop)
    process.communicate(timeout=30)
    assert process.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}.get(stop, -stop)
    if stop == signal.SIGKILL:
        assert len(list(tmpdir.rglob("lge.nii.gz"))) == 1
        subprocess.run([sys.executable, "-m", "cardioscar.cli", "pipeline", "--help"], capture_output=True, check=True)
    assert list(tmpdir.iterdir()) == []


def test_ftetwild_ends_with_a_killed_parent(tmpdir: Path) -> None:
    """Its folder, which holds the heart's surface, goes with the next command."""
    pytest.importorskip("pytetwild")
    import pyvista as pv

    ball = pv.Icosphere(radius=30, nsub=4)
    ball.points += 0.3 * np.random.default_rng(1).standard_normal(ball.points.shape)
    np.savez(tmpdir / "ball.npz", points=ball.points, faces=ball.faces.reshape(-1, 4)[:, 1:])
    code = (
        "import sys\nimport numpy as np\nfrom cardioscar.imaging.meshing.tetwild import fill_surface\n"
        "with np.load(sys.argv[1]) as ball:\n    points, faces = ball['points'], ball['faces']\n"
        "fill_surface(points, faces, edge_mm=0.7, envelope_mm=0.02, stop_energy=4.0)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmpdir / "ball.npz")], start_new_session=True)
    try:
        assert _eventually(
            lambda: len(_of_group(parent.pid)) == 2 and _is_working(_of_group(parent.pid) - {parent.pid})
        )
        parent.kill()
        parent.wait()
        assert _eventually(lambda: not _of_group(parent.pid)), "fTetWild works on for nobody"
    finally:
        for pid in _of_group(parent.pid):
            os.kill(pid, signal.SIGKILL)
    assert len(list(tmpdir.rglob("surface.npz"))) == 1
    assert remove_leftovers() == 1
    assert [p.name for p in tmpdir.iterdir()] == ["ball.npz"]


def _of_group(group: int) -> set[int]:
    """Processes of a group that are not dead."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, _, of, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(of) == group and state != "Z":
                found.add(int(entry.name))
    return found


def _is_working(pids: set[int]) -> bool:
    """Whether the library that does the work is in the memory of one of them."""
    return any("pytetwild" in Path(f"/proc/{pid}/maps").read_text(errors="replace").lower() for pid in pids)


def _eventually(true: object, limit_s: float = 40.0) -> bool:
    end = time.monotonic() + limit_s
    while not true():  # type: ignore[operator]
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
