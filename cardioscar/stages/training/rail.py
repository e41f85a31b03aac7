"""The one way from settings to a trained network, whatever the family: learned, stored whole, drawn, recorded."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardioscar import __version__
from cardioscar.config import as_mapping, config_sha256
from cardioscar.errors import InputError
from cardioscar.files.folders import fresh_folder, only_writer, platform_faults
from cardioscar.learning.bundle import Bundle, read_bundle
from cardioscar.logs import about
from cardioscar.stages.networks import registry_at
from cardioscar.stages.recording import attempt, not_recorded
from cardioscar.stages.training.inputs import labelled_folder, labelled_sha256
from cardioscar.stages.training.learned import Asked, Learned
from cardioscar.stages.training.recipe import settings_with
from cardioscar.stages.training.registration import UNREGISTERED, Registration
from cardioscar.stages.training.stored_output import OutputPlace, output_place
from cardioscar.stages.training.trainers import Trainer, trainer_of
from cardioscar.stages.training.weights_file import weights_here
from cardioscar.stages.training_output import (
    DESCRIPTION,
    FACTS,
    OVERLAYS,
    SETTINGS,
    WEIGHTS,
    check_output,
    checkpoint_beside,
    write_curves_and_page,
)
from cardioscar.types import OnStep

log = logging.getLogger(__name__)

FORMAT = "cardioscar training 1"
_BUNDLE = "bundle"


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        facts: What `training.json` says.
        figures: Figures of its validation and calibration by name.
        sha256: Hash that names the network.
        registered: `models:/name/version`; empty where it was not registered.
        reused: Whether an earlier training of the same settings and data was found.
    """

    facts: Mapping[str, Any]
    figures: Mapping[str, float]
    sha256: str
    registered: str = ""
    reused: bool = False


def train(
    family: str,
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    *,
    labelled: str | Path = "",
    registration: Registration = UNREGISTERED,
    copy: Path | None = None,
    on_step: OnStep | None = None,
) -> Trained:
    """Train a family's network.

    One that was killed goes on from its checkpoint beside the output. One that is there already, of the same settings,
    data, weights to start from and version, is not trained again; it is recorded and registered if that is asked for
    now.

    Args:
        family: A key of `TRAINERS`.
        output: Folder or `s3://` prefix, which appears whole: the network (`model.safetensors`, `model.json`), its
            effective `settings.yaml` (with `sha256:…` in place of addresses of weights), `training.json` (hashes of
            data and settings, how it ended), `curves.json`, `training.html`, `overlays.png`.
        options: Settings of the family's training by name.
        labelled: Folder or `s3://` prefix of labelled subjects; empty to learn from synthetic data alone.
        registration: Where it is recorded and registered.
        copy: Folder that becomes a copy of the output, before it is recorded.
        on_step: Told of progress.

    Raises:
        ConfigError: If a setting is unknown or impossible, or the output holds something else.
        InputError: If labelled data cannot be learned from, or the training does not stay finite.
        PlatformError: If the output cannot be written, or another process writes it.
        UnreachableError: If the object store or the tracking server does not answer; a network is kept.
    """
    trainer = trainer_of(family)
    settings = settings_with(trainer, options or {}, where=f"{family} train")
    registration.check()
    tell = on_step or (lambda *_: None)
    with (
        registry_at(registration.tracking_uri),
        weights_here(settings, family) as (here, recorded),
        labelled_folder(labelled) as folder,
        output_place(output) as place,
    ):
        final = place.final
        check_output(final)
        facts = {
            "format": FORMAT,
            "family": family,
            "version": __version__,
            "config_sha256": config_sha256(recorded),
            "labelled_sha256": labelled_sha256(folder),
            "settings": as_mapping(recorded),
        }
        with only_writer(final.parent, final.name):
            bundle, reused = _earlier(final, facts), True
            if bundle is None:
                bundle, reused = _learn(trainer, here, facts, place, folder, tell), False
                place.publish()
            if copy is not None:
                with platform_faults(copy):
                    shutil.copytree(final, copy, dirs_exist_ok=True)
            return _recorded(final, bundle, registration, reused=reused)


def _learn(
    trainer: Trainer, settings: Any, facts: dict[str, Any], place: OutputPlace, labelled: Path | None, tell: OnStep
) -> Bundle:
    """Train and write the folder."""
    final = place.final
    with checkpoint_beside(final) as checkpoint, platform_faults(final), fresh_folder(final) as scratch:
        asked = Asked(scratch / _BUNDLE, labelled, checkpoint, place.watching(tell, checkpoint))
        try:
            learned = trainer.learn(settings, asked)
        except (KeyboardInterrupt, SystemExit):
            place.keep()
            raise
        for warning in learned.warnings:
            with about(f"{trainer.family} train", "-"):
                log.warning(warning)
        for name in (WEIGHTS, DESCRIPTION):
            (scratch / _BUNDLE / name).rename(scratch / name)
        (scratch / _BUNDLE).rmdir()
        _write(scratch, learned, facts)
    return learned.bundle


def _write(folder: Path, learned: Learned, facts: dict[str, Any]) -> None:
    """Write all that is said of a training."""
    import yaml

    from cardioscar.report.training import TrainingSummary

    facts |= {
        "split": learned.split.counts if learned.split else {},
        "split_sha256": learned.split.sha256 if learned.split else "",
        "stop_reason": learned.stop_reason,
        "steps": len(learned.curves.losses),
        "best_step": learned.best_step,
        "seconds": round(learned.seconds, 1),
        "device": learned.device,
        "warnings": list(learned.warnings),
        "network_sha256": learned.bundle.sha256,
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    (folder / SETTINGS).write_text(yaml.safe_dump(facts["settings"], sort_keys=False), encoding="utf-8")
    [(_, picture)] = learned.pictures.items()
    (folder / OVERLAYS).write_bytes(picture)
    figures = learned.bundle.facts.eval_metrics
    summary = TrainingSummary(
        learned.bundle.facts.name,
        learned.curves,
        learned.stop_reason,
        learned.best_step,
        __version__,
        learned.seconds,
        learned.device,
        facts["settings"],
        learned.split,
        {name: value for name, value in figures.items() if not name.startswith("interval_lv_thickening")},
        learned.pictures,
    )
    write_curves_and_page(folder, summary)


def _earlier(final: Path, facts: Mapping[str, Any]) -> Bundle | None:
    """The network of an earlier training of the same settings, data and version."""
    try:
        said = json.loads((final / FACTS).read_bytes())
        same = all(said.get(name, "") == facts[name] for name in facts if name != "settings")
        bundle = read_bundle(final) if same else None
    except (OSError, ValueError, AttributeError, InputError):
        return None
    return bundle if bundle is not None and bundle.sha256 == said.get("network_sha256") else None


def _recorded(final: Path, bundle: Bundle, registration: Registration, *, reused: bool) -> Trained:
    """What was trained, after it has been recorded; a fault of MLflow is raised when all else is done."""
    facts, registered = json.loads((final / FACTS).read_bytes()), list[str]()
    if registration.tracking_uri:
        failed = attempt(lambda: registered.append(registration.record(final, bundle, facts)))
        if failed is not None:
            raise not_recorded(failed)
    return Trained(facts, bundle.facts.eval_metrics, bundle.sha256, "".join(registered), reused)
