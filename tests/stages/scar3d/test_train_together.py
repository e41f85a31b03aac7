"""A shard whose subjects are fitted together: the rows, files and rules of fitting them one by one."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from cardioscar.errors import PlatformError
from cardioscar.learning import memory
from cardioscar.scar3d.field import batched_fit
from cardioscar.scar3d.field.field_stack import FieldStack, Prepared
from cardioscar.scar3d.field.fit import FitResult
from cardioscar.scar3d.observation import files
from cardioscar.scar3d.observation.observations import Observations
from cardioscar.shard.status import Status, read_status, write_status
from cardioscar.stages.scar3d import shard_fit, train
from tests.conformance import test_stages as contract
from tests.finished_run import OPTIONS, SUBJECTS, Run, content, hidden
from tests.stages.run.test_kill import in_killed_child

TOGETHER = {**OPTIONS["train"], "subjects_together": 8}


class TestTrainTogether(contract.TestTrain):
    """What the platform expects of every stage holds here too."""

    @pytest.fixture(autouse=True)
    def default_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(shard_fit.TOGETHER, "cpu", 8)

    def test_the_same_work_gives_the_same_bytes(self, run: Run, finished: Run, tmp_path: Path) -> None:
        once, again = ([row.outputs for row, _ in self.rows(run, output=tmp_path / name)] for name in "ab")
        assert once == again


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path, before="train")


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the computations that were begun."""
    sizes: list[int] = []
    fit_fields = batched_fit.fit_fields

    def counted(subjects: Sequence[Prepared], *arguments: Any, **settings: Any) -> list[FitResult]:
        sizes.append(len(subjects))
        return fit_fields(subjects, *arguments, **settings)

    monkeypatch.setattr(batched_fit, "fit_fields", counted)
    return sizes


def fit(run: Run, subjects: Sequence[str] = SUBJECTS, **options: Any) -> list[Status]:
    return run.stage("train", subjects, options={**TOGETHER, **options})


def description(run: Run, subject: str) -> dict[str, Any]:
    return json.loads((run.folder("train", subject) / "field.json").read_text(encoding="utf-8"))


def losses(run: Run, subject: str) -> np.ndarray:
    return np.loadtxt(run.folder("train", subject) / "history.csv", delimiter=",", skiprows=1)[:, 1]


def same_fit(run: Run, other: Run, subject: str, *, like: str | None = None) -> None:
    """Single precision: 40 steps let rounding grow to about 1e-5."""
    np.testing.assert_allclose(losses(run, subject), losses(other, like or subject), rtol=1e-3)
    mine, theirs = (
        load_file(path / "field.safetensors")
        for path in (run.folder("train", subject), other.folder("train", like or subject))
    )
    assert mine.keys() == theirs.keys()
    for name, weights in mine.items():
        np.testing.assert_allclose(weights, theirs[name], atol=2e-3)


def copies(run: Run, number: int) -> list[str]:
    """A shard of copies of the first subject."""
    ids = [f"C{index:03d}" for index in range(number)]
    for one in ids:
        folder = shutil.copytree(run.folder("group_sort"), run.folder("group_sort", one))
        row = read_status(folder)
        assert row is not None
        write_status(folder, dataclasses.replace(row, subject=one))
    return ids


