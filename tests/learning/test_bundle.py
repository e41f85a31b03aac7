"""A trained network travels with all that is needed to apply it, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cardioscar.config import config_sha256
from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.bundle import DESCRIPTION, WEIGHTS, read_bundle, save_bundle
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat

IMAGE = DataFormat("magnitude", {"0": "LGE"}, modality="LGE", spatial_shape=("16*n", "16*n"))
LABELS = DataFormat("segmentation", {"0": "background", "1": "wall", "2": "scar"}, dtype="uint8", value_range=(0, 2))
FACTS = BundleFacts(
    name="tiny",
    task="Finds the wall and its scar in a slice.",
    architecture="one convolution",
    spec={"features": 3},
    inputs={"image": IMAGE},
    outputs={"labels": LABELS},
    intensity="minus the mean of the slice, divided by its standard deviation",
    config={"steps": 5, "seed": 0, "rates": [0.1, 0.2]},
    spacing_mm=(1.5, 1.5),
    split_sha256="ab" * 32,
    eval_metrics={"dice": 0.71},
)


def build(spec: Mapping[str, Any]) -> nn.Module:
    return nn.Conv2d(1, spec["features"], 3)


def test_a_bundle_comes_back_whole(tmp_path: Path) -> None:
    network = build(FACTS.spec)
    written = save_bundle(tmp_path / "net", network, FACTS)
    assert sorted(p.name for p in (tmp_path / "net").iterdir()) == [DESCRIPTION, WEIGHTS]
    read = read_bundle(tmp_path / "net")
    assert read.facts == FACTS
    assert read.sha256 == written.sha256
    again = read.network("one convolution", build)
    assert torch.equal(again.weight, network.weight)  # type: ignore[arg-type]


def test_its_description_has_monais_keys_and_ours(tmp_path: Path) -> None:
    save_bundle(tmp_path / "net", build(FACTS.spec), FACTS)
    said = json.loads((tmp_path / "net" / DESCRIPTION).read_text())
    assert said["network_data_format"]["inputs"]["image"] == {
        "type": "image", "format": "magnitude", "modality": "LGE", "num_channels": 1,
        "spatial_shape": ["16*n", "16*n"], "dtype": "float32", "value_range": [], "is_patch_data": False,
        "channel_def": {"0": "LGE"},
    }  # fmt: skip
    assert said["network_data_format"]["outputs"]["labels"]["channel_def"]["2"] == "scar"
    assert said["pytorch_version"] == torch.__version__
    assert said["config_sha256"] == config_sha256(FACTS.config)
    assert said["parameters"] == 30


def test_an_earlier_bundle_is_replaced_and_other_folders_are_not(tmp_path: Path) -> None:
    first = save_bundle(tmp_path / "net", build(FACTS.spec), FACTS)
    second = save_bundle(tmp_path / "net", build(FACTS.spec), FACTS)
    assert read_bundle(tmp_path / "net").sha256 == second.sha256 != first.sha256
    (tmp_path / "net" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="bundle: expected a new folder, or that of an earlier network, found 1 other"):
        save_bundle(tmp_path / "net", build(FACTS.spec), FACTS)
    assert (tmp_path / "net" / "thesis.txt").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["net"]


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    network = build(FACTS.spec)
    with torch.no_grad():
        network.bias.fill_(torch.nan)  # type: ignore[union-attr,operator]
    with pytest.raises(InputError, match="model.safetensors: expected finite weights, found others: bias"):
        save_bundle(tmp_path / "net", network, FACTS)
    assert list(tmp_path.iterdir()) == []


def test_another_architecture_is_refused_by_name(tmp_path: Path) -> None:
    bundle = save_bundle(tmp_path / "net", build(FACTS.spec), FACTS)
    with pytest.raises(InputError, match="model.json: expected a network 'scar_net', found another architecture"):
        bundle.network("scar_net", build)
    with pytest.raises(InputError, match="weights of the architecture, found otherwise: weight, bias"):
        bundle.network("one convolution", lambda _: nn.Conv2d(1, 4, 3))


def test_a_network_that_claims_any_size_is_refused_before_it_is_made(tmp_path: Path) -> None:
    save_bundle(tmp_path / "net", build(FACTS.spec), dataclasses.replace(FACTS, spec={"features": 10**14}))
    with pytest.raises(InputError, match="weights of the architecture, found otherwise: weight, bias"):
        read_bundle(tmp_path / "net").network("one convolution", build)


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    said = json.loads((folder / DESCRIPTION).read_text())
    change(said)
    (folder / DESCRIPTION).write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda said: said.update(format="x"), "model.json: expected 'cardioscar bundle 1', found another format"),
        (lambda said: said.pop("spec"), "model.json: expected the key 'spec', found none"),
        (lambda said: said.pop("parameters"), "model.json: expected the key 'parameters', found none"),
        (lambda said: said.pop("network_data_format"), "model.json: expected the key 'network_data_format', found no"),
        (lambda said: said.update(network_data_format=[]), "model.json: expected network_data_format with inputs and"),
        (
            lambda said: said["network_data_format"].update(inputs=["Jane Doe"]),
            "model.json: expected inputs by name, found another form",
        ),
        (
            lambda said: said["network_data_format"]["inputs"].update(image="Jane Doe"),
            "model.json: expected a data format for each input and output, found another form",
        ),
        (
            lambda said: said["network_data_format"]["inputs"]["image"].pop("channel_def"),
            "model.json: expected a data format for each input and output, found another form",
        ),
        (
            lambda said: said["network_data_format"]["outputs"]["labels"]["channel_def"].pop("1"),
            "model.json: expected channel_def: a meaning for each channel or label by number from 0, found otherwise",
        ),
        (lambda said: said.update(patient="Jane Doe"), "model.json: expected one of the keys name, task"),
        (lambda said: said.update(task=7), "model.json: expected task: a value of type str, found otherwise"),
        (lambda said: said.update(spacing_mm=[0, 1]), "model.json: expected spacing_mm: positive numbers, found other"),
        (lambda said: said["config"].update(steps=6), "model.json: expected the settings that config_sha256 names"),
        (lambda said: said.update(weights_sha256="0" * 64), "model.safetensors: expected the weights that model.json"),
        (lambda said: said["eval_metrics"].update(dice="Jane Doe"), "model.json: expected eval_metrics: finite numbe"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_never_repeated(
    change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    save_bundle(tmp_path / "net", build(FACTS.spec), FACTS)
    changed(tmp_path / "net", change)
    with pytest.raises(InputError) as refused:
        read_bundle(tmp_path / "net")
    assert str(refused.value).startswith(message)
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "}, {"spec": {"a": float("nan")}}, {"config": {"a": object()}}, {"split_sha256": "ab"},
        {"inputs": {}}, {"outputs": {"labels": "all"}}, {"spacing_mm": (float("inf"),)},
        {"eval_metrics": {"dice": float("nan")}},
    ],
)  # fmt: skip
def test_facts_that_say_too_little_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        dataclasses.replace(FACTS, **wrong)


@pytest.mark.parametrize(
    "wrong", [{"num_channels": 0}, {"num_channels": 2}, {"spatial_shape": ("n",)}, {"value_range": (1.0, 0.0)}]
)
def test_a_data_format_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong)).replace("num_channels", "num_channels|channel_def")):
        dataclasses.replace(IMAGE, **wrong)
