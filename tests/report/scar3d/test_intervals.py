from dataclasses import replace

from cardioscar.report.scar3d.intervals import MISSING, interval_content, interval_headline
from cardioscar.scar3d.quality.result_scar import Interval, Intervals, IntervalTruth, SegmentInterval, TrueValue
from tests.scar3d.quality.whole import whole

INTERVALS = Intervals(
    level=0.9,
    scar_ml=Interval(16.5, 1.0, 14.93, 18.02),
    scar_fraction=Interval(0.15, 0.01, 0.131, 0.168),
    aha={"1": SegmentInterval(Interval(0.07, 0.02, 0.03, 0.12))},
)
TRUTH = IntervalTruth(scar_ml=TrueValue(20.04, inside=False), aha_segments=16, aha_inside=15)


def test_intervals_stand_beside_their_volumes():
    content = interval_content(INTERVALS, None)
    assert content["known"]
    assert content["volumes"]["scar_ml"] == "90\u202f% interval 14.9–18.0\u202fml"
    assert content["volumes"]["scar_fraction"] == "90\u202f% interval 13.1–16.8\u202f%"
    assert content["volumes"].keys() == {"scar_ml", "scar_fraction"}
    assert content["aha"] == {1: "3.0–12.0"}


def test_the_level_is_the_one_that_was_computed():
    assert interval_content(replace(INTERVALS, level=0.5), None)["volumes"]["scar_ml"].startswith("50\u202f% interval")


def test_the_note_says_what_intervals_of_this_kind_are_worth():
    unnamed, posterior, dropout, reference = (
        interval_content(replace(INTERVALS, **more), None)["note"]
        for more in ({}, {"uncertainty": "posterior"}, {"uncertainty": "dropout"}, {"uncertainty": "reference"})
    )
    assert unnamed == posterior
    assert "90\u202f% intervals of this kind held the true fraction in nine of ten segments" in posterior
    assert "not been measured on people" in posterior
    labels = interval_content(INTERVALS, None, pixels="labels")["note"]
    assert "drawn like people" in labels
    assert "33\u202f% on 51 human hearts" in labels
    assert interval_content(replace(INTERVALS, uncertainty="dropout"), None, pixels="labels")["note"] == dropout
    assert "far too narrow" in dropout
    assert "nine of ten" not in dropout + reference
    assert "has no intervals" in reference
    assert interval_content(replace(INTERVALS, uncertainty="another"), None)["note"] == ""


def test_a_map_without_intervals_is_said_to_have_none():
    content = interval_content(None, None)
    assert content["note"] == MISSING
    assert content["volumes"] == content["aha"] == {}


def test_the_truth_is_held_against_them():
    note = interval_content(INTERVALS, TRUTH)["note"]
    assert "interval of the scar volume misses the truth (20.0\u202fml)" in note
    assert "15 of 16 AHA segments" in note
    held = replace(TRUTH, scar_ml=TrueValue(17.0, inside=True))
    assert "holds the truth" in interval_content(INTERVALS, held)["note"]
    fraction = IntervalTruth(scar_fraction=TrueValue(0.14, inside=True))
    assert "of the scar fraction holds the truth (14.0\u202f%)" in interval_content(INTERVALS, fraction)["note"]
    assert "truth" not in interval_content(INTERVALS, None)["note"]
    # 18.0 lies within 14.9–18.0 as these are written
    near = replace(TRUTH, scar_ml=TrueValue(18.04, inside=False))
    said = "misses the truth (18.04\u202fml; the interval is 14.93–18.02\u202fml)"
    assert said in interval_content(INTERVALS, near)["note"]
    tiny = IntervalTruth(scar_fraction=TrueValue(0.168 + 1e-9, inside=False))
    assert "misses the truth (16.8000\u202f%; the" in interval_content(INTERVALS, tiny)["note"]


def test_the_headline_has_the_volume_with_its_interval():
    bounds = {"lower": 14.9, "upper": 18.0}
    said = interval_headline(whole({"scar": {"volume_ml": 16.49}, "intervals": {"scar_ml": bounds}}))
    assert said == "Scar 16.5\u202fml (90\u202f% interval 14.9–18.0)"
    assert interval_headline(whole({"intervals": None})) == ""


def test_hidden_slices_are_counted():
    truth = IntervalTruth(hidden_ml=TrueValue(3.2, inside=True), hidden_slices=4, hidden_inside=3)
    assert "Of the 4 hidden slices 3 show a scar within the interval" in interval_content(INTERVALS, truth)["note"]
