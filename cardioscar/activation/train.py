"""Training of the networks of late activation, from settings and perhaps a folder of labelled strain to a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardioscar.activation.baselines.scores import score
from cardioscar.activation.formats.onset_files import read_heart_onsets
from cardioscar.activation.formats.strain_files import read_strain
from cardioscar.activation.network.config import ActivationNetworkConfig, Tasks
from cardioscar.activation.network.ensemble import Ensemble
from cardioscar.activation.network.interval import CalibratedEnsemble, calibrate_interval, coverage
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.network.stored import save_ensemble
from cardioscar.activation.network.train_config import TrainConfig
from cardioscar.activation.network.training import Examples, examples_of, train_network
from cardioscar.activation.phantoms.strain_phantom import StrainPhantom, strain_phantom
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sector_class import SectorClass, sector_classes
from cardioscar.config import as_mapping, config_sha256, file_sha256
from cardioscar.errors import InputError, counted
from cardioscar.learning.bundle import Bundle
from cardioscar.learning.curves import Curves, mean_curves
from cardioscar.learning.finished import load_finished, save_finished
from cardioscar.learning.loop import TrainResult
from cardioscar.learning.split import Split, split_subjects

log = logging.getLogger(__name__)

OnStep = Callable[[int, int], None]
"""Told the steps done and their upper limit, over all networks."""
TRAINING, VALIDATION, CALIBRATION, TEST = 1_000_000, 2_000_000, 4_000_000, 5_000_000
"""First seeds of phantoms that have none in common; from 3,000,000 on they are left to benchmarks."""
TOS = "tos.csv"
"""Table of onsets beside a subject's strain."""
_SEEDS = 10_000_000
"""Seeds between those of two trainings."""


@dataclass(frozen=True)
class TrainedEnsemble:
    """A training and the bundle that it made.

    Attributes:
        results: Of each network: curves, and why it ended; those of one task alone come last.
        curves: Mean of those of the networks.
        bundle: What was written.
        split: Labelled subjects by what they were for; None where all were phantoms.
        judged: What decided which weights are kept.
    """

    results: tuple[TrainResult[ActivationNetwork], ...]
    curves: Curves
    bundle: Bundle
    split: Split | None
    judged: Sequence[StrainSlice] = ()


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
        labelled: A file or folder of strain for each subject, see `read_labelled`; None for phantoms alone. Intervals
            are set on phantoms in either case.
        checkpoint: File that a killed training resumes from; networks that are done lie beside it. It is taken away at
            the end.
        on_step: Told the steps done.

    Raises:
        ConfigError: If the device is not there.
        InputError: If files cannot be read, or a training does not stay finite.
    """
    split, training, validation, judged = _examples(config, labelled)
    configs, results = _networks(config), list[TrainResult[ActivationNetwork]]()
    identity = {
        "config": config_sha256(config),
        "split": split.sha256 if split else "",
        "labelled": file_sha256(labelled) if labelled else "",
    }
    done_files = [checkpoint.with_name(f"{checkpoint.name}.{k}") for k in range(len(configs))] if checkpoint else []
    for k, one in enumerate(configs):
        named = config_sha256(identity | {"member": k})
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
    networks = tuple(one.network.cpu().eval() for one in results)
    ensemble = Ensemble(networks[: config.members])
    calibration = [one.measured for one in _drawn(CALIBRATION, config.calibration_hearts, config)]
    method = CalibratedEnsemble(ensemble, calibrate_interval(ensemble, calibration, level=config.level))
    bundle = save_ensemble(
        output,
        method,
        single=networks[config.members :],
        config=as_mapping(config),
        figures=_validated(results[: config.members]) | figures_of(method, _drawn(TEST, config.test_hearts, config)),
        split_sha256=split.sha256 if split else "",
        data_source="strain phantoms" if split is None else "labelled strain and strain phantoms",
    )
    for path in [checkpoint, *done_files] if checkpoint else []:
        path.unlink(missing_ok=True)
    log.info("%s trained", counted(len(results), "network"))
    curves = mean_curves([one.curves for one in results[: config.members]])
    return TrainedEnsemble(tuple(results), curves, bundle, split, judged)


def read_labelled(folder: Path) -> dict[str, list[StrainSlice]]:
    """Slices of each subject of a folder, in 126 sectors, with onset and scar.

    Args:
        folder: A file or folder for each subject, as `read_strain` takes it, with the onset (`tos_ms`) and scar
            (`scarred`) of each sector; or a folder with one `strain.*` and a `tos.csv`, a table as the prediction
            writes it and a person corrects it. Hidden ones are passed over.

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
        slices = _corrected(path) if (path / TOS).is_file() else read_strain(path, sectors=SECTORS)
        lacking = [one for one in slices if one.tos_ms is None or one.scarred is None]
        if lacking:
            rule = "onset (tos_ms) and scar (scarred) of each sector, to learn from"
            raise InputError(lacking[0].source, rule, f"none in {counted(len(lacking), 'slice')}")
        found.setdefault(path.name.split(".")[0], []).extend(slices)
    return found


