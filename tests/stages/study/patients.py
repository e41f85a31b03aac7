"""Phantom patients as small as stages allow, and how a test spoils a part of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.activation.formats.onset_files import write_heart_onsets
from cardioscar.activation.phantoms.patient import PhantomPatient, phantom_patient
from cardioscar.activation.phantoms.patient_strain import PatientScan, patient_strain
from cardioscar.activation.sites.phantom_folders import write_patient
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.phantom.config import PhantomConfig
from tests.activation.tiny_networks import tiny_networks
from tests.finished_run import Run

CONFIG = PhantomConfig(nodes=2_000, pixel_mm=(2.0, 2.0), thickness_mm=(8.0, 8.0), spacing_mm=(9.0, 9.0))
SCAN = PatientScan(heights=(0.25, 0.5, 0.75))


def patient(number: int) -> PhantomPatient:
    """Patient of a number."""
    return phantom_patient(number, CONFIG)


def write(folder: Path, number: int, *, truth: bool = False, scan: PatientScan = SCAN) -> PhantomPatient:
    """Write a patient's folder; with `truth` the onsets are told as they are, in place of the networks."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    found = patient(number)
    write_patient(folder, found, scan, seed=number)
    if truth:
        slices, _ = patient_strain(found, scan, seed=number)
        write_heart_onsets(folder / "tos.csv", [_told(one.tos_ms) for one in slices])
    return found


def options(network: Path | None = None) -> dict[str, dict[str, Any]]:
    """Settings that keep every stage short."""
    detect = {"figures": False, "explain": False} | ({"network": str(network)} if network else {})
    return {
        "study_scar": {
            "train": {"steps": 20, "device": "cpu"},
            "infer": {"samples": 3, "device": "cpu"},
            "evaluate": {"figures": False, "leave_one_out": False},
        },
        "study_function": {},
        "study_activation": {"detect": detect},
        "plan": {"figures": False, "draws": 20},
    }


def small_run(folder: Path) -> Run:
    """Two patients whose activation tiny networks told."""
    from cardioscar.stages.study.workflow import PLAN

    network = tiny_networks(folder / "network")
    for number in (1, 2):
        write(folder / "cohort" / f"P{number:03d}", number)
    run = Run(folder / "cohort", folder / "run", PLAN, options(network))
    run.again()
    return run


def respoken(path: Path, **changed: np.ndarray | None) -> None:
    """Write an archive again with other arrays; None leaves one out."""
    with np.load(path) as stored:
        arrays = dict(stored) | {name: value for name, value in changed.items() if value is not None}
    for name in (name for name, value in changed.items() if value is None):
        arrays.pop(name)
    np.savez(path, **arrays)


def _told(tos_ms: np.ndarray | None) -> SectorOnsets:
    assert tos_ms is not None
    return SectorOnsets(tos_ms, np.maximum(tos_ms - 3, 0), tos_ms + 3, np.zeros(len(tos_ms), dtype=np.int64))
