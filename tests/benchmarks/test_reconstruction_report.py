"""What the reconstruction benchmark keeps, averages and writes."""

from __future__ import annotations

import csv
import doctest
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.reconstruction import __main__ as command
from benchmarks.reconstruction import coverage, sources
from benchmarks.reconstruction.coverage import LEVELS
from benchmarks.reconstruction.goals import GOALS, goals_table
from benchmarks.reconstruction.processes import run_all
from benchmarks.reconstruction.results import Results, trial_key
from benchmarks.reconstruction.roster import HARD, OURS, ROSTER, create
from benchmarks.reconstruction.sources import fingerprint
from benchmarks.reconstruction.suite import EXACT
from benchmarks.reconstruction.summary import pooled_coverage, reference_ratio, reference_ratios, summarize
from benchmarks.reconstruction.tables import csv_text
from benchmarks.reconstruction.trial import Trial
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.methods.log_odds import LogOdds
from cardioscar.scar3d.methods.network import Network
from cardioscar.scar3d.methods.projected import Projected


def row(method: str = "log-odds", case: str = "a", dice: float | None = 0.9, cpu_s: float = 1.0, **more):
    kind = {"hits": [5.0 + level for level in range(len(LEVELS))], "count": 10, "closed_hits": 9, "z_square": 40.0}
    scores = {"dice": dice, "volume_error": 3.0, "ece": 0.01, "corridor_kept": 0.8, "residual_rms": 0.1,
              "residual_max": 0.4}  # fmt: skip
    return {
        "key": f"{method} {case}", "method": method, "case": case, "set": "reporting", "nodes_wanted": 300_000,
        "seed": 0,
        "scores": scores | more.pop("scores", {}), "cpu_s": {"map_pixels": 0.0, "fit": cpu_s, "draws": 0.0},
        "wall_s": {"fit": cpu_s}, "peak_mib": 300.0, "empty_mib": 200.0, "looks": [],
        "coverage": dict.fromkeys(("cubes", "segments", "volume", "nodes"), kind), **more,
    }  # fmt: skip


# results


def test_rows_are_kept_and_of_one_key_the_later_counts(tmp_path):
    path = tmp_path / "new" / "results.jsonl"
    results = Results(path)
    results.add(row(dice=0.5))
    results.add(row(dice=0.6))
    results.add(row(case="b"))
    with path.open("a") as stream:
        stream.write('{"key": "log-odds c", "met')  # the run was killed here
    back = Results(path)
    assert back.get("log-odds a")["scores"]["dice"] == 0.6
    assert back.get("log-odds c") is None
    assert [r["case"] for r in back.newest()] == ["a", "b"]


def test_a_result_belongs_to_settings_case_seed_and_draws():
    trial = Trial("x", Path("case-1"))
    methods = [Network(), Network(FitConfig(steps=7)), Projected(Network()), Projected(Network(), "hard"), LogOdds()]
    keys = {trial_key(trial, method) for method in methods}
    keys |= {trial_key(replace(trial, **change), LogOdds()) for change in (
        {"method": "y"}, {"case": Path("case-2")}, {"seed": 1}, {"draws": 8},
    )}  # fmt: skip
    assert len(keys) == 9
    assert trial_key(trial, Network()) == trial_key(trial, Network())


