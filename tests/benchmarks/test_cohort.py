"""What the cohort's measurement makes of a command's answer, and that a process tree is measured whole."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Import a file of `benchmarks/`, which finds its neighbours as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def by_name(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return by_name


def test_memory_and_processor_time_of_descendants_count(load, tmp_path):
    grandchild = (
        "x = bytearray(60_000_000)\nimport time\nt = time.process_time()\nwhile time.process_time() < t + 1: pass"
    )
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}], check=True); print('said')"
    done = load("process_tree").run_measured([sys.executable, "-c", child], tmp_path)
    assert (done.exit_code, done.output) == (0, "said\n")
    assert done.peak_mib > 60
    assert done.cpu_s > 1
    assert done.wall_s >= 1
    assert done.peak_processes == 2


def test_a_command_that_fails_is_no_measurement(load, tmp_path):
    cohort = load("cohort")
    with pytest.raises(RuntimeError, match="run: exit code 2"):
        cohort.measure("run", "off", ["P001"], tmp_path / "none", tmp_path / "out")


def test_overhead_is_what_the_fit_does_not_account_for(load):
    cohort = load("cohort")
    measured = load("process_tree").Measured(0, 50.0, 60.0, 700.0, 3, "")
    stage_s = {"preprocess": 10.0, "group_sort": 0.0, "train": 40.0, "infer": 5.0, "evaluate": 15.0}
    row = cohort.Row("run", "off", 10, measured, stage_s, {"reconstruct": 45.0})
    assert (row.overhead_s, row.elsewhere_s) == (6.0, 3.0)
    text = cohort.report([row, cohort.Row("run", "off", 100, measured, stage_s, {})])
    assert "| run | off | 10 | 50 | 12.0 | 4.00 | 6.00 | 6.00 | 700 | 3 |" in text
    assert "from 10 to 100 subjects: wall ×1.0, overhead a subject 6.00 ▸ 0.60 s" in text


def test_the_parts_that_the_commands_name_are_read(load):
    cohort = load("cohort")
    said = "…\n0 of 4 subjects unchanged; reconstruct 68.9 s, track 18.0 s, summarize 0.3 s\n"
    assert cohort._parts(said, "run") == {"reconstruct": 68.9, "track": 18.0, "summarize": 0.3}
    said = " part              tasks  longest, s  sum, s \n train                 2        24.1    42.0 \n"
    assert cohort._parts(said, "pipeline") == {"train": 24.1}


def test_only_what_was_measured_is_replaced_in_a_page(load, tmp_path):
    measured = load("measured")
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{measured.BEGIN}\nold\n{measured.END}\n\nhand-written\n")
    measured.write_page(page, "| new |")
    measured.write_page(page, "| newer |")
    assert page.read_text() == f"# Title\n\n{measured.BEGIN}\n\n| newer |\n\n{measured.END}\n\nhand-written\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="expected the lines"):
        measured.write_page(page, "x")


def test_the_percentiles_are_those_of_the_sample(load):
    seconds = [float(n) for n in range(1, 101)]
    assert load("measured").median_and_p95(seconds) == (50.5, pytest.approx(95.05))
    assert load("measured").median_and_p95([3.0]) == (3.0, 3.0)


def test_simulated_subjects_differ_and_repeat(load, tmp_path):
    from cardioscar.services.tracking.records import SubjectRecord, run_key
    from cardioscar.stages.scar3d.workflow import SCAR_FIELD

    for name in ("weights", "description"):
        (tmp_path / name).write_text("{}")
    pattern = SubjectRecord(
        kind=SCAR_FIELD, subject="P001", cohort="c", run_key=run_key("P001", {}, "", "1"), qc="pass", started_ms=1,
        files={"field.safetensors": tmp_path / "weights", "field.json": tmp_path / "description"},
    )  # fmt: skip
    registry = load("registry")
    records = [registry.simulated(pattern, number) for number in range(400)]
    assert len({record.run_key for record in records}) == 400
    assert registry.simulated(pattern, 7) == records[7]
    assert [record.qc for record in records] == [registry.simulated_quality(number) for number in range(400)]
    share = {verdict: sum(record.qc == verdict for record in records) / 400 for verdict in ("fail", "review")}
    assert share["fail"] == pytest.approx(0.03, abs=0.03)
    assert share["review"] == pytest.approx(0.1, abs=0.04)
    assert json.dumps(records[0].metrics)


@pytest.mark.slow
def test_a_subject_is_measured_both_ways(load, tmp_path):
    from cardioscar.phantom.cohort import write_cohort

    cohort = load("cohort")
    ids = write_cohort(tmp_path / "cohort", subjects=1, nodes=1_500)
    rows = [cohort.measure(way, "off", ids, tmp_path / "cohort", tmp_path / way) for way in ("run", "pipeline")]
    for row in rows:
        assert all(row.stage_s[stage] > 0 for stage in cohort.STAGES)
        assert 0 < row.elsewhere_s < row.overhead_s
        assert row.measured.peak_mib > 100
        assert row.parts_s
    assert cohort.report(rows).count("\n| ") >= 4
