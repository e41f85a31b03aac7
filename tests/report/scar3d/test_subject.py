import base64
import json
import logging
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cardioscar.report.offscreen import SceneUnavailableError
from cardioscar.report.page import script_policy
from cardioscar.report.scar3d import subject
from cardioscar.report.scar3d.residuals import Reliability
from cardioscar.report.scar3d.subject import SubjectReport, write_subject_report
from cardioscar.report.slice_view import SliceView
from cardioscar.report.style import new_figure
from cardioscar.report.viewer import viewer_script
from tests.scar3d.quality.whole import CHANNEL, whole

FIGURES = {"bullseye", "channels", "long_axis", "residuals", "scene", "slices"}


def scores(dice: float, **more) -> dict:
    return {"dice": dice, "volume_error_percent": -3.25, "ece": 0.0123, "brier": None} | more


def at_nodes(dice: float) -> dict:
    return scores(dice, hd95_mm=4.56)


METRICS = {
    "subject": "P001",
    "holdout": "odd",
    "method": "fourier",
    "scar": {
        "volume_ml": 21.37,
        "fraction_of_wall": 0.1834,
        "likely_ml": 15.21,
        "uncertain_ml": 6.16,
        "possible_ml": 3.68,
        "border_zone_ml": 9.84,
        "wall_ml": 1116.5,
        "uncertainty_mean": 0.0412,
    },
    "aha": {str(n): {"scar_fraction": n / 20, "scar_ml": n / 7, "wall_ml": 6.5} for n in range(1, 17)}
    | {"17": {"scar_fraction": 0.0, "scar_ml": 0.0, "wall_ml": 0.1}},
    "intervals": {
        "level": 0.9,
        "scar_ml": {"mean": 21.4, "sd": 1.2, "lower": 19.22, "upper": 23.71},
        "scar_fraction": {"mean": 0.184, "sd": 0.01, "lower": 0.1651, "upper": 0.2033},
        "aha": {"3": {"scar_fraction": {"mean": 0.15, "sd": 0.05, "lower": 0.071, "upper": 0.243}}},
    },
    "interval_truth": {"scar_ml": {"true": 22.05, "inside": True}, "aha_segments": 16, "aha_inside": 14},
    "leave_one_out": {
        "slices": 2,
        "pixels": 3860,
        "dice": 0.712,
        "mean_absolute_error": 0.0677,
        "brier": 0.0355,
        "scar_error": 0.643,
        "area_bias": 0.044,
        "per_slice": [
            {
                "slice": 4,
                "wall_pixels": 2110,
                "scar_mm2": 310.4,
                "predicted_mm2": 287.7,
                "dice": 0.733,
                "mean_absolute_error": 0.0456,
            },
            {
                "slice": 6,
                "wall_pixels": 1750,
                "scar_mm2": 0.0,
                "predicted_mm2": 21.9,
                "dice": None,
                "mean_absolute_error": 0.0789,
            },
        ],
    },
    "channels": [
        CHANNEL
        | {
            "id": 1,
            "kind": "corridor",
            "length_mm": 41.23,
            "width_mm": 5.67,
            "narrowest_mm": 3.45,
            "angle_to_long_axis_deg": 56.0,
            "position": "mid-wall",
            "aha_segments": [9, 3],
            "open_probability": 0.828,
            "volume_ml": 1.94,
            "centreline_mm": [[-27, 0, -30], [-27, 0, -10], [-27, 0, 5]],
        }
    ],
    "channel_draws": 64,
    "truth": {
        "cardioscar": at_nodes(0.893),
        "baseline": at_nodes(0.877),
        "log_odds": at_nodes(0.876),
        "signed_distance": at_nodes(0.871),
    },
    "heldout": {
        "slices": [3, 5],
        "pixels": 9000,
        "scores": {
            "cardioscar": scores(0.861),
            "baseline": scores(0.804),
            "log_odds": scores(0.803),
            "signed_distance": scores(0.818),
        },
        "per_slice": [
            {
                "slice": 3,
                "wall_pixels": 2110,
                "scar_pixels": 290,
                "cardioscar": 0.857,
                "baseline": 0.798,
                "log_odds": 0.799,
                "signed_distance": 0.81,
            },
            {
                "slice": 5,
                "wall_pixels": 1750,
                "scar_pixels": 0,
                "cardioscar": None,
                "baseline": None,
                "log_odds": None,
                "signed_distance": None,
            },
        ],
    },
    "residual": {"rms": 0.0591, "max": 0.52, "p95": 0.0988, "groups": 4321},
    "fit": {
        "method": "fourier",
        "stop_reason": "budget spent",
        "steps": 300,
        "seconds": 7.31,
        "final_loss": 0.0713,
        "device": "cpu",
    },
    "orientation": "scanner axes",
    "septum": {"source": "guessed", "scanner_frame": True},
    "threshold": 0.5,
    "doubt_range": [0.25, 0.75],
    "input": {
        "scar_from": "fwhm",
        "n_sd": None,
        "slices": 2,
        "hidden_slices": 1,
        "slice_distance_mm": 9.9,
        "slice_thickness_mm": 7.5,
        "pixel_mm": [1.25, 1.25],
        "merged_pixels": 2,
        "mesh": "read",
        "nodes": 8765,
        "signal": {
            "remote_mean": 108.2,
            "remote_sd": 25.6,
            "scar_threshold": 495.4,
            "rule": "fwhm",
            "border_zones": {
                "fwhm": {"lower": 379.2, "upper": 495.4, "slabs_ml": 1.01},
                "nsd": {"lower": 159.4, "upper": 185.0, "slabs_ml": 6.08},
            },
        },
    },
    "coverage": {
        "reach_mm": 12.0,
        "unseen_wall_fraction": 0.231,
        "unseen_wall_ml": 29.4,
        "unseen_scar_fraction": 0.057,
        "unseen_scar_ml": 1.23,
        "farthest_mm": 41.2,
    },
    "posterior": {"converged": False},
    "warnings": [{"stage": "preprocess", "text": "a wall thinner than an edge"}],
    "qc": {"verdict": "review", "reasons": ["Scar reaches the most basal slice"]},
}


