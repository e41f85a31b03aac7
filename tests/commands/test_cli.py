from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar import __version__
from cardioscar.cli import COMMANDS, EXIT_CODES
from tests.commands.conftest import Said

Cardioscar = Callable[..., Said]


def test_help_names_every_command_and_the_exit_codes(cardioscar: Cardioscar) -> None:
    for words in ((), ("--help",), ("-h",)):
        said = cardioscar(*words)
        assert (said.code, said.err) == (0, "")
        assert all(f"\n  {name} " in said.out for name in COMMANDS)
        assert EXIT_CODES in said.out
        assert max(map(len, said.out.splitlines())) <= 100


def test_version(cardioscar: Cardioscar) -> None:
    assert cardioscar("--version").out == f"cardioscar {__version__}\n"


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("rum", "cardioscar: no command 'rum'; did you mean 'run'? See cardioscar --help.\n"),
        ("group_sort", "cardioscar: no command 'group_sort'; did you mean 'group-sort'? See cardioscar --help.\n"),
        ("zzz", "cardioscar: no command 'zzz'. See cardioscar --help.\n"),
    ],
)
def test_an_unknown_command_is_wrong_usage(word: str, answer: str, cardioscar: Cardioscar) -> None:
    said = cardioscar(word)
    assert (said.code, said.out, said.err) == (2, "", answer)


