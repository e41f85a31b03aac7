"""Phantom patients as folders of a study: late enhancement, cine and strain of one heart whose best site is known."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cardioscar.activation.formats.heart_files import write_heart
from cardioscar.activation.phantoms.patient import PhantomPatient, phantom_patient
from cardioscar.activation.phantoms.patient_cine import cine_image, patient_cine
from cardioscar.activation.phantoms.patient_strain import PatientScan, patient_strain
from cardioscar.activation.sites.config import SiteConfig
from cardioscar.activation.sites.pacing import Site, pacing_sites
from cardioscar.activation.sites.trial import true_draws, wall_of
from cardioscar.errors import PlatformError
from cardioscar.imaging.formats.cine_files import write_cine
from cardioscar.imaging.formats.mesh_files import write_mesh
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.phantom.cohort import subject_names
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.own_folder import check_own_phantom, describe, placed_whole
from cardioscar.types import OnStep, untold

log = logging.getLogger(__name__)


def true_best(patient: PhantomPatient, config: SiteConfig | None = None) -> Site | None:
    """The best site on the true maps; None where the rules leave no wall."""
    found = pacing_sites(wall_of(patient), true_draws(patient), replace(config or SiteConfig(), count=1))
    return found[0] if found else None


def write_patients(
    out: Path,
    config: PhantomConfig | None = None,
    scan: PatientScan | None = None,
    *,
    on_step: OnStep = untold,
) -> list[str]:
    """Write patients, one folder each: `P001`, `P002`, …

    Each folder holds `mesh.vtu`, `labels.nii.gz` and `lge.nii.gz` of the late enhancement, `cine.nii.gz` with
    `cine_labels.nii.gz`, `strain.npz` of slices whose places are stated, `truth.vtu` (point data `scar_truth`,
    `tos_ms`), `subject.yaml`, and `phantom.json` with the true best site. Patient number i is that of seed i of
    `phantom_patient`, whatever the number of patients.

    Args:
        out: Folder of the cohort; made if missing.
        config: Of ventricles and images; `seed` numbers the first patient.
        scan: Of the strain.
        on_step: Told of progress.

    Returns:
        Subject ids, in order.

    Raises:
        InputError: If a folder of one of the names holds something else; nothing is written then.
        PlatformError: If the folder cannot be written.
    """
    config, scan = config or PhantomConfig(), scan or PatientScan()
    subjects = subject_names(config.subjects)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for subject in subjects:
            check_own_phantom(out / subject)
        for number, subject in enumerate(subjects):
            on_step("patients", number, len(subjects))
            patient = phantom_patient(config.seed + number, replace(config, seed=0))
            write_patient(out / subject, patient, scan, seed=config.seed + number)
            log.info("%s: a patient with %s scar", subject, patient.phantom.parameters["scar"])
        on_step("patients", len(subjects), len(subjects))
    except OSError as error:
        raise PlatformError(f"{out.name}: could not be written ({error.strerror or 'I/O error'})") from None
    return subjects


def write_patient(folder: Path, patient: PhantomPatient, scan: PatientScan, *, seed: int = 0) -> None:
    """Write one patient; the folder appears whole."""
    phantom, images = patient.phantom, patient.phantom.images
    slices, places = patient_strain(patient, scan, seed=seed)
    with placed_whole(folder) as partial:
        write_mesh(partial / "mesh.vtu", phantom.mesh)
        truth = phantom.mesh.grid.copy(deep=False)
        truth.point_data["scar_truth"] = phantom.scar_truth.astype(np.uint8)
        truth.point_data["tos_ms"] = patient.tos_ms.astype(np.float32)
        write_mesh(partial / "truth.vtu", replace(phantom.mesh, grid=truth, source="truth.vtu"))
        for volume in (images.labels, images.lge):
            write_volume(partial / volume.source, volume)
        beat = patient_cine(patient, scan)
        write_cine(partial / "cine.nii.gz", cine_image(patient, beat, np.random.default_rng([seed, 34])))
        write_cine(partial / "cine_labels.nii.gz", beat.labels)
        write_heart(partial / "strain.npz", slices, places)
        settings = {
            "mesh_frame": "LPS",
            "label_table": "cardioscar",
            "slice_thickness_mm": images.protocol.thickness_mm,
            "septum_direction": phantom.shape.septum_direction.round(6).tolist(),
            "apex_to_base": phantom.shape.apex_to_base.round(6).tolist(),
        }
        (partial / "subject.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        describe(partial, {**phantom.parameters, "heart_seed": seed, "best_site": _row(true_best(patient))})


def _row(site: Site | None) -> dict[str, Any] | None:
    return None if site is None else site.row()
