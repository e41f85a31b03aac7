"""`cardioscar lge|lvquant|activation train`: settings from flags, files and networks, one way for all families."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cardioscar.stages.training_output import FILES
from tests.commands.conftest import Said
from tests.finished_run import content
from tests.stages.training.tiny import FAMILIES, TINY

Cardioscar = Callable[..., Said]


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[str], Path]:
    def write(family: str) -> Path:
        path = tmp_path / f"{family}.yaml"
        path.write_text(yaml.safe_dump(TINY[family]))
        return path

    return write


def test_a_network_is_trained_from_a_file_and_flags_and_again_like_itself(
    cardioscar: Cardioscar, tmp_path: Path, settings: Callable[[str], Path]
) -> None:
    said = cardioscar(
        "activation", "train", "--json", "-o", tmp_path / "a", "--config", settings("activation"), "--seed=3"
    )
    assert said.code == 0, said.err
    about = json.loads(said.out)
    assert (about["family"], about["stop_reason"], about["reused"]) == ("activation", "completed", False)
    assert about["figures"]["tos_error_ms"] > 0
    assert sorted(content(tmp_path / "a")) == sorted(FILES)
    assert yaml.safe_load((tmp_path / "a/settings.yaml").read_text())["seed"] == 3
    said = cardioscar("activation", "train", "--json", "-o", tmp_path / "b", "--like", tmp_path / "a")
    assert said.code == 0, said.err
    assert json.loads(said.out)["sha256"] == about["sha256"]
    said = cardioscar("activation", "train", "--json", "-o", tmp_path / "b", f"--config={tmp_path / 'a/settings.yaml'}")
    assert json.loads(said.out)["reused"] is True


def test_a_training_is_registered_under_a_name_and_alias(
    cardioscar: Cardioscar, tmp_path: Path, settings: Callable[[str], Path]
) -> None:
    pytest.importorskip("alembic")
    said = cardioscar(
        "activation", "train", "--json", "-o", tmp_path / "a", "--config", settings("activation"), "--register", "late",
        "--alias", "champion", "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert json.loads(said.out)["registered"] == "models:/late/1"


@pytest.mark.parametrize("family", FAMILIES)
def test_help_is_light_and_shows_the_settings(family: str) -> None:
    script = (
        "import sys\nfrom cardioscar.cli import main\n"
        f"try:\n    main(['{family}', 'train', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(*({'torch', 'pyvista', 'mlflow', 'matplotlib', 'boto3'} & sys.modules.keys()), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []
    assert f"cardioscar {family} train" in done.stdout
    own = "--members" if family == "activation" else "--loop.steps"
    for flag in ("--config", "--like", "--labelled", "--register", own):
        assert flag in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--labelled", "nowhere"), "labelled folder: expected a folder, found no such folder"),
        (("--register", "net"), "tracking URI: expected --tracking-uri or MLFLOW_TRACKING_URI, to register"),
        (("--config", "none.yaml"), "none.yaml: expected a file of settings, found no such file"),
        (("--config", "x.yaml", "--like", "y"), "settings: expected one of --config, --like and --recipe, found"),
        (("--recipe", "best"), "recipe: expected shipped, found another name"),
        (("--like", "nowhere"), "like: expected a folder with a network that cardioscar trained, found no such folder"),
        (("--batch", "0"), "batch: expected at least 1, found 0"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(
    words: tuple[str, ...], message: str, cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = cardioscar("lge", "train", "-o", "out", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1].startswith(f"cardioscar: {message}")
    assert not (tmp_path / "out").exists()
