"""The command that a subject's page shows is one that can be run."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
import tyro

from cardioscar.commands.run_workflow import form_of
from cardioscar.config import as_mapping
from cardioscar.stages.scar3d.subject_report import again
from cardioscar.stages.scar3d.workflow import RECONSTRUCT

SHA = "sha256:" + "a" * 64


def understood(command: str) -> dict[str, dict[str, Any]]:
    """Settings by stage of a command, as `cardioscar run` reads it."""
    program, run, *words = shlex.split(command)
    assert (program, run) == ("cardioscar", "run")
    return {name: as_mapping(one) for name, one in vars(tyro.cli(form_of(RECONSTRUCT), args=words).stages).items()}


def test_the_command_of_usual_settings_names_none() -> None:
    configs = {stage.name: as_mapping(stage.config()) for stage in RECONSTRUCT}
    assert again("P001", configs) == "cardioscar run COHORT --output OUT --subjects P001"


@pytest.mark.parametrize("segmenter", [SHA, "none"], ids=["found labels", "own wall"])
def test_what_a_subject_has_recorded_is_read_back_from_the_command(segmenter: str) -> None:
    configs = {stage.name: stage.config() for stage in RECONSTRUCT}
    preprocess = replace(configs["preprocess"], n_sd=4.0, segmenter=segmenter)
    infer = configs["infer"]
    posterior = replace(infer.posterior, noise_sd=0.1, label_handover_mm=(1.0, 2.5))
    recorded = {
        "preprocess": as_mapping(preprocess),
        "infer": as_mapping(replace(infer, posterior=posterior, learned=False, doubt_range=(0.2, 0.8))),
    }
    command = again("P001", recorded)
    assert "segmenter" not in command
    said = understood(command)
    assert said["preprocess"] == recorded["preprocess"] | {"segmenter": "shipped"}
    assert said["infer"] == recorded["infer"]


def test_a_network_that_a_fit_started_from_has_to_be_named() -> None:
    fit = {"train": {"start_from": SHA, "freeze": ["coordinates"]}}
    command = again("P001", fit)
    assert "--train.start-from NETWORK --train.freeze coordinates" in command
    assert "sha256" not in command
