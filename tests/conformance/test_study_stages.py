"""The stage that publishes plans, under the contract of all stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from cardioscar.stages.study.workflow import PLAN
from tests.conformance.test_stages import BAD, StageContract, _cut_off
from tests.finished_run import Run
from tests.stages.study import patients


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two patients with every modality."""
    return patients.small_run(tmp_path_factory.mktemp("studied"))


class TestPlan(StageContract):
    workflow = PLAN
    name, work, main_file = "plan", "_plan", "plan.json"
    change = {"draws": 10}  # noqa: RUF012 - read only

    @pytest.fixture
    def finished(self, studied: Run) -> Run:
        return studied

    def damage(self, run: Run) -> Path:
        return _cut_off(run.folder("study_activation", BAD) / "modality.json")
