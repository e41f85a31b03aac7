"""Fixtures shared by all tests."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig
from tests.chromium import browser
from tests.finished_run import Run, make_run
from tests.stored import bucket, emulated_endpoint, s3_endpoint

__all__ = ["browser", "bucket", "emulated_endpoint", "s3_endpoint"]

collect_ignore = ["shape_checks.py"]
"""A plugin that has to come before all else: no module to look for doctests in."""

settings.register_profile("repo", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("repo")


_LOGGER = logging.getLogger("cardioscar")
_AS_IMPORTED = tuple(_LOGGER.handlers), _LOGGER.propagate, _LOGGER.level


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands set up logging for their process: each test begins and ends as if none had run."""
    _take_back_logging()
    yield
    _take_back_logging()


def _take_back_logging() -> None:
    for handler in _LOGGER.handlers:
        if handler not in _AS_IMPORTED[0]:
            handler.close()
    _LOGGER.handlers[:], _LOGGER.propagate = list(_AS_IMPORTED[0]), _AS_IMPORTED[1]
    _LOGGER.setLevel(_AS_IMPORTED[2])


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real data; skips where it is absent."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    path = Path(os.environ.get("CARDIOSCAR_DATA", default))
    if not path.is_dir():
        pytest.skip(f"real data not found at CARDIOSCAR_DATA ({path.name} is no folder)")
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small cohort that went through all stages; do not write to it, `copy` it."""
    return make_run(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny segmenter that finds the hearts of `tests.lge.inference.stand_in.stack`."""
    from tests.lge.tiny_network import tiny_bundle

    folder = tmp_path_factory.mktemp("network") / "tiny"
    tiny_bundle(folder)
    return folder


SMALL = PhantomConfig(
    subjects=1, nodes=1_500, scar="smooth", pixel_mm=(2.0, 2.0), thickness_mm=(8.0, 8.0), spacing_mm=(9.0, 9.0), seed=5
)
"""Coarse, thick slices close together: most nodes are observed, and preprocess takes a tenth of a second."""


@pytest.fixture(scope="session")
def good_subject(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a phantom with all files that a subject can have; do not write to it."""
    cohort = tmp_path_factory.mktemp("phantom")
    [subject] = write_cohort(cohort, SMALL)
    return cohort / subject


@pytest.fixture
def make_cohort(tmp_path: Path, good_subject: Path) -> Callable[..., Path]:
    """Makes a cohort folder whose subjects are copies of the good one, with all of its files or those named."""

    def make(*subjects: str, files: tuple[str, ...] | None = None, name: str = "cohort") -> Path:
        for subject in subjects:
            folder = tmp_path / name / subject
            folder.mkdir(parents=True)
            for path in good_subject.iterdir():
                if files is None or path.name in files:
                    shutil.copy(path, folder / path.name)
        return tmp_path / name

    return make
