from __future__ import annotations

from benchmarks.lead_sites import table
from cardioscar.activation.sites.trial import Trial


def trial(seed: int, distance_mm: float, *, scarred: bool = False) -> Trial:
    return Trial(
        seed=seed, true_score_ms=80.0, distance_mm=distance_mm, hit=distance_mm <= 15, same_segment=True, lost_ms=2.0,
        first_lost_ms=5.0, chance=0.25, blind_lost_ms=30.0 if scarred else 2.0, latest_is_scarred=scarred,
    )  # fmt: skip


def test_the_table_counts_what_was_found():
    rows = table([trial(0, 4.0), trial(1, 12.0, scarred=True), trial(2, 18.0)])
    assert rows[0].count("|") == rows[1].count("|") == rows[2].count("|")
    assert rows[3] == "| 1 | 80 | 12 | yes | 0.25 | yes | 2.0 | 5.0 | 30.0 | yes |"
    assert "2 of 3 found (0.33 within 10 mm, 0.67 within 15 mm, 1.00 within 20 mm), by chance 0.25" in rows[-2]
    assert "of the 1 whose latest wall is scar: 1 found, lost 2.0 ms, without the scar map 30.0" in rows[-1]
    assert len(table([trial(0, 4.0)])) == 5
