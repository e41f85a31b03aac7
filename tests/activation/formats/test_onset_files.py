from __future__ import annotations

import numpy as np
import pytest

from cardioscar.activation.formats.onset_files import read_heart_onsets, read_onsets, write_heart_onsets, write_onsets
from cardioscar.errors import InputError
from tests.activation.strain.test_sector_onsets import drawn


def rows_of(path) -> list[list[str]]:
    return [row.split(",") for row in path.read_text().splitlines()]


def write_rows(path, rows) -> None:
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")


def test_what_is_written_comes_back(tmp_path):
    path, onsets = tmp_path / "tos.csv", drawn(126)
    write_onsets(path, onsets)
    assert path.read_text().splitlines()[0] == "sector,tos_ms,low,high,class"
    back = read_onsets(path, sectors=126)
    for name in ("tos_ms", "low_ms", "high_ms"):
        # written to a tenth of a millisecond
        np.testing.assert_allclose(getattr(back, name), getattr(onsets, name), atol=0.05 + 1e-9)
    np.testing.assert_array_equal(back.classes, onsets.classes)


def test_a_person_corrects_onset_and_class(tmp_path, caplog):
    path, onsets = tmp_path / "tos.csv", drawn(12)
    write_onsets(path, onsets)
    rows = rows_of(path)
    rows[4][1], rows[4][4] = "240", "scarred"
    write_rows(path, rows)
    with caplog.at_level("INFO"):
        back = read_onsets(path)
    assert back.tos_ms[3] == 240
    assert back.classes[3] == 2
    assert back.low_ms[3] < 240 < back.high_ms[3]
    np.testing.assert_allclose(back.high_ms[3] - back.low_ms[3], onsets.high_ms[3] - onsets.low_ms[3], atol=0.11)
    assert "the interval of 1 sector moves with its onset" in caplog.text


@pytest.mark.parametrize(
    ("row", "column", "cell", "words"),
    [
        (0, 1, "onset", "a table of onsets with the columns sector, tos_ms, low, high, class, found others"),
        (3, 0, "9", "sectors from 0 on, each once and in order, found another in row 4"),
        (3, 1, "nan", "times of 0 to 2000 ms, found another in row 4"),
        (3, 1, "0.05 s", "times of 0 to 2000 ms, found another in row 4"),
        (3, 2, "-4", "times of 0 to 2000 ms"),
        (3, 3, "inf", "times of 0 to 2000 ms"),
        (3, 3, "0", "intervals whose low is not above their high, found another in row 4"),
        (3, 4, "Jane Doe", "a class of normal, late, scarred, found another in row 4"),
        (3, 4, "late,", "5 cells in each row, found another in row 4"),
    ],
)
def test_what_is_no_such_table(tmp_path, row, column, cell, words):
    path = tmp_path / "tos.csv"
    write_onsets(path, drawn(12))
    rows = rows_of(path)
    rows[row][column] = cell
    write_rows(path, rows)
    with pytest.raises(InputError, match=words) as error:
        read_onsets(path)
    assert "Jane" not in str(error.value)


def test_numbers_of_rows_and_unreadable_files(tmp_path):
    path = tmp_path / "tos.csv"
    with pytest.raises(InputError, match="found none of that name"):
        read_onsets(path)
    write_onsets(path, drawn(12))
    with pytest.raises(InputError, match="rows of 126 sectors, found 12"):
        read_onsets(path, sectors=126)
    write_rows(path, rows_of(path)[:4])
    with pytest.raises(InputError, match="rows of 6 to 4096 sectors, found 3"):
        read_onsets(path)
    path.write_bytes(b"\xff\xfe\x00sector")
    with pytest.raises(InputError, match="an unreadable file"):
        read_onsets(path)
    path.write_bytes(b"a" * (2**20 + 1))
    with pytest.raises(InputError, match="found a larger one"):
        read_onsets(path)


def test_several_slices_stand_in_one_table(tmp_path):
    slices = [drawn(12), drawn(24)]
    write_heart_onsets(tmp_path / "tos.csv", slices)
    text = (tmp_path / "tos.csv").read_text()
    assert text.startswith("slice,sector,tos_ms,low,high,class\n1,0,")
    for one, other in zip(read_heart_onsets(tmp_path / "tos.csv"), slices, strict=True):
        np.testing.assert_allclose(one.tos_ms, other.tos_ms, atol=0.05)
        np.testing.assert_array_equal(one.classes, other.classes)
    with pytest.raises(InputError, match="onsets of one slice, found 2"):
        read_onsets(tmp_path / "tos.csv")
    (tmp_path / "tos.csv").write_text(text.replace("\n2,", "\n3,"))
    with pytest.raises(InputError, match="slices from 1 on, in order, at most 100, found another in row"):
        read_heart_onsets(tmp_path / "tos.csv")
