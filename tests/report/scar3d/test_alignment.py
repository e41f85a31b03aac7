"""What the report says of moved slices."""

from pathlib import Path

from cardioscar.report.scar3d.alignment import shifts_note
from cardioscar.report.scar3d.subject import SubjectReport, write_subject_report
from tests.scar3d.quality.whole import whole


def row(finding: str, **more: float | None) -> dict:
    return {"i": 3.0, "j": 4.0, "error": 0.24, "overlap": 0.9, "finding": finding} | more


def test_nothing_is_said_where_no_shifts_were_looked_for() -> None:
    assert shifts_note({}) == ""


def test_a_stack_in_place_is_said_to_be_so() -> None:
    assert shifts_note({"1": row("small"), "2": row("uncertain", error=None)}) == (
        "Alignment: none of 2 slices had to be moved."
    )


def test_each_moved_slice_is_named_with_its_error() -> None:
    note = shifts_note({"4": row("applied"), "5": row("applied", j=0.0), "6": row("small")})
    assert "2 of 3 slices were moved" in note
    assert "4: 5.0 ± 0.2 mm, 5: 3.0 ± 0.2 mm" in note


def test_slices_that_could_not_be_placed_are_to_be_checked() -> None:
    note = shifts_note({"1": row("too far"), "2": row("no match", error=None), "3": row("no match", error=None)})
    assert "slice 1 (its wall lies more than 10 mm off)" in note
    assert "slices 2, 3 (its wall is unlike the mesh there)" in note


def test_the_page_says_it_beside_the_slices(tmp_path: Path) -> None:
    page = write_subject_report(tmp_path, SubjectReport(whole(), slice_shifts={"4": row("applied")}))
    section = page.read_text().split('id="slices"')[1].split("</section>")[0]
    assert "1 of 1 slices was moved in its plane" in section
