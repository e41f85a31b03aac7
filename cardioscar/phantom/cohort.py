"""A phantom cohort on disk, in the files of a real one."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cardioscar.config import as_mapping, from_mapping
from cardioscar.errors import PlatformError
from cardioscar.imaging.formats.mesh_files import write_mesh
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.own_folder import check_own_phantom, describe, placed_whole
from cardioscar.phantom.subject import Phantom, make_phantom
from cardioscar.types import OnStep, untold

log = logging.getLogger(__name__)

FILES = (
    "labels.nii.gz",
    "lge.nii.gz",
    "mesh.vtu",
    "phantom.json",
    "scar.nii.gz",
    "subject.yaml",
    "truth.vtu",
)
"""Files of every subject folder."""


def write_cohort(
    out: Path, config: PhantomConfig | None = None, *, on_step: OnStep = untold, **changes: Any
) -> list[str]:
    """Write a cohort of phantoms, one folder each: `P001`, `P002`, …

    Each folder holds the mesh (`mesh.vtu`), hard labels, scar fraction and LGE image of the slices
    (`labels.nii.gz`, `scar.nii.gz`, `lge.nii.gz`), what the headers cannot say (`subject.yaml`), the truth
    on the same mesh (`truth.vtu` with point data `scar_truth` and `isthmus`, 0 or 1), and what was drawn
    (`phantom.json`, with the sha256 of the other files). A folder appears whole or not at all; one of the same name is
    replaced where it holds a phantom as it was written, and nothing else.

    Args:
        out: Folder of the cohort; made if missing.
        config: Options; default `PhantomConfig()`.
        on_step: Told of progress.
        **changes: Single options that replace those of `config`, for instance `subjects=8, seed=1`.

    Returns:
        Subject ids, in order.

    Raises:
        ConfigError: If an option is unknown or impossible.
        InputError: If a folder of one of the names holds something else; nothing is written then.
        PlatformError: If the folder cannot be written.
    """
    if changes:
        config = from_mapping(PhantomConfig, {**as_mapping(config or PhantomConfig()), **changes}, where="phantom")
    config = config or PhantomConfig()
    subjects = subject_names(config.subjects)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for subject in subjects:
            check_own_phantom(out / subject)
        for index, subject in enumerate(subjects):
            on_step("phantoms", index, len(subjects))
            broken = index >= config.subjects - config.corrupt
            phantom = make_phantom(config, index)
            _write_subject(out / subject, phantom, broken=broken)
            log.info(
                "%s: %s scar, %.1f ml of %.0f ml wall, %d slices%s",
                subject,
                phantom.parameters["scar"],
                phantom.parameters["scar_ml"],
                phantom.parameters["wall_ml"],
                phantom.parameters["slices"],
                ", files cut off" if broken else "",
            )
        on_step("phantoms", len(subjects), len(subjects))
    except OSError as error:
        raise PlatformError(f"{out.name}: could not be written ({error.strerror or 'I/O error'})") from None
    return subjects


def subject_names(count: int) -> list[str]:
    """`P001`, `P002`, …"""
    digits = max(3, len(str(count)))
    return [f"P{index + 1:0{digits}d}" for index in range(count)]


def _write_subject(folder: Path, phantom: Phantom, *, broken: bool) -> None:
    with placed_whole(folder) as partial:
        write_mesh(partial / "mesh.vtu", phantom.mesh)
        write_mesh(partial / "truth.vtu", _truth(phantom))
        images = phantom.images
        for volume in (images.labels, images.scar_fraction, images.lge):
            write_volume(partial / volume.source, volume)
        metadata = {
            "mesh_frame": "LPS",
            "label_table": "cardioscar",
            "slice_thickness_mm": images.protocol.thickness_mm,
            "septum_direction": phantom.shape.septum_direction.round(6).tolist(),
            "apex_to_base": phantom.shape.apex_to_base.round(6).tolist(),
        }
        (partial / "subject.yaml").write_text(yaml.safe_dump(metadata, sort_keys=False), encoding="utf-8")
        if broken:
            for name in ("scar.nii.gz", "labels.nii.gz", "lge.nii.gz"):
                whole = (partial / name).read_bytes()
                (partial / name).write_bytes(whole[: len(whole) // 2])
        describe(partial, {**phantom.parameters, "corrupt": broken})


def _truth(phantom: Phantom) -> LVMesh:
    grid = phantom.mesh.grid.copy(deep=False)
    grid.point_data["scar_truth"] = phantom.scar_truth.astype(np.uint8)
    grid.point_data["isthmus"] = phantom.isthmus.astype(np.uint8)
    return dataclasses.replace(phantom.mesh, grid=grid, source="truth.vtu")
