"""The command line in processes of its own, and ways to end them at a moment that is certain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.finished_run import FLAGS, Run


def start(run: Run, *words: str, steps: int = 40) -> subprocess.Popen[str]:
    """Start `cardioscar run` as the leader of a process group."""
    flags = [f"--steps={steps}" if flag.startswith("--steps") else flag for flag in FLAGS]
    command = [sys.executable, "-m", "cardioscar.cli", "run", str(run.cohort), "-o", str(run.out), *flags, *words]
    return subprocess.Popen(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=_heed_ctrl_c,
    )  # fmt: skip


def _heed_ctrl_c() -> None:
    """A shell that starts the tests in the background has them ignore SIGINT, and what they start inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str], *, seconds: float = 300) -> bool:
    """Watch closely until something holds; False if the process ended before."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the moment did not come"
        time.sleep(0.0005)
    return True


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL for a process and all its workers."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def members(group: int) -> list[int]:
    """Processes of a group that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, of = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(of) == group and state != "Z":
                found.append(int(entry.name))
    return found


def wait_until_gone(group: int, *, seconds: float = 10) -> bool:
    """Whether all processes of a group end by themselves in time."""
    deadline = time.monotonic() + seconds
    while members(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def holder(lock: Path) -> int | None:
    """The process that has a file open, among this user's."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if any(link.readlink() == lock for link in (entry / "fd").iterdir()):
                    return int(entry.name)
            except OSError:
                continue
    return None
