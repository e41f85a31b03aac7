"""Weight of a cohort's page, and how long a browser works to open, sort and filter it.

    python benchmarks/cohort_page.py [--subjects 1000]

Subjects are made up, their small hearts are drawn. Times are processor time of the page's main thread as the browser
counts it (`TaskDuration` by thread ticks), so that a busy machine changes them little. Needs playwright and an
installed Chromium.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.activation.mapping.on_mesh import usual_wall
from cardioscar.report.cohort import write_cohort_report
from cardioscar.report.cohort_table import CohortRow, CohortSummary, CohortTable
from cardioscar.report.thumbnail import heart_thumbnail, thumbnail_webp
from cardioscar.report.viewer import ShownScar, viewer_content
from cardioscar.stages.scar3d.columns import COLUMNS

VARIETY = 12
"""Different small hearts; a page shows each of them many times, and a browser decodes each of these anew."""
SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
STEPS = {
    "sort": "document.querySelector('#subjects thead th[data-type=number] button').click()",
    "filter": "const b = document.getElementById('search'); b.value = '9'; b.dispatchEvent(new Event('input'))",
    "no filter": "const b = document.getElementById('search'); b.value = ''; b.dispatchEvent(new Event('input'))",
    "all rows": "const b = document.getElementById('size'); b.value = 'all'; b.dispatchEvent(new Event('change'))",
}


def hearts(count: int, rng: np.random.Generator) -> list[str]:
    """Small hearts with a scar somewhere, in base64."""
    mesh, septum, axis = usual_wall(90.0, 28.0)
    nodes, found = mesh.nodes_mm, []
    for _ in range(count):
        centre = nodes[rng.integers(len(nodes))]
        probability = 1 / (1 + np.exp((np.linalg.norm(nodes - centre, axis=1) - rng.uniform(5, 35)) / 2))
        view = viewer_content(mesh, ShownScar(probability, None), axis=axis, septal_direction=septum)
        found.append(base64.b64encode(thumbnail_webp(heart_thumbnail(view["volume"]))).decode("ascii"))
    return found


def made_up(subjects: int, rng: np.random.Generator) -> CohortTable:
    """A cohort in which every number of the family is known."""
    pictures, rows = hearts(VARIETY, rng), []
    for n in range(subjects):
        numbers = {key: float(rng.uniform(0.3, 30)) for key in COLUMNS.by_key}
        numbers |= {f"aha/{k}_scar_fraction": float(rng.uniform()) for k in range(1, 18)}
        review = n % 3 == 0
        rows.append(
            CohortRow(
                f"P{n:05d}", "ok", "evaluate", qc="review" if review else "pass", texts={"septum": "given"},
                reasons=("slices do not predict one another (Dice 0.412, below 0.65)",) if review else (),
                metrics=numbers, report=f"P{n:05d}/report.html", picture=pictures[n % VARIETY],
            )
        )  # fmt: skip
    return CohortTable(CohortSummary(True, 0.1, "Made up", "1", "2026-01-02"), tuple(rows), COLUMNS)


def measured(page: Any, path: Path) -> dict[str, float]:
    """Processor seconds of the main thread until the page stands, and milliseconds of each step, layout included."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.set_default_timeout(0)  # on a busy machine it takes what it takes: work is counted, not time

    def busy_s() -> float:
        found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return float(found["TaskDuration"])

    page.goto(path.as_uri())
    page.wait_for_selector("#subjects .heart img")
    page.evaluate(SETTLED)
    times = {"open, s": busy_s()}
    for name, act in STEPS.items():
        before = busy_s()
        page.evaluate(f"() => {{ {act} }}")
        page.evaluate(SETTLED)
        times[f"{name}, ms"] = 1000 * (busy_s() - before)
    return times


def main() -> None:
    """Make the page, open it, and print what it weighs and takes."""
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("--subjects", type=int, default=1000)
    subjects = form.parse_args().subjects
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tool:
        path = write_cohort_report(Path(folder) / "cohort.html", made_up(subjects, np.random.default_rng(0)))
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        print(f"{subjects} subjects, {path.stat().st_size / 1e6:.2f} MB")
        for name, value in measured(browser.new_page(viewport={"width": 1400, "height": 900}), path).items():
            print(f"{name}: {value:.2f}")


if __name__ == "__main__":
    main()
