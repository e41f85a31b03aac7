"""What the measurements of start-up and of a large mesh make of processes and of failures."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Import a file of `benchmarks/`, which finds its neighbours as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def by_name(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return by_name


def test_a_process_is_measured_with_the_package_of_the_folder(tmp_path: Path) -> None:
    """From a small process, as the benchmark is one: a child's peak is never below that of its parent."""
    (tmp_path / "cardioscar.py").write_text("x = bytearray(80_000_000)\nprint('another version')\n")
    program = (
        "import json, sys; from dataclasses import asdict; from pathlib import Path; from startup import spend\n"
        "print(json.dumps(asdict(spend(['-c', 'import cardioscar'], Path(sys.argv[1])))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=FOLDER, capture_output=True, text=True, check=True
    )
    spent = json.loads(done.stdout)
    assert spent["output"] == "another version\n"
    assert 80 < spent["peak_mib"] < 160
    assert 0 < spent["cpu_s"] < 20


def test_a_process_that_fails_is_not_counted(load, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code 3\nno disk"):
        load("startup").spend(["-c", "import sys; print('no disk'); sys.exit(3)"], tmp_path)


def test_libraries_are_those_whose_import_python_reports(load) -> None:
    report = "import time:   10 |   20 |     numpy\nimport time:  1 | 2 |   torch._C\nnot a line | of it | torch\n"
    assert load("startup").loaded(report) == ["numpy"]


@pytest.mark.parametrize(("outcome", "refused"), [("ok", False), ("failed", True), (None, True)])
def test_a_stage_whose_subject_is_not_ok_is_not_counted(
    load, tmp_path: Path, outcome: str | None, refused: bool
) -> None:
    if outcome:
        (tmp_path / "P001").mkdir()
        row = {"subject": "P001", "outcome": outcome, "error": None}
        (tmp_path / "P001" / "status.json").write_text(json.dumps(row))
    load("startup")
    check = load("large_mesh").check
    if refused:
        with pytest.raises(RuntimeError, match=tmp_path.name):
            check(tmp_path)
    else:
        check(tmp_path)


def test_every_measured_stage_is_a_command(load) -> None:
    from cardioscar.cli import COMMANDS

    startup = load("startup")
    words = startup.commands(Path("c"), Path("o"))
    assert {line[0] for line in words.values()} <= set(COMMANDS)
    assert set(load("large_mesh").commands(Path("c"), Path("o"))) < set(words)
