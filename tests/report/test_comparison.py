import dataclasses
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from cardioscar.report.cohort_columns import Chart, CohortColumns, Column
from cardioscar.report.cohort_table import CohortRow, CohortSummary, CohortTable
from cardioscar.report.comparison import bland_altman_svg, write_comparison_page
from cardioscar.results.comparison import compare

COLUMNS = CohortColumns(
    (Column("scar_ml", "Scar, ml", 1), Column("dice", "Dice", 3)), charts=(Chart("scar_ml", "Scar, ml"),)
)


def table(shift: float, name: str, qc: str = "pass", extra: str = "") -> CohortTable:
    rows = [
        CohortRow(
            f"P{n}", "ok", qc=qc if n == 2 else "pass", reasons=("<slices> apart",) if qc != "pass" and n == 2 else (),
            metrics={"scar_ml": 10 * n + shift * n, "dice": 0.8}, report=f"P{n}/report.html",
        )
        for n in range(1, 5)
    ]  # fmt: skip
    if extra:
        rows.append(CohortRow(extra, "failed", "train", "input", "no"))
    return CohortTable(CohortSummary(True, 0.1, name, "1"), tuple(rows), COLUMNS)


def test_it_says_what_differs_and_leads_to_both(tmp_path):
    a, b = table(0, "before"), table(0.5, "after", qc="review", extra="Q9")
    found = dataclasses.asdict(compare(a, b))
    html = write_comparison_page(tmp_path / "c.html", a, b, found, ("../a/results", "../b/results")).read_text()
    assert "before and after" in html
    assert '<a href="../a/results/P2/report.html">A</a> <a href="../b/results/P2/report.html">B</a>' in html
    assert "&lt;slices&gt; apart" in html
    assert "<slices>" not in html
    assert "In B alone" in html
    assert "Q9" in html
    # differences of 0.5, 1, 1.5 and 2 ml: mean 1.25, SD 0.645
    row = re.search(r"<th scope=\"row\">Scar, ml</th>(.*?)</tr>", html)[1]
    assert re.findall(r"<td>([^<]*)", row)[:4] == ["4", "1.25", "−0.02 to 2.52", "2.00"]
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert "nan" not in re.sub(r"<[^>]*>", "", html).lower().split()


def test_links_lead_nowhere_else(tmp_path):
    a = table(0, "a")
    bad = dataclasses.replace(a, rows=(dataclasses.replace(a.rows[1], report="javascript:alert(1)", qc="fail"),))
    found = dataclasses.asdict(compare(a, bad))
    html = write_comparison_page(tmp_path / "c.html", a, bad, found, ("a", "b")).read_text()
    assert "javascript:" not in html


def test_dots_stand_where_mean_and_difference_say():
    pairs = np.array([[10.0, 12.0], [20.0, 20.0], [30.0, 29.0]])
    svg = ET.fromstring(str(bland_altman_svg(["P1", "P2", "<3>"], pairs, 1 / 3, -2.7, 3.4, "Scar")))
    dots = [one for one in svg if one.tag == "circle"]
    x, y = (np.array([float(one.get(key)) for one in dots]) for key in ("cx", "cy"))
    means, apart = pairs.mean(axis=1), pairs[:, 1] - pairs[:, 0]
    for found, wanted, sign in ((x, means, 1), (y, apart, -1)):
        step = (found[1] - found[0]) / (wanted[1] - wanted[0])
        assert sign * step > 0
        assert found - found[0] == pytest.approx(step * (wanted - wanted[0]), abs=0.1)
    assert "<3>" in dots[2][0].text
    assert len([one for one in svg if one.tag == "line"]) == 4


def test_one_subject_has_no_limits_and_still_a_chart():
    svg = str(bland_altman_svg(["P1"], np.array([[3.0, 3.0]]), 0.0, math.nan, math.nan, "Scar"))
    assert "nan" not in svg
    assert svg.count("<circle") == 1
