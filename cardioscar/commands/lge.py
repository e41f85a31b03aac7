"""`cardioscar lge segment|evaluate|train`: wall, cavity and scar of late-enhancement images."""

from __future__ import annotations

from collections.abc import Callable

from cardioscar.commands import train_network
from cardioscar.commands.actions import chosen
from cardioscar.commands.run_workflow import run_workflow
from cardioscar.stages.lge.workflow import SEGMENT
from cardioscar.stages.training.trainers import trainer_of


def _segment(prog: str, words: list[str]) -> int:
    return run_workflow(SEGMENT, prog, words)


def _train(prog: str, words: list[str]) -> int:
    return train_network.main("lge", prog, words)


def _evaluate(prog: str, words: list[str]) -> int:
    from cardioscar.commands.lge_evaluate import main as evaluate

    return evaluate(prog, words)


ACTIONS: dict[str, tuple[str, Callable[[str, list[str]], int]]] = {
    "segment": (SEGMENT.does, _segment),
    "train": (trainer_of("lge").does, _train),
    "evaluate": ("Score segmentations beside a truth: table, JSON and page with plots.", _evaluate),
}
"""What each action does, and the function that takes its name in help and the words after it."""


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar lge` and do what is asked."""
    action = chosen(command, words, {name: does for name, (does, _) in ACTIONS.items()})
    return ACTIONS[action][1](f"cardioscar {command} {action}", words[1:]) if action else 0
