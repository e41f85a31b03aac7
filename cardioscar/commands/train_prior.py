"""`cardioscar train-prior field|scar`: what is learned once, for all subjects."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from cardioscar.commands.actions import chosen, first_line
from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.config import as_mapping
from cardioscar.errors import InputError
from cardioscar.scar3d.transfer.config import TransferConfig
from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.services.store.places import local_folder

Out = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


@dataclass(frozen=True)
class Field:
    """Pretrain a coordinate network on a cohort; `train --start-from` starts each subject's fit from it."""

    cohort: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="COHORT")]
    """Artifact of group-sort, or a cohort: a folder, or s3://bucket/prefix."""
    out: Out
    """Folder for field.safetensors and field.json, curves.json and training.html."""
    options: Annotated[TransferConfig, tyro.conf.arg(name="")] = field(default_factory=TransferConfig)
    """Settings."""
    subjects: str = ""
    """Comma-separated ids to learn from; empty for all."""
    register: str = ""
    """Name under which the network becomes a version in the model registry, too."""
    tracking_uri: str = ""
    """MLflow server (http://…) or store (sqlite:///…) of the registry; by default MLFLOW_TRACKING_URI."""
    terminal: OnTerminal = TERMINAL


@dataclass(frozen=True)
class Scar:
    """Train the scar prior, a network over the LV wall, on synthetic scars."""

    out: Out
    """Folder for scar_prior.safetensors and scar_prior.json, curves.json and training.html."""
    options: Annotated[ScarPriorConfig, tyro.conf.arg(name="")] = field(default_factory=ScarPriorConfig)
    """Settings."""
    register: str = ""
    """Name under which the network becomes a version in the model registry, too."""
    tracking_uri: str = ""
    """MLflow server (http://…) or store (sqlite:///…) of the registry; by default MLFLOW_TRACKING_URI."""
    terminal: OnTerminal = TERMINAL


ACTIONS = {"field": Field, "scar": Scar}


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar train-prior` and train."""
    action = chosen(command, words, {name: first_line(form) for name, form in ACTIONS.items()})
    if not action:
        return 0
    form: Any = parsed(ACTIONS[action], f"cardioscar {command} {action}", words[1:])
    local_folder(form.out, where="out")
    registry = _registry(form)
    import logging

    from cardioscar.logs import configure
    from cardioscar.stages.scar3d import train_prior

    configure(logging.WARNING, stderr=True)
    with form.terminal.progress() as tell:
        if isinstance(form, Scar):
            about = train_prior.scar(form.out, as_mapping(form.options), on_step=tell)
        else:
            about = train_prior.field(
                form.cohort, form.out, as_mapping(form.options), subjects=form.subjects, on_step=tell
            )
    if registry:
        about["registered"] = train_prior.register(
            form.out, form.register, registry, kind="scar" if isinstance(form, Scar) else "field"
        )
    form.terminal.answer(_short(about))
    return 0


def _registry(form: Any) -> str:
    """Address of the registry, where the network is to be registered: what is missing is said before the training."""
    if not form.register:
        return ""
    from cardioscar.services.tracking.trained_models import check_model_name
    from cardioscar.stages.families import MODEL_NAMES

    check_model_name(form.register, MODEL_NAMES)
    uri = form.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise InputError("tracking URI", "--tracking-uri or MLFLOW_TRACKING_URI", "neither")
    return str(uri)


def _short(about: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see: the hashes of the hearts fill pages."""
    hearts = about.get("hearts")
    return about | ({"hearts": hearts["count"]} if isinstance(hearts, dict) else {})
