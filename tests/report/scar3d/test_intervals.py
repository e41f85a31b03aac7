import pytest

from cardioscar.report.scar3d.intervals import MISSING, interval_content

INTERVALS = {
    "level": 0.9,
    "scar_ml": {"mean": 16.5, "sd": 1.0, "lower": 14.93, "upper": 18.02},
    "scar_fraction": {"mean": 0.15, "sd": 0.01, "lower": 0.131, "upper": 0.168},
    "aha": {"1": {"scar_fraction": {"lower": 0.03, "upper": 0.12}}, "17": {"scar_fraction": None}},
}
TRUTH = {"scar_ml": {"true": 20.04, "inside": False}, "aha_segments": 16, "aha_inside": 15}


def test_intervals_stand_beside_their_volumes():
    content = interval_content(INTERVALS, None)
    assert content["known"]
    assert content["volumes"]["scar_ml"] == "90\u202f% interval 14.9–18.0\u202fml"
    assert content["volumes"]["scar_fraction"] == "90\u202f% interval 13.1–16.8\u202f%"
    assert content["volumes"].keys() == {"scar_ml", "scar_fraction"}
    assert content["aha"][1] == "3.0–12.0"
    assert "undefined" in content["aha"][17]


def test_the_level_is_the_one_that_was_computed():
    assert interval_content(INTERVALS | {"level": 0.5}, None)["volumes"]["scar_ml"].startswith("50\u202f% interval")


def test_the_note_says_what_intervals_of_this_kind_are_worth():
    unnamed, posterior, dropout, reference = (
        interval_content(INTERVALS | more, None)["note"]
        for more in ({}, {"uncertainty": "posterior"}, {"uncertainty": "dropout"}, {"uncertainty": "reference"})
    )
    assert unnamed == posterior
    assert "90\u202f% intervals of this kind held the true fraction in nine of ten segments" in posterior
    assert "human hearts" in posterior
    assert "far too narrow" in dropout
    assert "nine of ten" not in dropout + reference
    assert "has no intervals" in reference
    assert interval_content(INTERVALS | {"uncertainty": "another"}, None)["note"] == ""


@pytest.mark.parametrize("intervals", [None, {}])
def test_a_map_without_intervals_is_said_to_have_none(intervals):
    content = interval_content(intervals, None)
    assert content["note"] == MISSING
    assert content["volumes"] == content["aha"] == {}


def test_the_truth_is_held_against_them():
    note = interval_content(INTERVALS, TRUTH)["note"]
    assert "interval of the scar volume misses the truth (20.0\u202fml)" in note
    assert "15 of 16 AHA segments" in note
    held = TRUTH | {"scar_ml": {"true": 17.0, "inside": True}}
    assert "holds the truth" in interval_content(INTERVALS, held)["note"]
    assert "truth" not in interval_content(INTERVALS, None)["note"]
