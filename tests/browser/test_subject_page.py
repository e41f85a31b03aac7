"""The page of one subject in a real browser."""

from __future__ import annotations

import time

import numpy as np
import pytest

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.scar3d.subject import SubjectReport, write_subject_report
from cardioscar.report.slice_view import SliceView
from tests.report.conftest import ellipsoid_shell, septal_scar
from tests.report.scar3d.test_subject import METRICS
from tests.scar3d.quality.whole import whole


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    mesh = ellipsoid_shell()
    nodes, data = mesh.nodes_mm, mesh.grid.point_data
    data["transmural"] = np.clip(
        (np.hypot(np.hypot(nodes[:, 0] / 32, nodes[:, 1] / 32), nodes[:, 2] / 61) - 0.7) / 0.3, 0, 1
    )
    data["border_zone"] = (np.abs(septal_scar(nodes) - 0.3) < 0.1).astype(np.uint8)
    wall = np.ones((40, 40), bool)
    corners = np.array([[-30, -30, 0], [30, -30, 0], [30, 30, 0], [-30, 30, 0]], dtype=float)
    places = [(n, np.add(corners, (0, 0, 8 * n))) for n in range(2)]
    views = [
        SliceView(n, wall * (0.2 + n / 2), wall, wall * 0.0, wall * 0.2, corners_mm=at, height_mm=8.0 * n)
        for n, at in places
    ]
    scar = septal_scar(nodes)
    page = SubjectReport(
        whole(METRICS), mesh=LVMesh(mesh.grid), scar_probability=scar, scar_uncertainty=0.3 * scar, slices=views,
        septal_direction=np.array([-1.0, 0, 0]), long_axis=np.array([0, 0, 1.0]), version="1", methods="As told.",
    )  # fmt: skip
    return write_subject_report(tmp_path_factory.mktemp("P001"), page)


@pytest.fixture
def seen(look, report):
    opened = look(report)
    opened.page.wait_for_selector("#viewer[data-drawn]")
    return opened


def choose(seen, name: str, value: str) -> None:
    seen.page.locator(f"input[data-state={name}][value={value}]").check(force=True)


def test_it_opens_without_errors_and_asks_nobody(seen, report):
    seen.picture()
    assert seen.errors == []
    assert [url for url in seen.asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()]
    assert not seen.page.locator(".still").first.is_visible()


def test_it_is_there_at_once(look, report):
    started = time.monotonic()
    opened = look(report)
    opened.page.wait_for_selector("#viewer[data-drawn]")
    assert time.monotonic() - started < 10  # s, by software on a busy machine
    assert report.stat().st_size < 3_000_000


def test_the_heart_is_drawn_with_its_scar(seen):
    picture = seen.picture()
    drawn = picture[..., 3] > 0
    assert 0.08 < drawn.mean() < 0.7
    red, green, blue = (picture[..., k] for k in range(3))
    scar = drawn & (red > 1.7 * green) & (red > blue)
    assert 0.02 < scar.sum() / drawn.sum() < 0.7
    seen.page.get_by_role("button", name="Lateral").click()  # the scar is on the septum
    picture = seen.picture()
    drawn = picture[..., 3] > 0
    other = drawn & (picture[..., 0] > 1.7 * picture[..., 1]) & (picture[..., 0] > picture[..., 2])
    assert other.sum() < 0.2 * scar.sum()


def test_the_threshold_moves_the_numbers(seen):
    seen.page.locator("input[name=threshold]").fill("0.5")
    half = [seen.number(name) for name in ("ml", "percent", "grams")]
    seen.page.locator("input[name=threshold]").fill("0.8")
    less = [seen.number(name) for name in ("ml", "percent", "grams")]
    assert all(0 < low < high for low, high in zip(less, half, strict=True))
    assert half[2] == pytest.approx(1.05 * half[0], abs=0.1)
    nodes = ellipsoid_shell()
    truth = nodes.node_volumes_ml[septal_scar(nodes.nodes_mm) >= 0.8].sum()
    assert less[0] == pytest.approx(truth, abs=0.06 + 0.01 * truth)


def test_layers_scar_colours_and_cuts_change_the_picture(seen):
    pictures = [seen.picture()]
    for act in (
        lambda: choose(seen, "show", "layer"),
        lambda: seen.page.locator("input[name=depth]").fill("10"),
        lambda: choose(seen, "show", "scar"),
        lambda: choose(seen, "show", "wall"),
        lambda: seen.page.locator("select[name=colour]").select_option("uncertainty"),
        lambda: seen.page.locator("select[name=colour]").select_option("zones"),
        lambda: choose(seen, "cut", "along"),
        lambda: seen.page.locator("input[name=position]").fill("90"),
        lambda: choose(seen, "cut", "across"),
        lambda: seen.page.locator("input[name=slices]").check(),
    ):
        act()
        pictures.append(seen.picture())
    changes = [float(np.abs(a - b).mean()) for a, b in zip(pictures[1:], pictures, strict=False)]
    assert min(changes[:-1]) > 0.3, changes
    assert changes[-1] > 0.01
    assert seen.errors == []


def coloured(picture) -> np.ndarray:
    """Pixels of an opaque surface: what is seen through is paler than these."""
    return picture[..., 3] > 250


