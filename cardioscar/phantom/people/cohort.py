"""A cohort of hearts that are like people's on disk: label volumes, as someone drew them."""

from __future__ import annotations

import logging
from pathlib import Path

import yaml

from cardioscar.errors import ConfigError, PlatformError
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.phantom.cohort import subject_names
from cardioscar.phantom.own_folder import check_own_phantom, describe, placed_whole
from cardioscar.phantom.people.heart import DrawnHeart, make_heart
from cardioscar.types import OnStep, untold

log = logging.getLogger(__name__)

FILES = ("labels.nii.gz", "phantom.json", "subject.yaml")
"""Files of every subject folder."""


def write_people(out: Path, *, subjects: int = 4, seed: int = 0, on_step: OnStep = untold) -> list[str]:
    """Write a cohort, one folder a heart: `P001`, `P002`, …

    Each folder holds the drawn slices (`labels.nii.gz`), what the header cannot say (`subject.yaml`), and what was
    drawn at random, with the true volume of scar (`phantom.json`). A mesh is made from the labels by whoever needs
    one. A folder appears whole or not at all; one of the same name is replaced where it holds a phantom as it was
    written, and nothing else.

    Args:
        out: Folder of the cohort; made if missing.
        subjects: Number of hearts.
        seed: Seed of all draws; heart number i is the same for any number of hearts.
        on_step: Told of progress.

    Returns:
        Subject ids, in order.

    Raises:
        ConfigError: If a number is impossible.
        InputError: If a folder of one of the names holds something else; nothing is written then.
        PlatformError: If the folder cannot be written.
    """
    for name, value, least in (("subjects", subjects, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"phantom: {name}", f"at least {least}", str(value))
    names = subject_names(subjects)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in names:
            check_own_phantom(out / name)
        for index, name in enumerate(names):
            on_step("phantoms", index, subjects)
            heart = make_heart(seed, index)
            _write(out / name, heart)
            about = heart.parameters
            log.info("%s: %.1f ml scar drawn in %d slices", name, about["drawn_scar_ml"], about["slices"])
        on_step("phantoms", subjects, subjects)
    except OSError as error:
        raise PlatformError(f"{out.name}: could not be written ({error.strerror or 'I/O error'})") from None
    return names


def _write(folder: Path, heart: DrawnHeart) -> None:
    with placed_whole(folder) as partial:
        write_volume(partial / heart.labels.source, heart.labels)
        settings = {
            "label_table": "cardioscar",
            "septum_direction": heart.septum_direction.round(6).tolist(),
            "apex_to_base": heart.apex_to_base.round(6).tolist(),
        }
        (partial / "subject.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        describe(partial, heart.parameters)
