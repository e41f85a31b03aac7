"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.finished_run import Run, make_run

settings.register_profile("repo", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("repo")


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
