from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.report.cohort_table import CohortRow, CohortSummary, CohortTable
from cardioscar.results.opening import read_results
from cardioscar.results.table import write_data
from cardioscar.results.terminal import print_cohort
from cardioscar.stages.scar3d.columns import COLUMNS

SCORES = {
    "dice": 0.8764, "dice_baseline": 0.8551, "heldout_dice": 0.7983, "heldout_dice_baseline": 0.7712,
    "scar_ml": 12.34, "scar_percent": 14.19,
}  # fmt: skip


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *rows: CohortRow, uri: str = "", most: int = 40) -> str:
    write_data(folder, CohortTable(CohortSummary(True, 0.1), rows, COLUMNS))
    print_cohort(read_results(folder), uri, most=most)
    return capsys.readouterr().out


def ok(subject: str, qc: str = "pass", **scores: float | None) -> CohortRow:
    return CohortRow(subject, "ok", stage="evaluate", qc=qc, metrics=SCORES | scores, report=f"{subject}/report.html")


def failed(subject: str, message: str) -> CohortRow:
    return CohortRow(subject, "failed", stage="preprocess", error_kind="input", error_message=message)


def test_all_scores_fit_80_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(tmp_path, capsys, ok("P001"), ok("P002", "review", scar_ml=123.4)).splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if line.startswith("cohort report"))]
    assert max(map(len, table)) <= 80
    heading = [" ".join(line.split()) for line in table[:3]]
    assert heading == [
        "hidden",
        "base- hidden base- scar % of",
        "subject QC Dice line Dice line ml wall",
    ]
    assert [line.split() for line in table[4:]] == [
        ["P001", "pass", "0.876", "0.855", "0.798", "0.771", "12.3", "14.2"],
        ["P002", "review", "0.876", "0.855", "0.798", "0.771", "123.4", "14.2"],
    ]


def test_columns_that_nobody_has_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unscored = ok("P001", **{name: None for name in SCORES if "dice" in name})
    lines = printed(tmp_path, capsys, unscored).splitlines()
    assert [line.split() for line in lines[:2]] == [["scar", "%", "of"], ["subject", "QC", "ml", "wall"]]
    # what one subject has, the others lack visibly
    lines = printed(tmp_path, capsys, unscored, ok("P002", dice=None)).splitlines()
    assert lines[4].split() == ["P001", "pass", "–", "–", "–", "12.3", "14.2"]


def test_reasons_of_a_verdict_stand_below_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = replace(ok("P001", "review"), reasons=("slices do not predict one another (Dice 0.41)", "=the scar is small"))
    lines = printed(tmp_path, capsys, odd, ok("P002")).splitlines()
    assert "P001 review: slices do not predict one another (Dice 0.41); =the scar is small" in lines
    assert not any(line.startswith("P002 ") and ":" in line for line in lines)


def test_subjects_of_earlier_runs_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    earlier = [replace(ok("P002"), earlier=True), replace(failed("P003", "labels.nii.gz: torn"), earlier=True)]
    lines = printed(tmp_path, capsys, ok("P001"), *earlier).splitlines()
    assert "and 2 subjects of earlier runs in cohort.csv" in lines
    assert not any(line.startswith(("P002", "P003")) for line in lines)


def test_failures_stand_below_the_table_with_their_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = "labels.nii.gz: expected labels 0, 1, 2, 3 (table 'cardioscar'), found 7 (12 voxels), and more than fits"
    lines = printed(tmp_path, capsys, failed("P001", message), ok("P002")).splitlines()
    assert f"P001 failed in preprocess: {message}" in lines
    assert lines.index(f"P001 failed in preprocess: {message}") > next(
        i for i, line in enumerate(lines) if line.startswith("P002")
    )
    assert f"first subject  {tmp_path / 'P002' / 'report.html'}" in lines


def test_without_a_subject_that_is_ok_there_is_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(tmp_path, capsys, failed("P001", "a.nii: expected x, found y")).splitlines()
    assert lines == [
        "P001 failed in preprocess: a.nii: expected x, found y",
        f"cohort report  {tmp_path / 'cohort.html'}",
    ]


def test_text_from_outside_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = "no file '[red]a[/red][link=http://x]\x1b[31m\x07.nii'"
    folder = tmp_path / "[bold]results"
    folder.mkdir()
    text = printed(folder, capsys, failed("P001", message), ok("P002"), uri="sqlite:////data/[i]x/mlflow.db")
    assert "no file '[red]a[/red][link=http://x]�[31m�.nii'" in text
    assert f"cohort report  {folder / 'cohort.html'}\n" in text
    assert "mlflow ui --backend-store-uri 'sqlite:////data/[i]x/mlflow.db'\n" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("columns", ["20", "40", "80", "200"])
def test_no_width_cuts_anything_off(
    columns: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    long = "P" + "0123456789" * 6
    message = "a very long message " * 20 + "that ends here"
    text = printed(tmp_path, capsys, ok("P001"), ok(long), failed("P003", message))
    assert "…" not in text
    assert all(f"{value:.3f}" in text for name, value in SCORES.items() if "dice" in name)
    assert "that ends here\n" in text  # not wrapped by hand: the terminal does, and grep finds it whole
    assert long in "".join(line.split(" ")[0] for line in text.splitlines() if "P003" not in line)


def test_a_large_cohort_is_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [ok(f"P{n:03d}") for n in range(7)] + [failed(f"Q{n:03d}", "x") for n in range(5)]
    lines = printed(tmp_path, capsys, *rows, most=3).splitlines()
    assert sum(line.startswith("P0") for line in lines) == 3
    assert sum(line.startswith("Q0") for line in lines) == 3
    assert "… and 4 more in cohort.csv" in lines
    assert "… and 2 more failures in cohort.csv" in lines


def test_what_another_version_wrote_is_refused_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(tmp_path, capsys, ok("P001"))
    for change in ((b"cohort 2", b"cohort 1"), (b'"qc"', b'"kind"'), (b"\n ]}", b"")):
        path = tmp_path / "cohort.json"
        whole = path.read_bytes()
        path.write_bytes(whole.replace(*change))
        with pytest.raises(
            InputError, match="a damaged file or another version's; `cardioscar summarize-cohort` writes"
        ):
            print_cohort(read_results(tmp_path), "")
        path.write_bytes(whole)
