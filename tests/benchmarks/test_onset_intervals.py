from __future__ import annotations

from benchmarks.onset_intervals import main


def test_it_prints_coverage_at_each_level(capsys):
    main(["--members", "1", "--steps", "1", "--training", "8", "--calibration", "25", "--unseen", "20"])
    rows = [row.split("|") for row in capsys.readouterr().out.splitlines()]
    shares = {float(row[1]): float(row[2]) for row in rows[2:6]}
    assert list(shares) == [0.5, 0.8, 0.9, 0.95]
    assert sorted(shares.values()) == list(shares.values())
    # of 20 slices a mean of at most 0.5 from slice to slice, and of 25 that it was calibrated on: three of its errors
    assert all(abs(share - level) < 3 * 0.5 * (1 / 20 + 1 / 25) ** 0.5 for level, share in shares.items())
