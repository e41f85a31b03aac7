from __future__ import annotations

import numpy as np
import pytest

from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.record_files import read_records
from cardioscar.activation.formats.scar_rows import read_scar_rows, scarred_sectors
from cardioscar.errors import InputError
from tests.activation.drawn_strain import beat


def test_rows_mark_the_sectors_of_their_slices(tmp_path):
    (tmp_path / "scar.csv").write_text("base:1,base:2\nmid : 6,\n\n")
    scar = read_scar_rows(tmp_path / "scar.csv")
    assert scar == {"base": {1, 2}, "mid": {6}}
    strain = beat().circumferential[None, None]
    records = [{"strain": strain, "SliceName": name, "patient": "x"} for name in ("base", "mid", "apex")]
    np.save(tmp_path / "a.npy", records, allow_pickle=True)
    base, mid, apex = read_records(tmp_path / "a.npy", Given(interval_ms=30), scar=scar)
    assert np.flatnonzero(base.scarred).tolist() == list(range(6))
    assert np.flatnonzero(mid.scarred).tolist() == [15, 16, 17]
    assert not apex.scarred.any()
    with pytest.raises(InputError, match="a record for each slice with a row of scar, found 1 slices without one"):
        read_records(tmp_path / "a.npy", Given(interval_ms=30), scar={"other": {1}})
    assert read_records(tmp_path / "a.npy", Given(interval_ms=30))[0].scarred is None


@pytest.mark.parametrize("text", ["base", "base:7", ":1", "base:Doe", "base:0", "a,b"])
def test_cells_of_another_form(text, tmp_path):
    (tmp_path / "scar.csv").write_text("base:1\n" + text)
    with pytest.raises(InputError, match="scar.csv: expected cells of SLICE:SEGMENT, .*, found another in row 2"):
        read_scar_rows(tmp_path / "scar.csv")


def test_segments_that_are_none():
    with pytest.raises(InputError, match="scar: expected segments 1 to 4 of a slice of 6 or 4, found others"):
        scarred_sectors({5}, 18, segments=4)
    assert scarred_sectors({1, 2, 3, 4}, 18, segments=4).all()
