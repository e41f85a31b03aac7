"""Training of the networks of late activation, from settings and perhaps a folder of labelled strain to a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.strain_files import read_strain
from cardioscar.activation.network.ensemble import Ensemble
from cardioscar.activation.network.interval import CalibratedEnsemble, calibrate_interval
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.network.stored import save_ensemble
from cardioscar.activation.network.train_config import TrainConfig
from cardioscar.activation.network.training import Examples, examples_of, train_network
from cardioscar.activation.phantoms.strain_phantom import StrainPhantom, strain_phantom
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sector_class import sector_classes
from cardioscar.config import as_mapping, config_sha256
from cardioscar.errors import InputError, counted
from cardioscar.learning.bundle import Bundle
from cardioscar.learning.curves import Curves, mean_curves
from cardioscar.learning.finished import load_finished, save_finished
from cardioscar.learning.loop import TrainResult
from cardioscar.learning.split import Split, split_subjects

log = logging.getLogger(__name__)

OnStep = Callable[[int, int], None]
"""Told the steps done and their upper limit, over all networks."""
TRAINING, VALIDATION, CALIBRATION = 1_000_000, 2_000_000, 4_000_000
"""First seeds of phantoms that have none in common; from 3,000,000 on they are left to benchmarks."""
_SEEDS = 10_000_000
"""Seeds between those of two trainings."""


@dataclass(frozen=True)
class TrainedEnsemble:
    """A training and the bundle that it made.

    Attributes:
        results: Of each network: curves, and why it ended.
        curves: Mean of those of the networks.
        bundle: What was written.
        split: Labelled subjects by what they were for; None where all were phantoms.
    """

    results: tuple[TrainResult[ActivationNetwork], ...]
    curves: Curves
    bundle: Bundle
    split: Split | None


def train_activation(
    output: Path,
    config: TrainConfig,
    *,
    labelled: Path | None = None,
    checkpoint: Path | None = None,
    on_step: OnStep | None = None,
) -> TrainedEnsemble:
    """Train networks, set the width of their intervals, and write their bundle.

    Args:
        output: Folder of the bundle; new, or that of an earlier one.
        config: Settings.
        labelled: A file or folder of strain for each subject, as `read_strain` takes it, with the onset (`tos_ms`) and
            scar (`scarred`) of each sector; None for phantoms alone. Intervals are set on phantoms in either case.
        checkpoint: File that a killed training resumes from; networks that are done lie beside it. It is taken away at
            the end.
        on_step: Told the steps done.

    Raises:
        ConfigError: If the device is not there.
        InputError: If files cannot be read, or a training does not stay finite.
    """
    split, training, validation = _examples(config, labelled)
    loop, results = config.network.loop, list[TrainResult[ActivationNetwork]]()
    identity = {"config": config_sha256(config), "split": split.sha256 if split else ""}
    done_files = [checkpoint.with_name(f"{checkpoint.name}.{k}") for k in range(config.members)] if checkpoint else []
    for k in range(config.members):
        named = config_sha256(identity | {"member": k})
        one = replace(config.network, loop=replace(loop, seed=config.seed + k))
        done = load_finished(done_files[k], ActivationNetwork(one), named) if checkpoint else None
        if done is None:
            done = train_network(
                training,
                validation,
                one,
                checkpoint=checkpoint,
                identity=named,
                on_step=_counting(on_step, k, config) if on_step else None,
            ).checked()
            if checkpoint:
                save_finished(done_files[k], done, named)
        results.append(done)
    ensemble = Ensemble(tuple(one.network.cpu().eval() for one in results))
    calibration = [one.measured for one in _drawn(CALIBRATION, config.calibration_hearts, config)]
    method = CalibratedEnsemble(ensemble, calibrate_interval(ensemble, calibration, level=config.level))
    bundle = save_ensemble(
        output,
        method,
        config=as_mapping(config),
        figures=_figures(results),
        split_sha256=split.sha256 if split else "",
        data_source="strain phantoms" if split is None else "labelled strain and strain phantoms",
    )
    for path in [checkpoint, *done_files] if checkpoint else []:
        path.unlink(missing_ok=True)
    log.info("%s trained", counted(len(results), "network"))
    return TrainedEnsemble(tuple(results), mean_curves([one.curves for one in results]), bundle, split)


def read_labelled(folder: Path) -> dict[str, list[StrainSlice]]:
    """Slices of each subject of a folder, in 126 sectors, with onset and scar.

    Args:
        folder: A file or folder for each subject; hidden ones are passed over.

    Raises:
        InputError: If there is none, one cannot be read, or lacks onset or scar of a slice.
    """
    if not folder.is_dir():
        raise InputError("labelled folder", "a folder", "none")
    subjects = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not subjects:
        raise InputError("labelled folder", "a file or folder of strain for each subject", "none")
    found: dict[str, list[StrainSlice]] = {}
    for path in subjects:
        slices = read_strain(path, sectors=SECTORS)
        lacking = [one for one in slices if one.tos_ms is None or one.scarred is None]
        if lacking:
            rule = "onset (tos_ms) and scar (scarred) of each sector, to learn from"
            raise InputError(lacking[0].source, rule, f"none in {counted(len(lacking), 'slice')}")
        found.setdefault(path.name.split(".")[0], []).extend(slices)
    return found


def _examples(config: TrainConfig, labelled: Path | None) -> tuple[Split | None, Examples, Examples]:
    """Split, slices to learn from, and those that decide which weights are kept."""
    phantoms = _of_phantoms(_drawn(TRAINING, config.training_hearts, config))
    if labelled is None:
        return None, phantoms, _of_phantoms(_drawn(VALIDATION, config.validation_hearts, config))
    subjects = read_labelled(labelled)
    if len(subjects) < 2:
        found = str(len(subjects))
        raise InputError("labelled folder", "at least two subjects: one to learn from, one to judge", found)
    split = split_subjects(list(subjects), validation=config.validation, test=0.0, seed=config.seed)
    log.info("%s to learn from, %d to judge", counted(len(split.train), "subject"), len(split.validation))
    real, judging = (_of_hearts([subjects[name] for name in part]) for part in (split.train, split.validation))
    # few real slices come again and again until they have their share
    wanted = round(len(phantoms.inputs) * config.labelled_share / (1 - config.labelled_share))
    again = np.arange(max(wanted, len(real.inputs))) % len(real.inputs)
    both = {name: np.concatenate([getattr(phantoms, name), getattr(real, name)[again]]) for name in vars(real)}
    return split, Examples(**both), judging


def _of_phantoms(phantoms: Sequence[StrainPhantom]) -> Examples:
    return examples_of([one.measured for one in phantoms], [one.classes for one in phantoms])


def _of_hearts(hearts: Sequence[Sequence[StrainSlice]]) -> Examples:
    """What is late is told by the earliest sectors of a whole heart."""
    slices, classes = list[StrainSlice](), list[np.ndarray]()
    for heart in hearts:
        onsets = np.array([one.tos_ms for one in heart], dtype=float)
        scarred = np.array([one.scarred for one in heart], dtype=bool)
        classes += list(sector_classes(onsets, scarred))
        slices += heart
    return examples_of(slices, classes)


def _drawn(first: int, count: int, config: TrainConfig) -> list[StrainPhantom]:
    start = first + _SEEDS * config.seed
    return [strain_phantom(start + number, config.phantom) for number in range(count)]


def _counting(on_step: OnStep, member: int, config: TrainConfig) -> OnStep:
    """Steps over all networks."""
    steps = config.network.loop.steps
    return lambda done, _: on_step(member * steps + done, config.members * steps)


def _figures(results: Sequence[TrainResult[ActivationNetwork]]) -> dict[str, float]:
    """Mean over networks of what the validation said of the weights that are kept."""
    best = [dict(one.curves.validation).get(one.best_step, one.curves.validation[-1][1]) for one in results]
    return {name: float(np.mean([one[name] for one in best])) for name in best[0]}
