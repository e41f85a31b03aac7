"""The page of a cohort in a real browser, a thousand subjects long."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from cardioscar.report.cohort import write_cohort_report
from cardioscar.report.cohort_table import CohortRow, CohortSummary, CohortTable
from cardioscar.report.thumbnail import heart_thumbnail, thumbnail_webp
from cardioscar.report.viewer import ShownScar, viewer_content
from cardioscar.stages.scar3d.columns import COLUMNS
from tests.report.conftest import ellipsoid_shell, septal_scar


def small_hearts() -> list[bytes]:
    """A shell with scars of several sizes, as small as they stand in the table."""
    shell, found = ellipsoid_shell(), []
    for share in (0.0, 0.7, 1.0):
        shown = ShownScar(share * septal_scar(shell.nodes_mm), None)
        view = viewer_content(shell, shown, axis=np.array([0, 0, 1.0]), septal_direction=np.array([-1.0, 0, 0]))
        found.append(thumbnail_webp(heart_thumbnail(view["volume"])))
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    rng = np.random.default_rng(0)
    hearts = [base64.b64encode(one).decode() for one in small_hearts()]
    rows = []
    for n in range(1000):
        numbers = {key: float(value) for key, value in zip(COLUMNS.by_key, rng.uniform(0.5, 1, 40), strict=False)}
        numbers |= {"scar_ml": 0.1 + n / 10, "scar_percent": n / 20}
        numbers |= {f"aha/{k}_scar_fraction": float(rng.uniform()) for k in range(1, 18)}
        rows.append(
            CohortRow(
                f"P{n:04d}", "ok", "evaluate", qc="review" if n % 4 == 0 else "pass",
                reasons=("slices do not predict one another",) if n % 4 == 0 else (), texts={"septum": "given"},
                metrics=numbers, report=f"P{n:04d}/report.html", signed_off="accepted" if n == 0 else "",
                picture=hearts[n % len(hearts)],
            )
        )  # fmt: skip
    rows.append(CohortRow("F001", "failed", "preprocess", "geometry", "mesh.vtu: expected nodes"))
    table = CohortTable(CohortSummary(True, 0.1, "Study", "1", "2026-01-02"), tuple(rows), COLUMNS)
    return write_cohort_report(tmp_path_factory.mktemp("cohort") / "cohort.html", table)


def shown(opened) -> list[str]:
    return opened.page.locator("#subjects tbody tr th").all_inner_texts()


def test_it_opens_without_errors_and_asks_nobody(look, report):
    opened = look(report)
    opened.page.wait_for_selector(".eye svg")
    assert opened.errors == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [report.as_uri()]
    assert report.stat().st_size < 3_000_000
    assert len(shown(opened)) == 200
    assert opened.page.locator("#subjects .eye").first.locator("path").count() == 17


def test_hearts_are_drawn_for_the_rows_that_are_shown(look, report):
    opened = look(report)
    image = opened.page.locator("#subjects .heart img").first
    image.wait_for()
    assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") == 96
    assert opened.page.locator("#subjects .heart img").count() == 200
    assert [url for url in opened.asked if not url.startswith("data:")] == [report.as_uri()]


def test_a_row_leads_to_its_subject_among_those_shown(look, report):
    opened = look(report)
    opened.page.locator("#search").fill("P099")
    link = opened.page.locator("#subjects tbody th a").nth(3)
    link.dispatch_event("pointerdown")
    among = ",".join(f"P099{n}" for n in range(10))
    assert link.get_attribute("href") == f"P0993/report.html#among={among}"


def test_rows_are_found_filtered_and_sorted(look, report):
    opened = look(report)
    opened.page.locator("#search").fill("P099")
    assert [name.strip() for name in shown(opened)] == [f"P099{n}" for n in range(10)]
    opened.page.locator("#search").fill("")
    opened.page.locator("#qc").select_option("review")
    assert "250 of 1,001" in opened.page.locator("#shown").inner_text()
    head = opened.page.locator("#subjects thead button", has_text="Scar, ml").first
    head.click()
    head.click()
    assert shown(opened)[0].strip() == "P0996"


def test_a_bar_shows_its_subjects(look, report):
    opened = look(report)
    bar = opened.page.locator(".histogram[aria-label^='Scar, % of wall'] rect").first
    count = int(bar.locator("title").text_content().rsplit(": ", 1)[1])
    bar.focus()
    opened.page.keyboard.press("Enter")
    found = shown(opened)
    assert len(found) == count > 10
    assert max(name.strip() for name in found) == f"P{count - 1:04d}"  # the lowest numbers come first
    opened.page.locator("#chip").click()
    assert "1,001 subjects" in opened.page.locator("#shown").inner_text()


def test_the_mean_of_the_cohort_is_drawn(look, report):
    opened = look(report)
    eyes = opened.page.locator(".bullseye")
    assert eyes.count() == 2
    assert "mean of 1000 subjects" in eyes.first.get_attribute("aria-label")
    texts = [int(text.rstrip("%")) for text in eyes.first.locator("text").all_text_contents()]
    assert len(texts) == 17
    assert all(45 <= value <= 55 for value in texts)  # of a thousand evenly spread from 0 to 1: 50 ± 1


def test_a_phone_scrolls_down_alone_and_says_what_a_number_is(look, report):
    opened = look(report, width=400, is_mobile=True, has_touch=True)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 400
    box = opened.page.locator("#subjects tbody tr").first.bounding_box()
    assert box["width"] <= 400
    cell = opened.page.locator("#subjects tbody tr").first.locator("td[data-head='Scar, ml']")
    assert cell.is_visible()


def test_print_has_every_row(look, report):
    opened = look(report)
    opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert len(shown(opened)) == 1001