def short_of_memory(monkeypatch: pytest.MonkeyPatch, largest: int) -> None:
    """A device that has room for so many subjects."""
    compute = FieldStack.losses

    def limited(self: FieldStack, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        if len(self.batches) > largest and step == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return compute(self, step)

    monkeypatch.setattr(FieldStack, "losses", limited)


def test_a_shard_is_fitted_in_one_computation_with_the_results_of_one_by_one(
    run: Run, finished: Run, batches: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        rows = fit(run)
    assert [row.outcome for row in rows] == ["ok"] * 3
    assert batches == [3]
    for subject in SUBJECTS:
        same_fit(run, finished, subject)
        assert (description(run, subject)["fitted_together"], description(run, subject)["device"]) == (3, "cpu")
        assert description(finished, subject)["fitted_together"] == 1
    assert hidden(run.artifact("train")) == []
    assert "fits up to 8 subjects together on the CPU" in caplog.text
    assert "3 subjects together on cpu in " in caplog.text


def test_a_warning_about_a_subject_that_is_looked_at_ahead_is_in_its_own_row(
    run: Run, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = files.load_observations

    def doubtful(folder: Path) -> Observations:
        logging.getLogger("cardioscar.scar3d").warning("few pixels in one of %d letters", len(folder.name))
        logging.getLogger("cardioscar.scar3d").warning("about %s", folder.name)
        return read(folder)

    monkeypatch.setattr(files, "load_observations", doubtful)
    rows = fit(run)
    assert batches == [3]
    assert [row.warnings for row in rows] == [["few pixels in one of 4 letters", f"about {one}"] for one in SUBJECTS]


def test_settings_and_inputs_of_a_row_do_not_say_who_was_in_its_shard(run: Run, tmp_path: Path) -> None:
    alone = run.stage("train", ["P002"], options=TOGETHER, output=tmp_path / "alone")
    whole = fit(run)
    assert alone[0].config_sha256 == whole[1].config_sha256
    assert alone[0].inputs == whole[1].inputs
    assert (alone[0].config, alone[0].outputs.keys()) == (whole[1].config, whole[1].outputs.keys())


def test_a_field_depends_on_neither_its_shard_nor_the_order(run: Run, tmp_path: Path, batches: list[int]) -> None:
    orders = (["P001", "P002", "P003"], ["P003", "P001", "P002"], ["P002", "P001"])
    runs = []
    for number, order in enumerate(orders):
        runs.append(dataclasses.replace(run, out=tmp_path / str(number)))
        run.stage("train", order, options=TOGETHER, output=runs[-1].artifact("train"))
    assert batches == [3, 3, 2]
    for other in runs[1:]:
        for subject in ("P001", "P002"):
            np.testing.assert_allclose(losses(other, subject), losses(runs[0], subject), rtol=1e-3)
            same_fit(other, runs[0], subject)


def test_who_is_finished_is_not_fitted_again(run: Run, batches: list[int]) -> None:
    fit(run)
    before = {subject: content(run.folder("train", subject)) for subject in SUBJECTS}
    fit(run)
    assert batches == [3]
    shutil.rmtree(run.folder("train", "P001"))
    shutil.rmtree(run.folder("train", "P003"))
    fit(run)
    assert batches == [3, 2]
    assert content(run.folder("train", "P002")) == before["P002"]
    shutil.rmtree(run.folder("train", "P002"))
    fit(run)
    assert batches == [3, 2]  # one that is left is fitted alone, with a checkpoint
    assert description(run, "P002")["fitted_together"] == 1


def test_a_file_that_cannot_be_read_costs_its_own_subject_only(run: Run, finished: Run, batches: list[int]) -> None:
    path = run.folder("group_sort", "P002") / "sorted.npz"
    path.write_bytes(path.read_bytes()[:1000])
    rows = fit(run)
    assert [row.outcome for row in rows] == ["ok", "failed", "ok"]
    assert batches == [2]
    for subject in ("P001", "P003"):
        same_fit(run, finished, subject)


def test_targets_that_are_no_fractions_stay_in_their_subjects_row(run: Run, finished: Run, batches: list[int]) -> None:
    path = run.folder("group_sort", "P002") / "sorted.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez_compressed(path, **arrays | {"targets": np.full_like(arrays["targets"], np.nan)})
    rows = fit(run)
    assert batches == [2]
    assert [row.outcome for row in rows] == ["ok", "failed", "ok"]
    assert rows[1].error is not None
    assert "scar fractions from 0 to 1" in rows[1].error.message
    for subject in ("P001", "P003"):
        same_fit(run, finished, subject)


def test_a_computation_that_fails_is_dissolved(
    run: Run, finished: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows whose fault it is: alone, each subject gets the row that it deserves."""

    def fail(*arguments: object, **settings: object) -> None:
        raise RuntimeError("/data/JANE_DOE")

    monkeypatch.setattr(batched_fit, "fit_fields", fail)
    rows = fit(run)
    assert [row.outcome for row in rows] == ["ok"] * 3
    for subject in SUBJECTS:
        same_fit(run, finished, subject)
        assert description(run, subject)["fitted_together"] == 1
    assert caplog.text.count("3 subjects are fitted one by one after all: RuntimeError") == 1
    assert [row.warnings for row in rows] == [[]] * 3
    assert "JANE" not in caplog.text


def test_a_kill_leaves_the_finished_and_the_next_run_the_rest(run: Run, finished: Run) -> None:
    from cardioscar.scar3d.field import stored_field

    in_killed_child(lambda: fit(run), stored_field, "save_field", 2)
    assert read_status(run.folder("train", "P001")) is not None
    first = content(run.folder("train", "P001"))
    assert not run.folder("train", "P002").exists()
    assert [row.outcome for row in fit(run)] == ["ok"] * 3
    assert content(run.folder("train", "P001")) == first
    assert description(run, "P003")["fitted_together"] == 2
    for subject in SUBJECTS:
        same_fit(run, finished, subject)
    assert hidden(run.artifact("train")) == []


@pytest.mark.parametrize(
    ("largest", "begun", "together"),
    [(8, [7], [7] * 7), (4, [7, 3, 3], [3] * 6 + [1]), (2, [7, 3], [1] * 7), (0, [7, 3], [1] * 7)],
)
def test_out_of_memory_halves_the_computation_and_goes_on(
    run: Run,
    finished: Run,
    batches: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    largest: int,
    begun: list[int],
    together: list[int],
) -> None:
    ids = copies(run, 7)
    short_of_memory(monkeypatch, largest)
    rows = fit(run, ids)
    assert [row.outcome for row in rows] == ["ok"] * 7
    assert batches == begun
    assert [description(run, one)["fitted_together"] for one in ids] == together
    for one in ids:
        same_fit(run, finished, one, like="P001")
    assert caplog.text.count("out of memory with 7 subjects together: goes on with 3") == (largest < 7)
    assert caplog.text.count("out of memory with 3 subjects together: goes on with 1") == (largest < 3)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_alone_ends_the_stage_names_the_subject_and_keeps_the_finished(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from cardioscar.scar3d.field import fit as fit_module

    fit_field, calls = fit_module.fit_field, []

    def limited(*arguments: Any, **settings: Any) -> FitResult:
        calls.append(1)
        if len(calls) == 2:
            raise error
        return fit_field(*arguments, **settings)

    def none_fits(*arguments: Any, **settings: Any) -> None:
        raise error

    monkeypatch.setattr(fit_module, "fit_field", limited)
    monkeypatch.setattr(batched_fit, "fit_fields", none_fits)
    with pytest.raises(PlatformError, match=r"^P002: out of memory on cpu with this subject alone \(\d+ observed nod"):
        fit(run)
    assert content(run.artifact("train")).keys() == {
        f"P001/{name}" for name in ("field.json", "field.safetensors", "history.csv", "status.json")
    }


def test_no_more_subjects_are_taken_than_memory_is_estimated_to_hold(
    run: Run, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = copies(run, 5)
    each = shard_fit._prepare(run.folder("group_sort", ids[0]), train.Config(**TOGETHER)).memory_bytes
    monkeypatch.setattr(memory, "CPU_MEMORY_BYTES", int(2.5 * each))
    fit(run, ids)
    assert batches == [2, 2]
    assert [description(run, one)["fitted_together"] for one in ids] == [2, 2, 2, 2, 1]


def test_an_input_written_anew_since_it_was_read_ahead_is_read_again(run: Run, batches: list[int]) -> None:
    def write_anew(row: Status, reused: bool) -> None:
        if row.subject == "P001":
            earlier = read_status(run.folder("group_sort", "P002"))
            assert earlier is not None
            write_status(
                run.folder("group_sort", "P002"),
                dataclasses.replace(earlier, outputs=earlier.outputs | {"new": "0" * 64}),
            )

    rows = run.stage("train", SUBJECTS, options=TOGETHER, on_done=write_anew)
    assert batches == [3]
    assert "sorted/new" in rows[1].inputs
    assert [description(run, one)["fitted_together"] for one in SUBJECTS] == [3, 1, 3]


@pytest.mark.parametrize(
    ("device", "said"),
    [("cpu", "fits subjects one by one on the CPU"), ("auto", "fits subjects one by one on the CPU, as there is no")],
)
def test_without_a_gpu_subjects_are_fitted_one_by_one_and_one_line_says_so(
    run: Run,
    batches: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    device: str,
    said: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with caplog.at_level(logging.INFO):
        fit(run, subjects_together=0, device=device)
    assert batches == []
    assert caplog.text.count("one by one") == 1
    assert said in caplog.text


def test_the_gpu_is_named_and_takes_thirty_two(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decided before anything is computed; the computation itself needs the device."""
    from cardioscar.learning import device

    monkeypatch.setattr(device, "choose_device", lambda name: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Accelerator 9")
    lines: list[str] = []
    monkeypatch.setattr(shard_fit.log, "info", lambda text, *words: lines.append(text % words))
    shard_fit.ShardFit(run.artifact("group_sort"), SUBJECTS, run.artifact("train"), train.Config())
    assert lines == ["fits up to 32 subjects together on cuda:0 (Accelerator 9)"]


def test_the_cards_free_memory_counts_what_the_allocator_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6_000, 16_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 5_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1_000)
    assert memory.memory_bytes(torch.device("cuda")) == 6_000


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_shard_on_the_gpu_gives_what_one_by_one_gives_there(run: Run, tmp_path: Path) -> None:
    alone = dataclasses.replace(run, out=tmp_path / "alone")
    options = TOGETHER | {"device": "cuda"}
    run.stage("train", SUBJECTS, options=options | {"subjects_together": 0})
    run.stage("train", SUBJECTS, options=options | {"subjects_together": 1}, output=alone.artifact("train"))
    for subject in SUBJECTS:
        about = description(run, subject)
        assert (about["fitted_together"], about["device"]) == (3, "cuda")
        same_fit(run, alone, subject)
