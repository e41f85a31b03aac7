from cardioscar.report.scar3d.scores import score_table, slice_rows
from cardioscar.scar3d.quality.result_scores import HiddenSlice, NodeScores, PixelScores


def best(table) -> dict[str, list[str]]:
    titles = [column["title"] for column in table["columns"]]
    return {
        title: [row["name"] for row in table["rows"] if row["cells"][place]["best"]]
        for place, title in enumerate(titles)
    }


def test_the_best_of_each_measure_is_marked_whoever_it_is():
    table = score_table(
        {
            "cardioscar": NodeScores(dice=0.8, volume_error_percent=-3.0, ece=None, hd95_mm=4.0, brier=0.1),
            "baseline": NodeScores(dice=0.9, volume_error_percent=2.0, ece=0.1, hd95_mm=4.0, brier=0.2),
            "log_odds": NodeScores(dice=0.6, volume_error_percent=5.0, ece=0.3, hd95_mm=4.0, brier=0.3),
            "signed_distance": NodeScores(dice=0.7, volume_error_percent=-9.0, ece=0.2, hd95_mm=4.0, brier=None),
        },
        "nodes",
    )
    assert best(table) == {
        "Dice": ["Baseline"], "Volume error, %": ["Baseline"], "HD95, mm": [], "ECE": ["Baseline"],
        "Brier": ["cardioscar"],
    }  # fmt: skip
    assert [row["ours"] for row in table["rows"]] == [True, False, False, False]


def test_what_reads_the_same_is_equally_good():
    dices = {"cardioscar": 0.9001, "log_odds": 0.9002, "signed_distance": 0.1}
    table = score_table({name: PixelScores(dice, None, None, None) for name, dice in dices.items()}, "")
    assert best(table)["Dice"] == ["cardioscar", "Log-odds"]
    assert "HD95, mm" not in best(table)


def test_no_scores_no_table():
    assert score_table(None, "") is None
    assert score_table({}, "") is None


def test_methods_that_have_no_score_are_undefined_not_missing():
    table = score_table({"cardioscar": PixelScores(0.9, None, None, None)}, "")
    assert ["undefined" in row["cells"][0]["text"] for row in table["rows"]] == [False, True, True, True]


def test_slices():
    rows = slice_rows([HiddenSlice(3, 9, 0, cardioscar=0.5, baseline=0.7, log_odds=0.6, signed_distance=None)])
    assert rows[0]["slice"] == 3
    assert [cell["best"] for cell in rows[0]["cells"]] == [False, True, False, False]
