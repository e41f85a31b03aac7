"""`cardioscar activation …`: strain of a heart, its activation, where it is late, and where a lead would stand."""

from __future__ import annotations

from importlib import import_module

from cardioscar.commands.actions import chosen
from cardioscar.stages.activation.workflow import DETECT
from cardioscar.stages.training.trainers import trainer_of

ACTIONS: dict[str, tuple[str, str]] = {
    "strain": ("activation_strain", "Strain of sectors from any source: matrices, workspaces, displacement, contours."),
    "predict": ("activation_predict", "Onset and class of every sector, with intervals and pictures."),
    "map": ("activation_map", "Onset over the whole ventricle, on a mesh or a wall of usual form."),
    "sites": ("activation_sites", "Late wall free of scar, for a lead; corridors through scar, for ablation."),
    "detect": ("activation_detect", DETECT.does),
    "train": ("activation_train", trainer_of("activation").does),
}
"""Module of `cardioscar.commands` and what it does, by action; its `main` takes the command and the words after it."""


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar activation` and do what they ask for."""
    action = chosen(command, words, {name: does for name, (_, does) in ACTIONS.items()})
    if not action:
        return 0
    module = import_module(f"cardioscar.commands.{ACTIONS[action][0]}")
    return int(module.main(f"{command} {action}", words[1:]))
