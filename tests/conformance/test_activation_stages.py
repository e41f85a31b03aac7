"""The stages of late activation under the contract of all stages."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cardioscar.shard.status import read_status
from cardioscar.stages.activation.workflow import DETECT
from tests.activation import tiny_networks
from tests.conformance.test_stages import BAD, GOOD, StageContract, _cut_off
from tests.finished_run import Run


@pytest.fixture(scope="module")
def detected(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two phantoms, whose activation tiny networks told."""
    folder = tmp_path_factory.mktemp("detected")
    network = tiny_networks.tiny_networks(folder / "network")
    tiny_networks.write_cohort(folder / "cohort")
    options = {"measure_strain": {}, "detect": {"network": str(network), "figures": False}}
    run = Run(folder / "cohort", folder / "run", DETECT, options)
    run.again()
    return run


class TestMeasureStrain(StageContract):
    workflow = DETECT
    name, work, main_file = "measure_strain", "_measure", "strain.npz"
    change = {"sectors": 36}  # noqa: RUF012 - read only

    @pytest.fixture
    def finished(self, detected: Run) -> Run:
        return detected

    def damage(self, run: Run) -> Path:
        return _cut_off(run.cohort / BAD / "strain.npz")

    def change_input(self, run: Run) -> None:
        (run.cohort / GOOD / "activation.yaml").write_text("septum_direction: [-1, -0.5, 0]\n")

    def test_corrected_onsets_are_no_other_strain(self, done: Run) -> None:
        shutil.copy(done.result() / "tos.csv", done.cohort / GOOD / "tos.csv")
        [(_, reused)] = self.rows(done, GOOD)
        assert reused


class TestDetect(StageContract):
    workflow = DETECT
    name, work, main_file = "detect", "_detect", "tos.csv"
    change = {"explain": False}  # noqa: RUF012 - read only

    @pytest.fixture
    def finished(self, detected: Run) -> Run:
        return detected

    def damage(self, run: Run) -> Path:
        return _cut_off(run.folder("measure_strain", BAD) / "strain.npz")

    def test_another_network_is_new_work(self, done: Run, tmp_path: Path) -> None:
        other = tiny_networks.tiny_networks(tmp_path / "other", steps=4)
        [(row, reused)] = self.rows(done, GOOD, options={"network": str(other)})
        assert (row.outcome, reused) == ("ok", False)
        assert row.config["network"].startswith("sha256:")

    def test_corrected_onsets_are_new_work_and_count(self, done: Run) -> None:
        text = (done.result() / "tos.csv").read_text()
        first = text.splitlines()[1].split(",")
        (done.cohort / GOOD / "tos.csv").write_text(
            text.replace(",".join(first), ",".join([*first[:2], "240.0", *first[3:]]))
        )
        [(row, reused)] = self.rows(done, GOOD)
        assert (row.outcome, reused) == ("ok", False)
        told = np.genfromtxt(done.folder("detect") / "tos.csv", delimiter=",", names=True, dtype=None, encoding=None)
        assert told["tos_ms"][0] == 240.0
        assert "tos" in row.inputs
        assert read_status(done.folder("detect", BAD)) is not None
