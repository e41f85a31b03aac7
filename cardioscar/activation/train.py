"""Training of an ensemble, from settings and perhaps a folder of labelled hearts to a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardioscar.activation.baselines.scores import score
from cardioscar.activation.network.config import ActivationNetworkConfig, Tasks
from cardioscar.activation.network.ensemble import Ensemble
from cardioscar.activation.network.interval import CalibratedEnsemble, calibrate_interval, coverage
from cardioscar.activation.network.stored import StoredEnsemble, save_ensemble
from cardioscar.activation.network.training import Examples, examples_of
from cardioscar.activation.phantoms.strain_phantom import StrainPhantom, strain_phantom
from cardioscar.activation.training.config import TrainConfig
from cardioscar.activation.training.labelled import LabelledHeart, examples_with, read_labelled
from cardioscar.activation.training.members import Member, forget_members, train_members
from cardioscar.config import as_mapping, config_sha256
from cardioscar.errors import InputError
from cardioscar.learning.split import Split, split_subjects

log = logging.getLogger(__name__)

OnStep = Callable[[int, int], None]
"""Told the steps done, of all networks, and their upper limit."""

_SETS = ("training", "validation", "calibration", "test")
_APART = 1_000_000
"""Seeds of one set of hearts; no two sets have a heart in common, and none has one that benchmarks judge by."""
_UNSEEN_BY_BENCHMARKS = 2


@dataclass(frozen=True)
class TrainedActivation:
    """A training and the bundle that it made.

    Attributes:
        members: Networks and curves, those of both tasks first.
        stored: What was written.
        split: Labelled subjects by what they were for; None where all was drawn.
    """

    members: tuple[Member, ...]
    stored: StoredEnsemble
    split: Split | None


def train_activation(
    output: Path,
    config: TrainConfig,
    *,
    labelled: Path | None = None,
    checkpoint: Path | None = None,
    on_step: OnStep | None = None,
) -> TrainedActivation:
    """Train an ensemble, find how wide its intervals must be, and write its bundle.

    Phantoms are drawn in four sets that have no heart in common: those to learn from, those that choose the weights,
    those that calibrate intervals, and those that judge. Labelled hearts are split by subject: some are learned from,
    the others choose weights beside the phantoms.

    Args:
        output: Folder of the bundle; new, or that of an earlier one.
        config: Settings.
        labelled: Folder of hearts with onsets, see `training.labelled`; None for phantoms alone.
        checkpoint: Beginning of the names of the files that a killed training resumes from; they are taken away at the
            end.
        on_step: Told the steps done.

    Raises:
        InputError: If files cannot be read, a training does not stay finite, or hearts are too few for the level.
    """
    split, known, judging = _labelled(labelled, config)
    drawn = {name: _draw(config, name) for name in ("training", "validation")}
    training, validation = (examples_with(_examples(drawn[name]), hearts) for name, hearts in
                            zip(("training", "validation"), (known, judging), strict=True))  # fmt: skip
    identity = config_sha256({"config": config_sha256(config), "split": split.sha256 if split else ""})
    configs = _configs(config)
    members = train_members(configs, training, validation, checkpoint=checkpoint, identity=identity, on_step=on_step)
    ensemble = Ensemble(tuple(one.network for one in members[: config.members]))
    scale = calibrate_interval(ensemble, [one.measured for one in _draw(config, "calibration")], level=config.level)
    stored = save_ensemble(
        output,
        [one.network for one in members],
        config.network.width,
        scale,
        config=as_mapping(config),
        figures=figures_of(CalibratedEnsemble(ensemble, scale), _draw(config, "test")),
        source="strain phantoms" if split is None else "labelled hearts and strain phantoms",
        split_sha256=split.sha256 if split else "",
    )
    if checkpoint is not None:
        forget_members(checkpoint)
    return TrainedActivation(tuple(members), stored, split)


def figures_of(ensemble: CalibratedEnsemble, hearts: Sequence[StrainPhantom]) -> Mapping[str, float]:
    """Scores on hearts whose truth is known, and the share of onsets within their interval."""
    found = [ensemble.ensemble.predict(one.measured) for one in hearts]
    onsets = [_onsets(one) for one in hearts]
    figures = dict(vars(score(found, onsets, [one.classes for one in hearts])))
    figures["coverage"] = coverage([ensemble.predict(one.measured) for one in hearts], onsets)
    return {name: round(float(value), 4) for name, value in figures.items() if np.isfinite(value)}


def _configs(config: TrainConfig) -> list[ActivationNetworkConfig]:
    alone: tuple[Tasks, ...] = ("onset", "class") if config.single_tasks else ()
    of = config.network
    seeds = [replace(of, loop=replace(of.loop, seed=config.seed + number)) for number in range(config.members)]
    return [*seeds, *(replace(seeds[0], tasks=task) for task in alone)]


def _draw(config: TrainConfig, name: str) -> list[StrainPhantom]:
    place = _SETS.index(name) + 1
    place += place > _UNSEEN_BY_BENCHMARKS  # their judging hearts stay unseen
    first = (10 * config.seed + place) * _APART
    count = config.hearts if name == "training" else getattr(config, f"{name}_hearts")
    return [strain_phantom(first + number, config.phantoms) for number in range(count)]


def _examples(hearts: Sequence[StrainPhantom]) -> Examples:
    return examples_of([one.measured for one in hearts], [one.classes for one in hearts])


def _onsets(one: StrainPhantom) -> np.ndarray:
    assert one.measured.tos_ms is not None
    return one.measured.tos_ms


def _labelled(
    folder: Path | None, config: TrainConfig
) -> tuple[Split | None, list[LabelledHeart], list[LabelledHeart]]:
    """Split, hearts to learn from, and those that judge."""
    if folder is None:
        return None, [], []
    found = {one.subject: one for one in read_labelled(folder)}
    if len(found) < 2:
        raise InputError("labelled folder", "at least two subjects: one to learn from, one to judge", str(len(found)))
    split = split_subjects(list(found), validation=config.validation, test=0.0, seed=config.seed)
    return split, [found[name] for name in split.train], [found[name] for name in split.validation]
