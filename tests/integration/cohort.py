"""A cohort small enough to be reconstructed many times."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig


@pytest.fixture(scope="session")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten phantoms of 1,500 nodes, P001 to P010; do not write to it."""
    folder = tmp_path_factory.mktemp("hearts") / "cohort"
    config = PhantomConfig(
        subjects=10,
        nodes=1_500,
        scar="smooth",
        pixel_mm=(2.0, 2.0),
        thickness_mm=(8.0, 8.0),
        spacing_mm=(9.0, 9.0),
        seed=5,
    )
    write_cohort(folder, config)
    return folder


def some(hearts: Path, folder: Path, count: int, *, corrupt: int = 0) -> Path:
    """Copy the first subjects; the images of the last of them are cut off in the middle."""
    ids = sorted(path.name for path in hearts.iterdir() if path.is_dir())[:count]
    for number, subject in enumerate(ids):
        shutil.copytree(hearts / subject, folder / subject)
        if number >= count - corrupt:
            for path in (folder / subject).glob("*.nii.gz"):
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return folder
