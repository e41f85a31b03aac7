"""The page of a plan in a real browser: activation on the wall, beside the scar and without one."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.report.study.colours import ONSET_CMAP
from cardioscar.report.study.page import PlanPage, write_plan_page
from cardioscar.report.viewer import ShownField, ShownScar, viewer_content
from tests.report.conftest import ellipsoid_shell, septal_scar

SEPTUM = np.array([-1.0, 0, 0])
CONTENT = {
    "modalities": [], "wall": None, "alignment": None, "sites": [], "segments": [], "corridors": [],
    "qc": {"verdict": "pass", "reasons": []},
}  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    shell = ellipsoid_shell()
    nodes = shell.nodes_mm
    # the lateral wall, at +x, is the latest
    onset = ShownField("activation", "Onset of shortening", "ms", 60 + nodes[:, 0], (28.0, 92.0), ONSET_CMAP)
    scar, found = ShownScar(septal_scar(nodes), None), {}
    for name, shown in (("both", scar), ("activation", None)):
        viewer = viewer_content(
            shell, shown, [onset], axis=np.array([0, 0, 1.0]), septal_direction=SEPTUM, marks_mm=[("1", [32.0, 0, -10])]
        )
        page = PlanPage(name, CONTENT, {}, viewer=viewer)
        absent = {one: lambda: "Not drawn." for one in ("scene", "opposite", "bullseyes", "strain")}
        found[name] = write_plan_page(tmp_path_factory.mktemp(name), page, absent)
    return found


def opened(look, path):
    seen = look(path)
    seen.page.wait_for_selector("#viewer[data-drawn]")
    return seen


def brightness(seen, view: str) -> float:
    """Mean brightness of the heart from a side: viridis is dark where onset is early."""
    seen.page.get_by_role("button", name=view).click()
    picture = seen.picture()
    return float(picture[picture[..., 3] > 250][:, :3].mean())


def test_activation_is_shown_in_ms(look, pages):
    seen = opened(look, pages["both"])
    seen.page.locator("select[name=colour]").select_option("activation")
    assert seen.page.locator(".ramp-label").inner_text() == "Onset of shortening, ms"
    assert seen.page.locator(".ramp [data-out=low]").inner_text() == "28"
    assert brightness(seen, "Lateral") > 1.3 * brightness(seen, "Septum")
    # the scar's outline is drawn over it, and named
    picture = seen.picture()
    outline = np.abs(picture[..., :3] - (216, 27, 96)).max(axis=2) < 40
    assert outline.sum() > 100
    assert seen.page.locator(".line").inner_text() == "line: scar probability 0.50"
    assert seen.errors == []


def test_activation_stands_without_a_scar_map(look, pages):
    seen = opened(look, pages["activation"])
    assert brightness(seen, "Lateral") > 1.3 * brightness(seen, "Septum")
    assert seen.page.locator("input[name=threshold]").count() == 0
    assert seen.page.locator(".numbers").count() == 0
    seen.page.locator("#viewer canvas").focus()
    for key in ("]", "ArrowLeft", "+"):
        seen.page.keyboard.press(key)
    seen.picture()
    assert seen.errors == []
    assert [url for url in seen.asked if not url.startswith(("data:", "blob:"))] == [pages["activation"].as_uri()]
    assert pages["activation"].stat().st_size < 1_500_000


def test_sites_are_balls_with_their_rank(look, pages):
    seen = opened(look, pages["activation"])
    seen.page.get_by_role("button", name="Lateral").click()
    picture = seen.picture()
    amber = np.abs(picture[..., :3] - (255, 176, 0)).max(axis=2) < 14
    assert amber.sum() > 100
    box, mark = seen.page.locator("#viewer canvas").bounding_box(), seen.page.locator(".mark").bounding_box()
    rows, columns = np.nonzero(amber)
    scale = picture.shape[1] / box["width"]
    assert (mark["x"] + mark["width"] / 2 - box["x"]) * scale == pytest.approx(columns.mean(), abs=8)
    assert (mark["y"] + mark["height"] / 2 - box["y"]) * scale == pytest.approx(rows.mean(), abs=8)
    assert seen.page.locator(".mark").inner_text() == "1"
