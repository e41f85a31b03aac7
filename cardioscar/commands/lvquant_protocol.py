"""`cardioscar lvquant protocol`: the folds of LVQuan over a folder of its layout."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.config import as_mapping
from cardioscar.lvquant.training.config import TrainConfig


@dataclass(frozen=True)
class Protocol:
    """Train a network for each fold of a folder in LVQuan's layout, and judge each subject by one that never met it."""

    folder: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FOLDER")]
    """Folder, or s3://bucket/prefix, with one .mat file a subject."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o", "--output"])]
    """Folder for the networks fold1, fold2, …, agreement.json and agreement.csv."""
    folds: int = 5
    """Number of folds; each subject is tested in one of them."""
    settings: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    """Settings of each training."""
    terminal: OnTerminal = TERMINAL


def main(prog: str, words: list[str]) -> int:
    """Parse the words after `cardioscar lvquant protocol`, run it, and print the errors."""
    form = parsed(Protocol, prog, words)
    from cardioscar.logs import configure
    from cardioscar.stages.training.protocol import protocol

    configure(logging.WARNING, stderr=True)
    with form.terminal.progress() as tell:
        said = protocol(form.folder, form.out, as_mapping(form.settings), folds=form.folds, on_step=tell)
    short = {way: said[way]["mae"] | {"phase_error_percent": said[way]["phase_error_percent"]} for way in _WAYS}
    form.terminal.answer(short)
    return 0


_WAYS = ("regressed", "measured")
