"""`cardioscar lge|lvquant|activation train`: a family's network, from settings to a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.config import as_mapping
from cardioscar.errors import ConfigError
from cardioscar.stages.networks import SHIPPED, registry_at
from cardioscar.stages.training.recipe import settings_of_file, settings_of_network
from cardioscar.stages.training.trainers import Trainer, trainer_of


@dataclass(frozen=True)
class TrainOptions:
    """What a training takes, whatever the family; `form_of` adds the family's settings."""

    out: Annotated[str, tyro.conf.arg(aliases=["-o", "--output"], metavar="OUT")]
    """Folder, or s3://bucket/prefix, for model.safetensors and model.json, settings.yaml, training.json, curves.json,
    training.html and overlays.png; it appears whole, and replaces an earlier training."""
    labelled: str = ""
    """Folder, or s3://bucket/prefix, of labelled subjects; without, it learns from synthetic data alone."""
    config: Path | None = None
    """Settings from a YAML file: settings.yaml of an earlier training, or the `config` of a model.json. Flags win."""
    like: str = ""
    """Settings of a network that was trained with them: `shipped`, a folder, s3:// or models:/ address. Flags win."""
    recipe: str = ""
    """`shipped`: the settings of the network that ships, as --like shipped."""
    register: str = ""
    """Name under which the network becomes a version in the model registry, too."""
    alias: tuple[str, ...] = ()
    """Names that point to that version from then on, such as champion."""
    tracking_uri: str = ""
    """MLflow server (http://…) or store (sqlite:///…) that records the training; by default MLFLOW_TRACKING_URI, and
    without that nothing is recorded; `off` records nothing."""
    terminal: OnTerminal = TERMINAL


@cache
def form_of(family: str) -> type[TrainOptions]:
    """The flags of a family's training, as a dataclass; its settings need no word before them."""
    trainer = trainer_of(family)
    settings = (
        "settings",
        Annotated[trainer.settings, tyro.conf.arg(name="")],
        field(default_factory=trainer.settings),
    )
    doc = f"{trainer.does}\n\nLabelled subjects: {trainer.labelled}."
    return make_dataclass("Train", [settings], bases=(TrainOptions,), frozen=True, namespace={"__doc__": doc})


def main(family: str, prog: str, words: list[str]) -> int:
    """Parse the words after `cardioscar <family> train`, train, and print what came of it as JSON.

    Args:
        family: Name of the family.
        prog: The command in its help.
        words: Words after it.

    Returns:
        Exit code 0; what is not well is raised.
    """
    trainer = trainer_of(family)
    form: Any = parsed(form_of(family), prog, words, default=_defaults(trainer, words))
    import logging

    from cardioscar.logs import configure
    from cardioscar.stages.training.rail import train
    from cardioscar.stages.training.registration import Registration

    configure(logging.WARNING, stderr=True)
    with form.terminal.progress() as tell:
        done = train(
            family,
            form.out,
            as_mapping(form.settings),
            labelled=form.labelled,
            registration=Registration(form.tracking_uri, form.register, form.alias),
            on_step=tell,
        )
    said = {name: done.facts[name] for name in ("family", "stop_reason", "steps", "best_step", "seconds", "warnings")}
    figures = {name: round(value, 4) for name, value in done.figures.items()}
    registered = {"registered": done.registered} if done.registered else {}
    said |= {"reused": done.reused, "sha256": done.sha256, **registered, "figures": figures}
    form.terminal.answer(said)
    return 0


def _defaults(trainer: Trainer, words: Sequence[str]) -> Any:
    """Settings of a file or of a network, which are read before the flags that win over them."""
    given = {name: _last(words, f"--{name}") for name in ("config", "like", "recipe")}
    said = [name for name, value in given.items() if value]
    if not said:
        return None
    if len(said) > 1:
        raise ConfigError("settings", "one of --config, --like and --recipe", f"--{' and --'.join(said)}")
    if given["recipe"] not in ("", SHIPPED):
        raise ConfigError("recipe", SHIPPED, "another name; --like takes addresses of networks")
    if given["config"]:
        settings = settings_of_file(trainer, Path(given["config"]))
    else:
        from cardioscar.stages.training.registration import Registration

        with registry_at(Registration(_last(words, "--tracking-uri")).tracking_uri):
            settings = settings_of_network(trainer, given["like"] or SHIPPED)
    return form_of(trainer.family)(out=tyro.MISSING, settings=settings)  # type: ignore[call-arg]


def _last(words: Sequence[str], flag: str) -> str:
    """The value of the last flag of a name; empty where there is none."""
    found = [words[k + 1] for k, word in enumerate(words[:-1]) if word == flag]
    found += [word.partition("=")[2] for word in words if word.startswith(f"{flag}=")]
    return found[-1] if found else ""
