import base64
import csv
import hashlib
import io
import re
import time

import pytest

from cardioscar.errors import ConfigError
from cardioscar.report.cohort import write_cohort_report
from cardioscar.report.cohort_columns import Chart, CohortColumns, Column, Heading, IntervalColumn
from cardioscar.report.cohort_table import (
    CohortRow,
    CohortSummary,
    CohortTable,
    cohort_csv,
    cohort_json,
    read_cohort_json,
)
from cardioscar.stages.scar3d.columns import COLUMNS

METRICS, CHARTS, INTERVALS = COLUMNS.by_key, COLUMNS.charts, COLUMNS.intervals
EVIL = "<script>alert(1)</script>"
SUMMARY = CohortSummary(True, 0.25, "Infarct <study>", "1.2.3", "2026-01-02")


SHOWN = 5 + len(METRICS) - len(INTERVALS)
"""An interval is one column of two numbers."""


def page(path, rows, summary=SUMMARY) -> str:
    return write_cohort_report(path, CohortTable(summary, tuple(rows), COLUMNS)).read_text()


def whole(rows) -> CohortTable:
    return CohortTable(SUMMARY, tuple(rows), COLUMNS)


def finished(number: int, **changes) -> CohortRow:
    metrics = {key: number / 1000 + place for place, key in enumerate(METRICS)} | {
        "dice": 0.8 + number % 100 / 1000,
        "dice_baseline": 0.75,
    }
    fields = {
        "stage": "evaluate",
        "qc": ("pass", "review", "fail")[number % 3],
        "metrics": metrics,
        "report": f"results/P{number:05d}/report.html",
    }
    return CohortRow(f"P{number:05d}", "ok", **(fields | changes))


def failed(subject: str, message: str = "mesh.vtu: expected nodes", kind: str = "geometry") -> CohortRow:
    return CohortRow(subject, "failed", "preprocess", kind, message)


@pytest.fixture(scope="module")
def rows() -> list[CohortRow]:
    return [
        *(finished(n) for n in range(6)),
        finished(6, metrics={"scar_ml": None, "dice": float("nan")}),
        failed("F1"),
        failed("F2"),
        failed(EVIL, f"labels.nii.gz: found {EVIL}", "input"),
        CohortRow("S1", "skipped", "train"),
    ]


@pytest.fixture(scope="module")
def html(rows, tmp_path_factory) -> str:
    return page(tmp_path_factory.mktemp("cohort") / "new" / "cohort.html", rows, SUMMARY)


def table(html: str) -> list[str]:
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.DOTALL)[1]
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in body.split("<tr>")[1:]]


def test_header_counts_and_verdict(html):
    text = re.sub(r"<[^>]+>", " ", html).replace("\u202f", " ")
    text = re.sub(r"\s+", " ", text)
    failed = "54.5 % of the subjects failed (finished ones that failed quality control count: 2); up to 25.0 % may fail"
    for words in ("11 subjects", "Accepted", failed):
        assert words in text, words
    for words in ("Finished 7", "Failed 3", "Skipped 1", "Quality: pass 3", "Quality: review 2", "Quality: fail 2"):
        assert words in text, words
    assert "Research use only. Not a medical device." in text


def test_a_cohort_that_is_not_accepted(rows, tmp_path):
    html = page(tmp_path / "c.html", rows, CohortSummary(False, 0.1))
    assert "Not accepted" in html


def test_every_subject_is_a_row(html, rows):
    found = table(html)
    assert len(found) == len(rows)
    assert found[1].startswith("P00001 ok review evaluate 0.0 1.0–2.0 3.0 4.0 5.0 0.801 0.750")
    assert 'href="results/P00001/report.html"' in html


def test_failed_rows_show_stage_and_reason(html):
    row = next(row for row in table(html) if row.startswith("F1"))
    assert "failed" in row
    assert "preprocess geometry: mesh.vtu: expected nodes" in row
    assert "–" not in row


def test_failures_are_grouped_by_kind_and_reason(html):
    section = re.search('<section class="card" id="failures">(.*?)</section>', html, re.DOTALL)[1]
    kinds = re.findall('failed">([^<]+)</span>', section)
    assert kinds == ["geometry", "input"]
    assert section.count("mesh.vtu: expected nodes") == 1
    assert "2 subjects" in section


def test_text_of_others_is_escaped(html):
    scripts = re.findall("<script", html)
    assert len(scripts) == 1
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "Infarct &lt;study&gt;" in html


def test_unsafe_links_are_dropped(tmp_path):
    row = finished(1, report="javascript:alert(1)")
    html = page(tmp_path / "c.html", [row], SUMMARY)
    assert "javascript:alert" not in html


def test_the_page_asks_nobody_and_runs_only_its_own_script(html):
    assert not re.search(r"<(?:img|link|script|iframe)[^>]+(?:src|href)=\"(?!data:)", html)
    assert "@import" not in html
    assert "url(" not in html
    script = re.search("<script>(.*?)</script>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html


def test_sorting_is_for_keyboards_too(html):
    head = re.search("<thead>(.*?)</thead>", html, re.DOTALL)[1]
    assert head.count("<th ") == head.count('<button type="button">') == SHOWN
    assert head.count('data-type="number"') == len(METRICS) - 2 * len(INTERVALS)
    assert 'tabindex="0"' in html
    assert html.count("<label") == 4


def test_rows_have_as_many_cells_as_the_head(html):
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.DOTALL)[1]
    for row in body.split("<tr>")[1:]:
        cells = len(re.findall(r"<t[dh]\b", row)) + sum(int(n) - 1 for n in re.findall(r'colspan="(\d+)"', row))
        assert cells == SHOWN


