"""The protocol of LVQuan: folds by subject over a folder of its layout, a network trained for each, one table of all.

Whoever holds the data of the challenge [@xue2018] reproduces with it the numbers that are published of networks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from cardioscar.config import as_mapping, file_sha256
from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.identity.spoken_names import labelled_part
from cardioscar.imaging.formats.lvquan_mat import LVQuanSubject, read_lvquan
from cardioscar.learning.bundle import read_bundle
from cardioscar.learning.split import Split, k_folds
from cardioscar.lvquant.agreement import CohortAgreement, FrameIndices, agreement
from cardioscar.lvquant.inference.quantifier import Quantifier, read_quantifier
from cardioscar.lvquant.inference.quantify import QuantifiedCine, quantify
from cardioscar.lvquant.sectors import SeptumFrame
from cardioscar.lvquant.train import train_quantifier
from cardioscar.lvquant.training.config import TrainConfig
from cardioscar.lvquant.training.labelled import find_labelled

log = logging.getLogger(__name__)

OnFold = Callable[[int, int, int], None]
"""Told the number of the fold, the steps done in it, and their upper limit."""
Way = Literal["regressed", "measured"]
"""Indices as the heads say them, or measured from the segmentation."""
DATA = ".data_sha256"
"""Ending of the file beside a fold's network that says from which files it learned."""
WAYS: tuple[Way, ...] = ("regressed", "measured")


@dataclass(frozen=True)
class ProtocolResult:
    """The whole protocol.

    Attributes:
        splits: Of each fold.
        agreement: Of all subjects, each by the network that had not met it, for either way to the indices.
    """

    splits: tuple[Split, ...]
    agreement: dict[Way, CohortAgreement]


def subject_folds(folder: Path, folds: int = 5, *, seed: int = 0) -> list[Split]:
    """Splits by subject: each is tested once, and the fold after it decides which weights are kept.

    Args:
        folder: `.mat` files in the layout of LVQuan 2018, or folders of labelled cines.
        folds: Number of folds.
        seed: Another seed, other folds.

    Raises:
        InputError: If there are fewer subjects than folds.
    """
    return k_folds([one.subject for one in find_labelled(folder)], folds, seed=seed, validation=True)


def true_indices(subject: LVQuanSubject) -> FrameIndices:
    """What a file of the layout states.

    Raises:
        InputError: If it lacks an index or the phase.
    """
    given = (subject.areas_mm2, subject.dimensions_mm, subject.thickness_mm)
    if any(one is None for one in given) or subject.systole is None:
        raise InputError(subject.cine.source, "indices and phase", "not all of them")
    return FrameIndices(np.concatenate([np.asarray(one, dtype=float) for one in given]).T, subject.systole)


def found_indices(found: QuantifiedCine, way: Way, *, slice_index: int = 0) -> FrameIndices:
    """Indices of one slice of a quantified cine, by either way."""
    k = slice_index
    if way == "regressed":
        one = found.regressed
        return FrameIndices(
            np.concatenate([one.areas_mm2[k], one.dimensions_mm[k], one.thickness_mm[k]], axis=-1), one.systole[k] > 0.5
        )
    other = found.measured
    areas = np.stack([other.cavity_mm2[k], other.myocardium_mm2[k]], axis=-1)
    return FrameIndices(np.concatenate([areas, other.dimensions_mm[k], other.thickness_mm[k]], axis=-1), other.systole)


def scored(
    quantifier: Quantifier, folder: Path, subjects: Sequence[str], *, septum: SeptumFrame | None = None
) -> tuple[list[FrameIndices], dict[Way, list[FrameIndices]]]:
    """Truth and findings of some subjects of a folder in LVQuan's layout.

    Args:
        quantifier: A network that has not met them.
        folder: The folder.
        subjects: Their ids.
        septum: Directions of the heart in all of its pictures, by which sectors are measured; default as in a
            patient's axes, which the layout does not state.
    """
    files = {one.subject: (n, one.cine) for n, one in enumerate(find_labelled(folder), start=1)}
    truth: list[FrameIndices] = []
    found: dict[Way, list[FrameIndices]] = {way: [] for way in WAYS}
    for name in subjects:
        number, cine = files[name]
        with labelled_part(f"labelled subject {number}", "cine", cine):
            subject = read_lvquan(cine)
            truth.append(true_indices(subject))
        seen = quantify(quantifier, subject.cine, septum=septum)
        for way in WAYS:
            found[way].append(found_indices(seen, way))
    return truth, found


def run_protocol(
    folder: Path,
    output: Path,
    config: TrainConfig,
    *,
    folds: int = 5,
    septum: SeptumFrame | None = None,
    on_step: OnFold | None = None,
) -> ProtocolResult:
    """Train a network for each fold and judge it by the subjects that it has not met.

    A fold that was interrupted is resumed from its checkpoint; one that is done, of the same settings, subjects
    and files, is not trained again.

    Args:
        folder: `.mat` files in the layout of LVQuan 2018.
        output: Bundles `fold1`, `fold2`, … are written here, and the hash of the data beside each; it exists.
        config: Settings of each training.
        folds: Number of folds.
        septum: As for `scored`.
        on_step: Told the fold, the steps done in it and their upper limit.

    Raises:
        InputError: If a file cannot be read, or there are fewer subjects than folds.
    """
    splits, data = subject_folds(folder, folds, seed=config.seed), file_sha256(folder)
    truth: list[FrameIndices] = []
    found: dict[Way, list[FrameIndices]] = {way: [] for way in WAYS}
    for number, split in enumerate(splits, start=1):
        place = output / f"fold{number}"
        known_by = output / f"fold{number}{DATA}"
        if not _is_done(place, config, split) or not _holds(known_by, data):
            known_by.unlink(missing_ok=True)
            train_quantifier(
                place,
                config,
                labelled=folder,
                split=split,
                checkpoint=output / f"fold{number}.checkpoint",
                on_step=partial(on_step, number) if on_step else None,
            )
            with atomic_file(known_by) as hidden:
                hidden.write_text(data + "\n", encoding="ascii")
        true, seen = scored(read_quantifier(place, device=config.loop.device), folder, split.test, septum=septum)
        truth += true
        for way in WAYS:
            found[way] += seen[way]
        log.info("fold %d of %d done", number, folds)
    return ProtocolResult(tuple(splits), {way: agreement(found[way], truth) for way in WAYS})


def _is_done(place: Path, config: TrainConfig, split: Split) -> bool:
    """Whether a fold's network is there, learned with these settings from these subjects."""
    try:
        facts = read_bundle(place).facts
    except InputError:
        return False
    return facts.config == as_mapping(config) and facts.split_sha256 == split.sha256


def _holds(path: Path, text: str) -> bool:
    """Whether a file says so."""
    return path.is_file() and path.read_bytes().strip() == text.encode()
