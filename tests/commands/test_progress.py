"""Progress of long commands: lines with counts and the time left in a file, bars on a terminal, nothing where asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time

import pytest

from cardioscar.commands.progress import Lines, progress, waiting


def test_lines_come_now_and_then_with_counts_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 4.0, 12.0, 15.0, 40.0])
    lines = Lines(clock=lambda: next(seconds))
    for done in (0, 1, 3, 4):
        lines.tell("fit", done, 10, f"P00{done}")
    lines.tell("fit", 10, 10)
    assert capsys.readouterr().err.splitlines() == ["fit: 3 of 10, 28 s left (P003)", "fit: 10 of 10, 40 s"]


def test_what_is_done_at_once_says_nothing_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as tell, waiting("cutting", "seconds"):
        tell("evaluate", 0, 2)
        tell("evaluate", 2, 2)
    assert capsys.readouterr().err == ""


def test_a_work_that_cannot_count_says_that_it_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cardioscar.commands.progress.EVERY_SECONDS", 0.05)
    with waiting("meshing", "minutes"):
        time.sleep(0.3)
    said = capsys.readouterr().err.splitlines()
    assert 1 <= len(said) <= 6
    assert set(said) == {"meshing: 0 s so far (minutes)"}
    with waiting("meshing", "minutes", quiet=True):
        time.sleep(0.2)
    assert capsys.readouterr().err == ""


PROGRAM = """
import time
from cardioscar.commands.progress import progress
with progress(quiet={quiet}) as tell:
    for done in range(4):
        tell("fit [x]", done, 3, "P001")
        time.sleep(0.15)
"""


@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_gets_bars_with_counts_and_the_time_left(quiet: bool) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(quiet=quiet)], stderr=theirs, stdout=subprocess.PIPE, env=environment
    ) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            said += part
    os.close(ours)
    assert process.returncode == 0
    if quiet:
        assert said == b""
        return
    text = said.decode()
    assert "fit [x]  P001" in text  # brackets are no markup
    assert "3/3" in text
    assert "left" in text
