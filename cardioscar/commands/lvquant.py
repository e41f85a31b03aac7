"""`cardioscar lvquant quantify|evaluate|train|protocol`: the left ventricle in cine MR."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cardioscar.commands import train_network
from cardioscar.commands.actions import chosen, first_line
from cardioscar.commands.parsing import parsed
from cardioscar.commands.run_workflow import run_workflow
from cardioscar.commands.terminal import TERMINAL, OnTerminal
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


@dataclass(frozen=True)
class Evaluate:
    """Hold quantified cines against known labels: every index, phase, overlap, volumes.

    Writes evaluation.json, evaluation.csv and evaluation.html. Frames and slices in which nobody drew do not count.
    """

    results: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RESULTS")]
    """Output folder of `cardioscar lvquant quantify`, or its published results."""
    truth: Path
    """Folder with `SUBJECT/labels.nii.gz` (4D, background where nobody drew), or `SUBJECT.mat` in the layout of LVQuan;
    the cohort itself where it holds labels."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o", "--output"])] = Path("evaluation")
    """Folder to write."""
    label_table: str = "cardioscar"
    """Convention of the labels."""
    terminal: OnTerminal = TERMINAL


def _evaluate(prog: str, words: list[str]) -> int:
    form = parsed(Evaluate, prog, words)
    from cardioscar.errors import ConfigError
    from cardioscar.imaging.labels import LABEL_TABLES
    from cardioscar.logs import configure
    from cardioscar.services.store.places import local_folder
    from cardioscar.stages.lvquant.evaluate import evaluate
    from cardioscar.stages.lvquant.evaluation_terminal import print_evaluation

    if form.label_table not in LABEL_TABLES:
        raise ConfigError("label_table", f"one of {', '.join(LABEL_TABLES)}", repr(form.label_table))
    for name in ("results", "truth", "out"):
        local_folder(getattr(form, name), where=name)
    configure(logging.WARNING, stderr=True)
    with form.terminal.progress() as tell:
        found = evaluate(form.results, form.truth, form.out, label_table=form.label_table, on_step=tell)
    written = json.loads((form.out / "evaluation.json").read_text(encoding="utf-8"))
    form.terminal.answer(written, lambda: print_evaluation(found, form.out))
    return 0


def _train(prog: str, words: list[str]) -> int:
    return train_network.main("lvquant", prog, words)


def _protocol(prog: str, words: list[str]) -> int:
    from cardioscar.commands.lvquant_protocol import main as protocol

    return protocol(prog, words)


ACTIONS = {
    "quantify": Action(QUANTIFY.does, _quantify),
    "evaluate": Action(first_line(Evaluate), _evaluate),
    "train": Action(trainer_of("lvquant").does, _train),
    "protocol": Action(
        "Train and judge by the folds of LVQuan: each subject by a network that never met it.", _protocol
    ),
}
"""Actions by name."""


def main(command: str, words: list[str]) -> int:
    """Run the action that is asked for."""
    action = chosen(command, words, {name: one.does for name, one in ACTIONS.items()})
    return ACTIONS[action].run(f"cardioscar {command} {action}", words[1:]) if action else 0