def _corrected(folder: Path) -> list[StrainSlice]:
    """Strain of a folder with the onsets and scar of the table beside it."""
    strain = [one for one in sorted(folder.iterdir()) if one.name.split(".")[0] == "strain"]
    if len(strain) != 1:
        raise InputError("labelled folder", f"one strain.* beside each {TOS}", str(len(strain)))
    slices, onsets = read_strain(strain[0], sectors=SECTORS), read_heart_onsets(folder / TOS)
    if len(onsets) != len(slices):
        raise InputError(TOS, f"onsets of {counted(len(slices), 'slice')}", str(len(onsets)))
    wide = [one.with_sectors(SECTORS) for one in onsets]
    return [
        replace(one, tos_ms=onset.tos_ms, scarred=onset.classes == SectorClass.SCARRED)
        for one, onset in zip(slices, wide, strict=True)
    ]


def _examples(
    config: TrainConfig, labelled: Path | None
) -> tuple[Split | None, Examples, Examples, Sequence[StrainSlice]]:
    """Split, what is learned from, and what decides which weights are kept, also as slices."""
    phantoms = _of_phantoms(_drawn(TRAINING, config.training_hearts, config))
    if labelled is None:
        judging = _drawn(VALIDATION, config.validation_hearts, config)
        return None, phantoms, _of_phantoms(judging), [one.measured for one in judging]
    subjects = read_labelled(labelled)
    if len(subjects) < 2:
        found = str(len(subjects))
        raise InputError("labelled folder", "at least two subjects: one to learn from, one to judge", found)
    split = split_subjects(list(subjects), validation=config.validation, test=0.0, seed=config.seed)
    if not split.validation:
        raise InputError("validation", "a share that leaves a subject to judge", f"{config.validation:g}")
    log.info("%s to learn from, %d to judge", counted(len(split.train), "subject"), len(split.validation))
    real = _of_hearts([subjects[name] for name in split.train])
    hearts = [subjects[name] for name in split.validation]
    # few real slices come again and again until they have their share
    wanted = round(len(phantoms.inputs) * config.labelled_share / (1 - config.labelled_share))
    again = np.arange(max(wanted, len(real.inputs))) % len(real.inputs)
    both = {name: np.concatenate([getattr(phantoms, name), getattr(real, name)[again]]) for name in vars(real)}
    return split, Examples(**both), _of_hearts(hearts), [one for heart in hearts for one in heart]


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


def _networks(config: TrainConfig) -> list[ActivationNetworkConfig]:
    """Settings of each network: members that differ by their seed, and those of one task with the seed of the first."""
    of = config.network
    alone: tuple[Tasks, ...] = ("onset", "class") if config.single_tasks else ()
    members = [replace(of, loop=replace(of.loop, seed=config.seed + k)) for k in range(config.members)]
    return [*members, *(replace(members[0], tasks=task) for task in alone)]


def _counting(on_step: OnStep, member: int, config: TrainConfig) -> OnStep:
    """Steps over all networks."""
    steps, count = config.network.loop.steps, len(_networks(config))
    return lambda done, _: on_step(member * steps + done, count * steps)


def figures_of(method: CalibratedEnsemble, hearts: Sequence[StrainPhantom]) -> dict[str, float]:
    """Scores on hearts that decided nothing, and the share of their onsets within the interval; named `unseen_…`."""
    slices = [one.measured for one in hearts]
    onsets = [one.tos_ms for one in slices if one.tos_ms is not None]
    found = score([method.ensemble.predict(one) for one in slices], onsets, [one.classes for one in hearts])
    figures = {**vars(found), "coverage": coverage([method.predict(one) for one in slices], onsets)}
    return {f"unseen_{name}": round(float(value), 4) for name, value in figures.items() if np.isfinite(value)}


def _validated(results: Sequence[TrainResult[ActivationNetwork]]) -> dict[str, float]:
    """Mean over networks of what the validation said of the weights that are kept."""
    best = [dict(one.curves.validation).get(one.best_step, one.curves.validation[-1][1]) for one in results]
    return {name: float(np.mean([one[name] for one in best])) for name in best[0]}
