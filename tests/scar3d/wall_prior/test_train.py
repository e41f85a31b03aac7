from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cardioscar.errors import ConfigError, InputError
from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.scar3d.wall_prior.stored_unet import DESCRIPTION, WEIGHTS, load_prior
from cardioscar.scar3d.wall_prior.train import train_scar_prior

SMALL = ScarPriorConfig(
    ventricles=4, scars=3, epochs=6, batch=3, channels=4, cell_mm=6.0, layers=3, validation=0.25, learning_rate=1e-2
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, list]:
    folder, told = tmp_path_factory.mktemp("prior"), []
    about = train_scar_prior(folder, SMALL, lambda *step: told.append(step))
    return folder, about, told


def test_training_says_all_that_made_the_weights(trained: tuple[Path, dict, list]) -> None:
    folder, about, _ = trained
    assert json.loads((folder / DESCRIPTION).read_text()) == about
    assert about["config"]["ventricles"] == 4
    assert about["config"]["seed"] == 0
    assert about["examples"] == 9
    assert about["validation"]["examples"] == 3
    assert about["torch"] == torch.__version__
    assert len(about["weights_sha256"]) == len(about["config_sha256"]) == 64


def test_training_beats_log_odds_on_ventricles_kept_back(trained: tuple[Path, dict, list]) -> None:
    validation = trained[1]["validation"]
    assert validation["loss"] < validation["log_odds_loss"]


def test_training_tells_every_step(trained: tuple[Path, dict, list]) -> None:
    told = trained[2]
    assert told == [("draw", n + 1, 4) for n in range(4)] + [("train", n + 1, 18) for n in range(18)]


def test_training_is_the_same_again(trained: tuple[Path, dict, list], tmp_path: Path) -> None:
    torch.manual_seed(123)  # the state of the caller plays no part
    assert train_scar_prior(tmp_path, SMALL)["weights_sha256"] == trained[1]["weights_sha256"]


def test_stored_weights_come_back(trained: tuple[Path, dict, list]) -> None:
    network, about = load_prior(trained[0])
    assert about["weights_sha256"] == trained[1]["weights_sha256"]
    assert not network.training
    assert network.head.weight.abs().max() > 0


def claimed(folder: Path, channels: object) -> None:
    said = json.loads((folder / DESCRIPTION).read_text())
    said["config"]["channels"] = channels
    (folder / DESCRIPTION).write_text(json.dumps(said))


def of_format(folder: Path, number: int) -> None:
    said = json.loads((folder / DESCRIPTION).read_text())
    said["format"] = number
    (folder / DESCRIPTION).write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda folder: (folder / WEIGHTS).unlink(), "no such file"),
        (lambda folder: (folder / WEIGHTS).write_bytes(b"other"), "another sha256"),
        (
            lambda folder: (folder / DESCRIPTION).write_text('{"format": 99}'),
            "the settings of the training, found none",
        ),
        (lambda folder: of_format(folder, 99), "another one"),
        (lambda folder: claimed(folder, 4 * 10**9), "the weights of the architecture, found fewer"),
        (lambda folder: claimed(folder, "Jane Doe"), "channels: expected a value of type int"),
    ],
)
def test_weights_that_are_not_the_described_ones_are_refused(
    trained: tuple[Path, dict, list],
    tmp_path: Path,
    spoil,  # type: ignore[no-untyped-def]
    finding: str,
) -> None:
    for name in (WEIGHTS, DESCRIPTION):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    spoil(tmp_path)
    with pytest.raises(InputError, match=finding) as refused:
        load_prior(tmp_path)
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ventricles": 0},
        {"layers": 1},
        {"learning_rate": float("nan")},
        {"validation": 1.0},
        {"cell_mm": 0.0},
        {"validation": 0.9, "ventricles": 2},
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ScarPriorConfig(**wrong)  # type: ignore[arg-type]


def test_a_rate_that_is_too_high_leaves_no_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="learning_rate: expected a training that stays finite, found one"):
        train_scar_prior(tmp_path, dataclasses.replace(SMALL, learning_rate=1e38))
    assert list(tmp_path.iterdir()) == []


def test_settings_are_light_to_import() -> None:
    code = (
        "import sys, cardioscar.scar3d.wall_prior.config; print(sorted({'torch', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_prior_for_other_pixels_is_refused(trained: tuple[Path, dict, list]) -> None:
    with pytest.raises(InputError, match="a prior for labels, found one for fractions"):
        load_prior(trained[0], pixels="labels")


def test_a_prior_for_labels_learns_what_a_hand_would_draw(tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, pixels="labels")
    about = train_scar_prior(tmp_path, config)
    assert {"loss", "along_wall_loss"} <= set(about["validation"])
    assert "along the wall, between" in about["input_channels"]
    network, _ = load_prior(tmp_path, pixels="labels")
    assert sum(p.numel() for p in network.parameters()) == about["parameters"]
