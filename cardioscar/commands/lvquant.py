"""`cardioscar lvquant quantify|train`: the left ventricle in cine MR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cardioscar.commands import train_network
from cardioscar.commands.actions import chosen
from cardioscar.commands.run_workflow import run_workflow
from cardioscar.stages.lvquant.workflow import QUANTIFY
from cardioscar.stages.training.trainers import trainer_of


@dataclass(frozen=True)
class Action:
    """An action of the command.

    Attributes:
        does: What it does, in a line.
        run: Takes the command as its help calls it, and the words after it; returns the exit code.
    """

    does: str
    run: Callable[[str, list[str]], int]


def _quantify(prog: str, words: list[str]) -> int:
    return run_workflow(QUANTIFY, prog, words)


def _train(prog: str, words: list[str]) -> int:
    return train_network.main("lvquant", prog, words)


ACTIONS = {
    "quantify": Action(QUANTIFY.does, _quantify),
    "train": Action(trainer_of("lvquant").does, _train),
}
"""Actions by name."""


def main(command: str, words: list[str]) -> int:
    """Run the action that is asked for."""
    action = chosen(command, words, {name: one.does for name, one in ACTIONS.items()})
    return ACTIONS[action].run(f"cardioscar {command} {action}", words[1:]) if action else 0