@pytest.mark.parametrize(
    "words",
    [*((name,) for name in COMMANDS), ("registry", "find"), ("registry", "show"), ("registry", "load")],
    ids=" ".join,
)
def test_every_command_explains_itself(words: tuple[str, ...], cardioscar: Cardioscar) -> None:
    said = cardioscar(*words, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"cardioscar {' '.join(words)}" in said.out


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (["--help"], {"numpy", "scipy", "torch", "pyvista", "vtkmodules", "mlflow", "tyro", "yaml", "SimpleITK"}),
        (["--version"], {"numpy", "tyro"}),
        (["run", "--help"], {"torch", "pyvista", "vtkmodules", "mlflow", "SimpleITK", "matplotlib"}),
        (["train", "--help"], {"torch", "pyvista", "vtkmodules", "mlflow", "SimpleITK", "matplotlib"}),
        (["phantom", "--help"], {"torch", "pyvista", "vtkmodules", "mlflow", "SimpleITK", "matplotlib"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_help_imports_nothing_heavy(words: list[str], absent: set[str]) -> None:
    script = f"""
        import sys
        from cardioscar.cli import main
        try:
            main({words!r})
        except SystemExit:
            pass
        print(*(set({sorted(absent)!r}) & sys.modules.keys()), file=sys.stderr)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout
    assert done.stderr.split() == []


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    script = "import sys; from cardioscar.cli import main; sys.exit(main(['run', '--help']))"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("usage: cardioscar run")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.wait(timeout=60)
    process.stderr.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "nowhere", "-o", "out"), "cohort: expected a folder or a cohort.csv, found no such folder"),
        (("run", "empty", "-o", "out"), "cohort: expected at least one subject folder, found none"),
        (("run", "cohort", "-o", "cohort/out"), "output: expected a folder outside the cohort's, found one that would"),
        (("preprocess", "cohort", "-o", "cohort/out"), "output: expected a folder outside the cohort's, found one"),
        (
            ("run", "cohort", "-o", "out", "--subjects", "P9"),
            "subjects: expected ids of the cohort (2 subjects), found P9",
        ),
        (
            ("run", "cohort", "-o", "out", "--slice-thickness-mm", "-3"),
            "slice_thickness_mm: expected a positive number, found -3",
        ),
        (
            ("run", "cohort", "-o", "out", "--holdout", "old"),
            "holdout: expected none, odd, even or slice numbers like 3,5",
        ),
        (("run", "cohort", "-o", "out", "--steps", "0"), "steps: expected at least 1, found 0"),
        (("run", "cohort", "-o", "out", "--seed=-1"), "seed: expected a whole number from 0 to 4294967295, found -1"),
        (
            ("run", "cohort", "-o", "out", "--device", "gpu"),
            "device: expected auto, cpu, cuda or cuda:N, found another",
        ),
        (("run", "cohort", "-o", "out", "--nodes-per-group", "6"), "--nodes-per-group: expected --preprocess.merge-to"),
        (
            ("run", "cohort", "-o", "out", "--max-failed-fraction", "2"),
            "max_failed_fraction: expected a share from 0 to 1",
        ),
        (("run", "cohort", "-o", "out", "--jobs=-1"), "jobs: expected 0 or more, found -1"),
        (
            ("run", "cohort", "-o", "out", "--config", "no.yaml"),
            "no.yaml: expected a configuration file, found no such file",
        ),
        (
            ("list-subjects", "cohort", "--shard-size", "0"),
            "shard_size: expected a whole number of at least 1, found 0",
        ),
        (("group-sort", "empty", "-o", "out"), "empty: expected an artifact folder with subjects, found none"),
        (("registry", "list"), "registry: expected find, show or load, found 'list'"),
        (("registry", "find"), "tracking URI: expected --tracking-uri or MLFLOW_TRACKING_URI, found neither"),
        (("phantom", "out", "--nodes", "5"), "phantom: nodes: expected at least 1000, found 5"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(
    words: tuple[str, ...],
    message: str,
    cohort: Path,
    cardioscar: Cardioscar,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "cohort").symlink_to(cohort)
    said = cardioscar(*words)
    assert said.err.startswith(f"cardioscar: {message}")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("run", "cohort", "-o", "out", "--slice-thicknes-mm", "3"),
        ("run", "cohort"),
        ("run", "cohort", "-o", "out", "--target", "guess"),
        ("mesh", "labels.nii", "-o", "lv.vtu", "--edge-mm", "fine"),
    ],
)
def test_flags_that_cannot_be_parsed_are_code_2(words: tuple[str, ...], cardioscar: Cardioscar) -> None:
    said = cardioscar(*words)
    assert (said.code, said.out) == (2, "")
    assert "Traceback" not in said.err


def test_an_output_that_cannot_be_written_is_code_3(cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for command in ("run", "preprocess"):
        said = cardioscar(command, cohort, "-o", tmp_path / "file" / "out")
        assert said.code == 3
        assert said.err.splitlines()[-1].startswith("cardioscar: cannot write to output 'out': Not a directory")
        assert str(tmp_path) not in said.err
    said = cardioscar("phantom", tmp_path / "file")
    assert (said.code, said.err) == (3, "cardioscar: file: could not be written (File exists)\n")


class Careless:
    """A command with a fault of its own."""

    @staticmethod
    def main(command: str, words: list[str]) -> int:
        raise KeyError("/data/JANE_DOE/lge.nii")


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_of_the_program_is_one_line_and_a_code_of_its_own(
    debug: bool, cardioscar: Cardioscar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARDIOSCAR_DEBUG", "")
    monkeypatch.setattr("cardioscar.cli.import_module", lambda name: Careless)
    said = cardioscar(*(["--debug"] if debug else []), "run", "cohort")
    assert (said.code, said.out) == (70, "")
    assert said.err.splitlines()[-1].startswith("cardioscar: unforeseen KeyError at cli.py:")
    assert ("Traceback" in said.err) == debug
    assert ("JANE" in said.err) == debug
    assert "  70  " in EXIT_CODES


def test_a_tracking_server_that_does_not_answer_is_code_4(cardioscar: Cardioscar) -> None:
    pytest.importorskip("mlflow")
    said = cardioscar("registry", "find", "--tracking-uri", "http://127.0.0.1:9")
    assert said.code == 4
    assert said.err == "cardioscar: MLflow server http://127.0.0.1:9: connection refused: is the server running?\n"