def test_layers_grow_from_the_endocardium_to_the_epicardium(seen):
    choose(seen, "show", "layer")
    sizes = []
    for depth in ("10", "50", "90"):
        seen.page.locator("input[name=depth]").fill(depth)
        assert seen.page.locator("[data-out=depth]").inner_text() == f"{depth} %"
        sizes.append(int(coloured(seen.picture()).sum()))
    assert sizes[0] < 0.95 * sizes[1] < 0.95 * 0.95 * sizes[2], sizes
    # the patch is stronger near the endocardium: a layer there holds more of it
    red = []
    for depth in ("10", "90"):
        seen.page.locator("input[name=depth]").fill(depth)
        picture = seen.picture()
        red.append(int((coloured(picture) & (picture[..., 0] > 1.7 * picture[..., 1])).sum()))
    assert red[0] > red[1] * (sizes[0] / sizes[2])


def test_channels_come_and_go(seen):
    def green() -> int:
        picture = seen.picture()  # channel 1 is drawn in #00a087
        return int((np.abs(picture[..., :3] - (0, 160, 135)).max(axis=2) < 12).sum())

    choose(seen, "show", "scar")
    with_channels = green()
    assert with_channels > 100
    seen.page.locator("input[name=channels]").uncheck()
    assert green() < 0.02 * with_channels


def test_how_likely_and_zones_are_steps(seen):
    for colour, wanted in (("certainty", ("#7a154a", "#df5f4a", "#f2b277")), ("zones", ("#7a154a", "#f2b277"))):
        seen.page.locator("select[name=colour]").select_option(colour)
        picture = seen.picture()
        seen_hue = picture[coloured(picture)][:, :3]
        shares = seen_hue / np.maximum(seen_hue.max(axis=1, keepdims=True), 1)  # light dims all three alike
        for hexed in wanted:
            rgb = np.array([int(hexed[k : k + 2], 16) for k in (1, 3, 5)], dtype=float)
            assert (np.abs(shares - rgb / rgb.max()).max(axis=1) < 0.03).sum() > 30, (colour, hexed)


def test_neighbours_are_those_that_the_cohort_showed(look, report):
    alone = look(report)
    assert not alone.page.locator("#neighbours").is_visible()
    opened = alone.page
    opened.goto(report.as_uri() + "#among=P000,P001,P007")
    opened.reload()
    links = opened.locator("#neighbours a")
    assert links.all_inner_texts() == ["Previous: P000", "Next: P007"]
    assert links.nth(1).get_attribute("href") == "../P007/report.html#among=P000,P001,P007"
    opened.goto(report.as_uri() + "#among=../../x,P001,javascript:1")
    opened.reload()
    assert opened.locator("#neighbours a").count() == 0


def test_the_keys_turn_zoom_and_move_the_threshold(seen):
    canvas = seen.page.locator("#viewer canvas")
    canvas.focus()
    pictures = [seen.picture()]
    for key in ("ArrowLeft", "ArrowUp", "+", "]", "0"):
        seen.page.keyboard.press(key)
        pictures.append(seen.picture())
    assert all(np.abs(a - b).mean() > 0.05 for a, b in zip(pictures[1:], pictures, strict=False))
    assert seen.page.locator("[data-out=threshold]").inner_text() == "0.51"
    assert "coloured by scar probability" in canvas.get_attribute("aria-label")


def test_slices_are_turned_over_one_by_one(seen):
    slicer = seen.page.locator("#slicer")
    assert slicer.is_visible()
    said, shots = [], []
    for place in ("0", "1"):
        slicer.locator("input").fill(place)
        said.append(slicer.locator("output").inner_text())
        shots.append(slicer.locator("canvas").first.evaluate("c => c.toDataURL()"))
    assert said == ["Slice 0, 0 mm above the apical end", "Slice 1, 8 mm above the apical end"]
    assert shots[0] != shots[1]


def test_methods_are_copied(seen):
    seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seen.page.get_by_role("button", name="Copy").click()
    seen.page.get_by_text("Copied").wait_for()


def test_a_phone_scrolls_down_alone(look, report):
    opened = look(report, width=400, device_scale_factor=2, is_mobile=True, has_touch=True)
    opened.page.wait_for_selector("#viewer[data-drawn]")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 400
    box = opened.page.locator("#viewer canvas").bounding_box()
    assert 250 < box["width"] <= 400
    assert box["height"] < 560  # room to scroll beside it


def test_print_shows_the_pictures(look, report):
    opened = look(report)
    opened.page.wait_for_selector("#viewer[data-drawn]")
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("#viewer").is_visible()
    assert opened.page.locator("#scene img").is_visible()
    assert len(opened.page.pdf()) > 20_000


def test_without_scripts_the_pictures_stand(look, report):
    opened = look(report, java_script_enabled=False)
    assert not opened.page.locator("#viewer").is_visible()
    assert opened.page.locator("#scene img").is_visible()


def test_without_webgl_the_pictures_stand(browser, report):
    context = browser.new_context()
    context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("#viewer[data-unavailable]", state="attached")
    assert not page.locator("#viewer").is_visible()
    assert page.locator("#scene img").is_visible()
    context.close()