def test_the_code_that_a_method_uses_is_part_of_its_key(tmp_path, monkeypatch):
    package = tmp_path / "cardioscar_example"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("x = 1\n")
    (package / "method.py").write_text("def run():\n    from cardioscar_example.inner import x\n    return x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("benchmarks.reconstruction.sources.PACKAGE", "cardioscar_example")
    before = fingerprint("cardioscar_example.method")
    (package / "inner.py").write_text("x = 2\n")
    fingerprint.cache_clear()
    after = fingerprint("cardioscar_example.method")
    assert before != after
    (package / "weights").mkdir()
    (package / "weights" / "w.bin").write_bytes(b"1")
    fingerprint.cache_clear()
    assert fingerprint("cardioscar_example.method") not in (before, after)
    fingerprint.cache_clear()


def test_every_method_of_the_roster_can_be_made():
    for name in ROSTER:
        assert create(name, reference_s=3.0).name
    assert {OURS, HARD} <= set(ROSTER)


# processes


def _take_memory(trial: Trial) -> dict:
    if trial.method == "die":
        os._exit(7)
    if trial.method == "raise":
        raise ValueError("too few nodes")
    if trial.method == "hang":
        time.sleep(60)
    import resource

    held = bytearray(int(trial.method) * 2**20)
    return {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "held": len(held)}


@pytest.mark.slow
def test_each_trial_has_its_own_peak_and_one_that_fails_is_a_row():
    trials = [Trial(what, Path("x")) for what in ("400", "die", "raise", "hang", "10")]
    found = {trial.method: outcome for trial, outcome in run_all(trials, limit_s=20, work=_take_memory)}
    assert found["400"]["mib"] > found["10"]["mib"] + 300
    assert found["die"] == {"error": "the process ended with exit code 7"}
    assert found["raise"] == {"error": "ValueError: too few nodes"}
    assert found["hang"] == {"error": "not done after 20 s"}


# means and ratios


@pytest.mark.parametrize("module", [coverage, sources])
def test_examples_in_docstrings_hold(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


def test_means_worst_and_gain_are_over_the_same_cases():
    rows = [row(case="a", dice=0.90), row(case="b", dice=0.80)]
    rows += [
        row("new", "a", 0.93, scores={"corridor_kept": 0.7}),
        row("new", "b", 0.85, scores={"corridor_kept": None}),
    ]
    new = summarize(rows)["new"]
    assert new["dice"] == pytest.approx(0.89)
    assert new["dice_gain"] == pytest.approx(0.04)
    assert (new["corridor_kept"], new["corridor_kept_worst"], new["cases"]) == (0.7, 0.7, 2)
    assert new["cubes_z_rms"] == pytest.approx(2)
    assert pooled_coverage(rows, "cubes") == pytest.approx([(5 + level) / 10 for level in range(len(LEVELS))])


LOOKS = [{"cpu_s": 5.0, "dice": 0.2}, {"cpu_s": 20.0, "dice": 0.85}, {"cpu_s": 60.0, "dice": 0.88}]


def test_the_ratio_is_the_time_until_the_reference_is_as_good():
    reference = row("reference", looks=LOOKS)
    assert reference_ratio(row(dice=0.84, cpu_s=2.0), reference) == (10.0, True)
    assert reference_ratio(row(dice=0.95, cpu_s=2.0), reference) == (30.0, False)
    assert reference_ratio(row(dice=None), reference) is None
    rows = [reference, row("reference", "b", looks=LOOKS)]
    rows += [row("new", "a", 0.84, 2.0), row("new", "b", 0.95, 1.5), row("new", "c", 0.99, 9.0)]
    ratio, reached, cases = reference_ratios(rows)["new"]
    assert ratio == pytest.approx((10 * 40) ** 0.5)
    assert (reached, cases) == (False, 2)


def test_goals_are_judged_by_their_direction():
    rows = [row("log-odds", dice=0.9), row(OURS, dice=0.925, scores={"volume_error": 1.2, "ece": 0.02})]
    lines = {line.split(" | ")[0].strip("| "): line for line in goals_table(rows).splitlines()}
    assert "| +0.025, goal |" in lines["Dice over log-odds"]
    assert "| 1.20, stretch |" in lines["volume error, %"]
    assert "| 0.0200, missed |" in lines["node ECE"]
    assert "| 0.90 (0.90–0.90), stretch |" in lines["coverage of 90 % intervals, 5 mm cubes"]
    assert "| not run |" in lines["CPU-s a subject, 30,000 nodes"]
    assert len(lines) == len(GOALS) + 2


def test_goals_are_never_judged_on_the_choosing_set_where_there_is_a_report():
    rows = [row(OURS, dice=0.5), row("log-odds", dice=0.5), row(OURS, "b", 0.9, set="choosing")]
    assert "| +0.000, missed |" in goals_table(rows)
    assert "| not run |" in goals_table([]).splitlines()[2]


def test_a_lower_bound_below_the_goal_decides_nothing():
    rows = [row(OURS, dice=0.95, nodes_wanted=30_000), row("reference", looks=LOOKS, nodes_wanted=30_000)]
    assert "| > 60, open |" in goals_table(rows)


def test_cases_that_are_read_exactly_are_shown_apart():
    exact = next(name for name in EXACT if "(200)" in name)
    rows = [row(OURS, exact, scores={"volume_error": 1.0}), row(OURS, "noisy", scores={"volume_error": 9.0})]
    assert "| 5.00, missed | 1.00, stretch |" in goals_table(rows)


def test_every_trial_is_a_line_of_the_csv():
    failed = {k: v for k, v in row("bad").items() if k not in ("scores", "coverage")} | {"error": "ValueError: x"}
    lines = list(csv.DictReader(csv_text([row(), failed]).splitlines()))
    assert [line["method"] for line in lines] == ["log-odds", "bad"]
    assert float(lines[0]["dice"]) == 0.9
    assert (lines[1]["dice"], lines[1]["error"]) == ("", "ValueError: x")


# the whole


@pytest.mark.slow
def test_a_run_writes_tables_and_figures_and_goes_on_where_it_was(tmp_path, capfd):
    words = ["--cases", "oblique", "smooth, wide", "--nodes", "1500", "--draws", "6", "--reference-seconds", "0.5"]
    words += ["--methods", "log-odds", "network+soft", "reference", "--out", str(tmp_path)]
    words += ["--cache", str(tmp_path / "cases")]
    assert command.main(words) == 0
    page = (tmp_path / "reconstruction.md").read_text()
    folder = tmp_path / "reconstruction"
    assert sorted(path.name for path in folder.iterdir()) == [
        "accuracy-time.png", "calibration.png", "cases.png", "reference.png", "trials.csv",
    ]  # fmt: skip
    for name in ("accuracy-time.png", "calibration.png", "cases.png", "reference.png"):
        assert f"(reconstruction/{name})" in page
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert "### Choosing set, 1,500 nodes, 2 cases" in page
    assert "| corridor oblique, narrow (100) | fractions | " in page
    assert "python -m benchmarks.reconstruction" in page
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert sorted(r["method"] for r in rows) == ["log-odds", "log-odds", "network+soft", "network+soft", "reference"]
    for r in rows:
        assert r["peak_mib"] >= r["empty_mib"] > 50
        assert (r["coverage"] is None) == (r["method"] == "log-odds")
        assert bool(r["looks"]) == (r["method"] == "reference")
    progress = capfd.readouterr().err
    assert "5/5" in progress
    assert command.main(words) == 0
    assert command.main([*words, "--kept"]) == 0
    assert "/5" not in capfd.readouterr().err