class Page(HTMLParser):
    """Text, addresses and pictures of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.links, self.pictures, self.tags, self.open = [], [], [], [], []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", " ".join(self.words)).replace("\u202f", " ").replace("\u2060", "")

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        for name, value in attrs:
            if name == "src":
                self.pictures.append(value)
            if name in ("src", "href", "action", "data", "srcset", "poster"):
                self.links.append(value)

    def handle_endtag(self, tag):
        self.open.append(None)

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.words.append(data)


@pytest.fixture(scope="module")
def full(shell, scar) -> SubjectReport:
    rng = np.random.default_rng(0)
    wall = np.zeros((40, 40), bool)
    wall[10:30, 10:30] = True
    views = [
        SliceView(
            n, rng.uniform(size=wall.shape), wall & (n < 9), wall & (n > 3), np.where(wall, 0.4, np.nan), hidden=n == 3
        )
        for n in (2, 3, 9)
    ]
    return SubjectReport(
        whole(METRICS),
        mesh=shell,
        scar_probability=scar,
        scar_uncertainty=0.3 * scar,
        slices=views,
        residual=rng.normal(0, 0.1, 50),
        residual_slice=np.full(50, 2),
        reliability=Reliability(rng.uniform(size=50), np.ones(50)),
        history={"step": [0, 1, 2], "loss": [1.0, 0.5, 0.4]},
        version="1.2.3",
        config={"train": {"steps": 300}},
        config_sha256="ab" * 32,
        inputs={"labels.nii.gz": "cd" * 32},
        created="2026-01-02",
    )


@pytest.fixture(scope="module")
def written(full, tmp_path_factory):
    path = write_subject_report(tmp_path_factory.mktemp("P001"), full)
    return path, path.read_text(encoding="utf-8")


def test_numbers_are_on_the_page(written):
    text = Page(written[1]).text
    for number in (
        "21.4 ml",
        "18.3 %",
        "15.2 ml",
        *("6.2 ml", "3.7 ml", "9.8 ml", "likely and uncertain scar add up to it", "0.25 to 0.5, not counted"),
        "1,116.5 ml",
        "0.041",
        "Scar from the image by FWHM: signal above 495 a.u. (remote 108 ± 25.6)",
        "2 slices of 7.5 mm, 9.9 mm apart, 1 more hidden from the fit",
        "pixels of 1.25 × 1.25 mm, merged 2 × 2 · own mesh, 8,765 nodes",
        *("35 to 50 % of the enhancement above remote", "379.2", "495.4", "1.01", "2 to 3 SD above remote", "6.08"),
        *("23.1 %, 29.4 ml", "5.7 %", "1.2 ml", "41 mm", "not converged"),
        "a wall thinner than an edge",
        *("0.893", "0.876", "0.871", "−3.2", "4.6", "0.012"),
        *("0.861", "0.803", "0.818", "0.857", "2,110", "9,000 wall pixels"),
        *("4,321", "0.0591", "0.0988", "0.5200", "7.3 s", "budget spent", "0.0713"),
        "ab" * 32,
        "cd" * 32,
        "labels.nii.gz",
        "1.2.3",
        "guessed",
        '"steps": 300',
        "Without wall, not shown: slice 9",
        "Compare the mark of the septum with the slices below",
        "Segments as numbers (names are a guess: nobody said where the septum is)",
        "Scar reaches the most basal slice",
        "Scar 21.4 ml (90 % interval 19.2–23.7)",
        *("90 % interval 19.2–23.7 ml", "90 % interval 16.5–20.3 %", "7.1–24.3", "holds the truth (22.1 ml)"),
        *("3,860 pixels", "0.712", "64 %", "0.068", "0.035", "104 %", "310", "288", "0.733"),
        "Review",
        *("41.2", "5.7", "3.5", "56 °", "mid-wall", "9 → 3", "83 %", "1.94", "1 channel, open in most of 64 draws"),
        "Research use only. Not a medical device.",
    ):
        assert number in text, number


def test_undefined_numbers_are_dashes_that_say_so(written):
    assert written[1].count('title="undefined">–') >= 4
    assert "None" not in Page(written[1]).text
    assert "nan" not in Page(written[1]).text.split()


def test_the_page_asks_nobody_for_anything(written):
    path, html = written
    page = Page(html)
    assert page.links
    own = {"../cohort.html", "scar.vtu", "metrics.json"}  # beside it, among the results
    assert all(link.startswith(("data:", "#")) for link in page.links if link not in own)
    assert own <= set(page.links)
    # three.js names addresses in its messages; none is asked, see the tests in a browser
    ours = viewer_script("slices.js", "neighbours.js")
    assert html.count(ours) == 1
    assert not re.search(r"https?://|url\(|@import", html.replace(ours, ""))
    assert "default-src 'none'" in html
    assert f"script-src {script_policy(ours)};" in html
    assert not re.search(r"\beval\(|new Function\(", ours)
    # and it names no folder of the machine that made it
    assert str(path.parent) not in html


def test_the_figures_lie_beside_and_inside(written, pixels):
    path, html = written
    files = {p.stem: p.read_bytes() for p in (path.parent / "figures").glob("*.png")}
    assert {p.name for p in (path.parent / "figures").iterdir()} == {f"{name}.png" for name in files} | {
        "thumbnail.webp"
    }
    inlined = [base64.b64decode(source.partition(",")[2]) for source in Page(html).pictures]
    assert len(inlined) == len(files) + 3  # the four panels of the residuals stand in parts, for phones
    whole = [np.asarray(Image.open(BytesIO(png)).convert("RGB"), float) for png in files.values()]
    mine = [np.asarray(Image.open(BytesIO(source)).convert("RGB"), float) for source in inlined]
    assert sum(one.size for one in mine) == pytest.approx(sum(one.size for one in whole), rel=0.001)
    for part in mine:  # a page is lighter than its files, and shows the same
        assert min(abs(part - corner).mean() for one in whole for corner in _corners(one, part.shape)) < 3
    assert FIGURES - {"scene"} <= set(files)
    for png in files.values():
        image = pixels(png)
        assert image.std() > 15
        assert image.shape[1] > 900
    assert len(html) < 3_000_000


def _corners(image, shape):
    """What of an image stands at its corners, in this shape."""
    high, wide = shape[:2]
    if high > image.shape[0] or wide > image.shape[1]:
        return []
    return [image[rows, columns] for rows in (slice(high), slice(-high, None))
            for columns in (slice(wide), slice(-wide, None))]  # fmt: skip


def test_an_empty_report_says_what_is_missing(tmp_path):
    least = whole(
        {"aha": {}, "intervals": None, "leave_one_out": None, "slices": None, "coverage": None, "posterior": None}
    )
    page = Page(write_subject_report(tmp_path, SubjectReport(least)).read_text())
    for sentence in (
        "There is no 3D view: no mesh",
        "There is no bullseye",
        "was not searched for conducting channels",
        "No truth was given",
        "No slices were hidden",
        "No slice was left out",
        "This map was made without intervals",
        "There are no slices",
        "There are no residuals",
        "No input hashes",
        "No configuration",
        "No check raised a concern",
    ):
        assert sentence in page.text, sentence
    assert page.pictures == []
    assert list((tmp_path / "figures").iterdir()) == []


def test_without_an_image_there_is_no_border_zone(tmp_path):
    metrics = {**METRICS, "scar": {**METRICS["scar"], "border_zone_ml": None}}
    metrics["input"] = {**METRICS["input"], "scar_from": "labels", "signal": None}
    text = Page(write_subject_report(tmp_path, SubjectReport(whole(metrics))).read_text()).text
    assert "Scar from hand labels" in text
    assert "There is no border zone: it is read off an LGE image" in text
    assert "Border zone by signal" not in text
    assert "Signal of the image" not in text


@pytest.mark.parametrize(
    ("septum", "said"),
    [
        ({"source": "given"}, "where it lies was given with the data"),
        ({"source": "mesh", "scanner_frame": False}, "read off the mesh"),
        ({"source": "guessed", "scanner_frame": False}, "names are arbitrary: the file has no scanner frame"),
        (None, "Where it lies was not recorded"),
    ],
)
def test_the_figures_say_how_the_septum_is_known(septum, said, tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(
        subject, "bullseye_figure", lambda *a, warning="", **k: warnings.append(warning) or new_figure(1, 1)
    )
    metrics = {**METRICS, "septum": septum}
    text = Page(write_subject_report(tmp_path, SubjectReport(whole(metrics))).read_text()).text
    assert said in text
    assert [bool(warning) for warning in warnings] == [(septum or {}).get("source") == "guessed"]
    assert ("Segments as numbers (" in text) == bool(warnings[0])


def test_a_report_without_warnings_says_so(tmp_path):
    text = Page(write_subject_report(tmp_path, SubjectReport(whole())).read_text()).text
    assert "No stage warned of anything." in text


def test_figures_of_an_earlier_run_do_not_stay(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "scene.png").write_bytes(b"old")
    write_subject_report(tmp_path, SubjectReport(whole()))
    assert not (tmp_path / "figures" / "scene.png").exists()


def test_a_machine_that_cannot_render_is_said(full, tmp_path, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise SceneUnavailableError("3D views could not be rendered here: libEGL <missing>")

    monkeypatch.setattr(subject, "scene_figure", fail)
    with caplog.at_level(logging.WARNING):
        html = write_subject_report(tmp_path, full).read_text()
    assert "There is no 3D view. 3D views could not be rendered here: libEGL &lt;missing&gt;" in html
    assert "P001" in caplog.text
    assert (tmp_path / "report.html").exists()


def test_text_of_others_is_escaped(tmp_path, monkeypatch):
    evil = '"><script>alert(1)</script>'
    metrics = {
        "subject": evil,
        "warnings": [{"stage": evil, "text": evil}],
        "input": {"scar_from": evil, "mesh": evil},
        "fit": {"method": evil, "stop_reason": evil, "device": evil},
        "qc": {"verdict": "fail", "reasons": [evil]},
        "truth": {evil: at_nodes(0.5)},
        "channels": [CHANNEL | {"kind": evil, "position": evil}],
        "septum": {"source": evil},
    }
    data = SubjectReport(
        whole(metrics),
        inputs={evil: evil},
        config={evil: evil},
        version=evil,
        created=evil,
        config_sha256=evil,
        methods=evil,
        references=(evil,),
        software=evil,
        command=evil,
    )
    html = write_subject_report(tmp_path, data).read_text()
    assert evil not in html
    assert html.count("&lt;script&gt;alert(1)") >= 16
    assert html.count("<script") == Page(html).tags.count("script") == 1  # the page's own


@pytest.mark.parametrize(("verdict", "name"), [("pass", "Pass"), ("review", "Review"), ("fail", "Fail")])
def test_verdicts(verdict, name, tmp_path):
    data = SubjectReport(whole({"qc": {"verdict": verdict}}))
    assert f">{name}<" in re.sub(
        r"<svg.*?</svg>\s*", "", write_subject_report(tmp_path, data).read_text(), flags=re.DOTALL
    )


def test_figures_are_drawn_once(full, tmp_path, monkeypatch):
    drawn = []
    for name in FIGURES:
        monkeypatch.setattr(subject, f"{name}_figure", lambda *a, n=name, **k: drawn.append(n) or new_figure(1, 1))
    write_subject_report(tmp_path, full)
    assert sorted(drawn) == sorted(FIGURES)


def test_the_configuration_is_json(written):
    config = re.search(r"<pre>(.*?)</pre>", written[1], re.DOTALL)[1].replace("&#34;", '"')
    assert json.loads(config) == {"train": {"steps": 300}}