def test_distributions_stand_beside_the_baseline(html):
    section = re.search('<section class="card" id="distributions">(.*?)</section>', html, re.DOTALL)[1]
    assert section.count("<svg") == len(CHARTS)
    text = re.sub(r"<[^>]+>", " ", section)
    assert re.search(r"baseline\s+0\.750", text)
    assert "median 0.802" in text or "median 0.803" in text


def test_maps_without_intervals_have_no_column_for_them(tmp_path):
    row = finished(1)
    plain = finished(1, metrics={k: v for k, v in row.metrics.items() if not k.startswith("scar_ml_")})
    html = page(tmp_path / "c.html", [plain], SUMMARY)
    assert "Scar interval" not in html
    both = page(tmp_path / "c.html", [row, plain], SUMMARY)
    assert "Scar interval, ml" in both
    assert table(both)[1].startswith("P00001 ok review evaluate 0.0 – 3.0")


def test_nothing_finished(tmp_path):
    html = page(tmp_path / "c.html", [failed("F1")], CohortSummary(False, 0.0))
    assert "No subject has numbers to show" in html
    assert "expected nodes" in table(html)[0]
    empty = page(tmp_path / "c.html", [], CohortSummary(True, 0.0))
    assert "No subject failed" in empty


def test_ten_thousand_subjects(tmp_path):
    many = [failed(f"P{n:05d}") if n % 50 == 0 else finished(n) for n in range(10_000)]
    started = time.process_time()
    path = write_cohort_report(tmp_path / "c.html", CohortTable(SUMMARY, tuple(many), COLUMNS))
    # about one second on one slow core; the bound is to notice a quadratic loop
    assert time.process_time() - started < 15
    assert path.stat().st_size < 6_000_000
    assert len(table(path.read_text())) == 10_000


def test_csv_holds_the_whole_table(rows):
    read = list(csv.DictReader(io.StringIO(cohort_csv(whole(rows)))))
    assert len(read) == len(rows)
    assert list(read[0])[6:-4] == ["septum", "reasons", *METRICS]
    assert float(read[3]["dice"]) == rows[3].metrics["dice"]
    assert read[6]["dice"] == read[6]["scar_ml"] == ""
    assert read[9]["error_message"] == f"labels.nii.gz: found {EVIL}"
    assert read[9]["error_kind"] == "input"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_csv_holds_no_formulas(text):
    read = next(csv.DictReader(io.StringIO(cohort_csv(whole([failed("P1", text)])), newline="")))
    assert read["error_message"] == "'" + text


def test_csv_keeps_commas_quotes_and_lines_together():
    message = 'a, "b"\nc'
    text = cohort_csv(whole([failed("P1", message)]))
    assert next(csv.DictReader(io.StringIO(text, newline="")))["error_message"] == message


def test_json_holds_all_that_page_and_csv_are_drawn_from(rows, tmp_path):
    many = CohortTable(
        SUMMARY, (*rows, finished(7, earlier=True, reasons=("a; b", "c"), texts={"septum": "mesh"})), COLUMNS
    )
    data = cohort_json(many).encode()
    read = read_cohort_json(data)
    assert read.rows[6].metrics == {"scar_ml": None, "dice": None}  # JSON has no NaN
    assert (read.summary, read.columns, read.rows[7:]) == (many.summary, COLUMNS, many.rows[7:])
    assert cohort_csv(read) == cohort_csv(many)
    assert page(tmp_path / "a.html", read.rows) == page(tmp_path / "b.html", many.rows)
    assert cohort_json(read).encode() == data
    assert len(data.splitlines()) == len(many.rows) + 5


AREA = Column("area_mm2", "Area, mm²", 1)


def test_a_family_without_numbers_has_a_page_of_verdicts(tmp_path):
    table_of = CohortTable(SUMMARY, (CohortRow("P1", "ok", "conclude", qc="pass"),), CohortColumns())
    html = write_cohort_report(tmp_path / "c.html", table_of).read_text()
    assert "No subject has numbers to show" in html
    assert table(html) == ["P1 ok pass conclude"]
    assert not re.findall("scar|septum", html.replace("cardioscar", ""), re.IGNORECASE)


@pytest.mark.parametrize(
    ("columns", "finding"),
    [
        ({"numbers": (AREA, AREA)}, "a key for each, found area_mm2 twice"),
        ({"texts": (Heading("stage", "Stage"),)}, "a key for each, found stage twice"),
        ({"means": ("area",)}, "keys of numbers, found area"),
        (
            {"charts": (Chart("area_mm2", "Area", marks=(Heading("before", "before"),)),)},
            "keys of numbers, found before",
        ),
        ({"intervals": (IntervalColumn("Area", "area_mm2", "upper"),)}, "keys of numbers, found upper"),
        ({"charts": (Chart("area_mm2", "Area", marks=3 * (Heading("area_mm2", "area"),)),)}, "at most two marks"),
    ],
)
def test_a_declaration_names_only_what_it_declares(columns, finding):
    with pytest.raises(ConfigError, match=finding):
        CohortColumns(**{"numbers": (AREA,)} | columns)
