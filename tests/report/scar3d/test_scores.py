from cardioscar.report.scar3d.scores import score_table, slice_rows


def best(table) -> dict[str, list[str]]:
    titles = [column["title"] for column in table["columns"]]
    return {
        title: [row["name"] for row in table["rows"] if row["cells"][place]["best"]]
        for place, title in enumerate(titles)
    }


def test_the_best_of_each_measure_is_marked_whoever_it_is():
    table = score_table(
        {
            "cardioscar": {"dice": 0.8, "volume_error_percent": -3.0, "ece": None, "hd95_mm": 4.0},
            "baseline": {"dice": 0.9, "volume_error_percent": 2.0, "ece": 0.1, "hd95_mm": 4.0},
            "another": {"dice": 0.7, "volume_error_percent": -9.0, "ece": 0.2, "hd95_mm": 4.0},
        },
        "nodes",
    )
    assert best(table) == {"Dice": ["Baseline"], "Volume error, %": ["Baseline"], "HD95, mm": [], "ECE": ["Baseline"]}
    assert [row["ours"] for row in table["rows"]] == [True, False, False]


def test_what_reads_the_same_is_equally_good():
    table = score_table({"cardioscar": {"dice": 0.9001}, "baseline": {"dice": 0.9002}, "another": {"dice": 0.1}}, "")
    assert best(table) == {"Dice": ["cardioscar", "Baseline"]}


def test_no_scores_no_table():
    assert score_table(None, "") is None
    assert score_table({}, "") is None


def test_methods_that_have_no_score_are_undefined_not_missing():
    table = score_table({"cardioscar": {"dice": 0.9}, "baseline": None}, "")
    assert ["undefined" in row["cells"][0]["text"] for row in table["rows"]] == [False, True]


def test_slices():
    rows = slice_rows([{"slice": 3, "wall_pixels": 9, "scar_pixels": 0, "cardioscar": 0.5, "baseline": 0.6}])
    assert rows[0]["slice"] == 3
    assert [cell["best"] for cell in rows[0]["cells"]] == [False, True]
