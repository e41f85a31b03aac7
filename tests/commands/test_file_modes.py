"""Health data is not left open to every user of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardioscar.errors import ConfigError
from cardioscar.files.modes import VARIABLE, private_files

QUICK = ("--steps", "5", "--samples", "2", "--no-figures", "--device", "cpu", "-j", "2")


def modes(folder: Path) -> dict[str, int]:
    """Rights of a folder and of all that is in it."""
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}


# what lies below TMPDIR whenever a record is made: its copies are gone when the run ends
WATCHED = """
import os, sys
from pathlib import Path
from cardioscar import cli
from cardioscar.services.tracking import models, runs
def watched(stage):
    def call(files, folder):
        stage(files, folder)
        top = Path(os.environ["TMPDIR"])
        with open(os.environ["SEEN"], "a") as seen:
            for path in top.rglob("*"):
                seen.write(f"{path.stat().st_mode & 0o777:o} {path.relative_to(top)}\\n")
    return call
models.stage = watched(models.stage)
runs.stage = watched(runs.stage)
if __name__ == "__main__":
    sys.exit(cli.main())
"""


def run(*words: object, umask: int, script: Path | None = None, **variables: str) -> None:
    """Run a command in a process with this umask."""
    before = os.umask(umask)
    try:
        done = subprocess.run(
            [sys.executable, *([str(script)] if script else ["-m", "cardioscar.cli"]), *map(str, words)],
            env=os.environ | variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_results_logs_and_records_are_for_the_owners_group(tmp_path: Path) -> None:
    from cardioscar.phantom.cohort import write_cohort

    write_cohort(tmp_path / "cohort", subjects=2, nodes=1500)
    (tmp_path / "tmp").mkdir(mode=0o755)
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    seen, variables = tmp_path / "seen", {"TMPDIR": str(tmp_path / "tmp")}
    run(
        "run",
        tmp_path / "cohort",
        "-o",
        tmp_path / "out",
        *QUICK,
        umask=0o022,
        script=script,
        SEEN=str(seen),
        **variables,
    )
    assert {line for line in seen.read_text().splitlines() if int(line.split()[0], 8) & 0o007} == set()
    assert any(line.split()[1].startswith("cardioscar-") for line in seen.read_text().splitlines())
    found = modes(tmp_path / "out")
    assert {
        "results/cohort.csv",
        "results/cohort.json",
        "results/P001/scar.vtu",
        "run.log",
        "mlflow.db",
        "work/train/P001",
    } <= found.keys()
    assert any(name.startswith("mlartifacts/") and name.endswith("field.safetensors") for name in found)
    assert [name for name, mode in found.items() if mode & 0o007] == []
    assert {mode for name, mode in found.items() if name.startswith("results")} == {0o750, 0o640}


@pytest.mark.parametrize(
    ("umask", "variables", "expected"),
    [
        (0o022, {}, {0o750, 0o640}),
        (0o077, {}, {0o700, 0o600}),  # what the user withholds stays withheld
        (0o002, {VARIABLE: "002"}, {0o775, 0o664}),
        (0o022, {VARIABLE: "077"}, {0o700, 0o600}),
    ],
)
def test_the_stricter_of_umask_and_variable_holds(
    tmp_path: Path, umask: int, variables: dict[str, str], expected: set[int]
) -> None:
    run("phantom", tmp_path / "cohort", "--subjects", 1, "--nodes", 1500, umask=umask, **variables)
    assert set(modes(tmp_path / "cohort").values()) == expected


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o022)
    yield 0o022
    os.umask(before)


def test_the_process_has_its_own_rights_again_afterwards(umask: int, tmp_path: Path) -> None:
    with private_files():
        (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("inside", "outside")] == [0o750, 0o755]


@pytest.mark.parametrize("text", ["27", "o027", "0888", "u=rwx"])
def test_another_form_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match="CARDIOSCAR_UMASK: expected three octal digits"), private_files():
        pytest.fail("there is no such umask")
