"""Patients that are planned once a session."""

from __future__ import annotations

import pytest

from tests.finished_run import Run
from tests.stages.study import patients


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two patients with every modality."""
    return patients.small_run(tmp_path_factory.mktemp("planned"))
