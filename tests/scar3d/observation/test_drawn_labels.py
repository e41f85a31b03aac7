"""The label volume at the door: what it must show, and what is proposed where it does not."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.observation.drawn_labels import check_wall, read_drawn_labels, read_true_labels, which_surrounds
from tests.imaging import drawn_hearts as drawn

M, P, S = Label.MYOCARDIUM, Label.BLOOD_POOL, Label.SCAR


def written(folder: Path, values: np.ndarray) -> Path:
    write_volume(folder / "labels.nii.gz", drawn.volume(values))
    return folder / "labels.nii.gz"


def refusal(folder: Path, values: np.ndarray, table: str = "cardioscar") -> str:
    with pytest.raises(InputError) as caught:
        read_drawn_labels(written(folder, values), table)
    return str(caught.value)


@pytest.mark.parametrize("right_ventricle", [False, True])
@pytest.mark.parametrize(("numbers", "table"), [(drawn.EMIDEC, "emidec"), (drawn.ACDC, "acdc"), (drawn.MNMS, "mnms")])
def test_the_table_that_fits_is_proposed(
    numbers: dict[int, int], table: str, right_ventricle: bool, tmp_path: Path
) -> None:
    values = drawn.heart()
    if right_ventricle and table != "emidec":
        values = drawn.with_right_ventricle(values)
    if not right_ventricle and table == "mnms":
        table = "emidec"  # 1 cavity, 2 wall: both say the same of it
    cavity, wall = numbers[P], numbers[M]
    coded = drawn.numbered(values, numbers)
    message = refusal(tmp_path, coded)
    assert message.startswith(
        "labels.nii.gz: expected the blood pool inside the wall (label table 'cardioscar'), found "
    )
    assert f"; {wall} surrounds {cavity}, " in message
    assert message.endswith(f"table '{table}' fits: --label-table {table}, or label_table: {table} in subject.yaml")
    # and it does
    found = read_drawn_labels(tmp_path / "labels.nii.gz", table)
    assert (found.values == P).sum() == (values == P).sum()


def test_a_table_named_by_mistake(tmp_path: Path) -> None:
    message = refusal(tmp_path, drawn.heart(), "emidec")
    assert "(label table 'emidec')" in message
    assert "; 1 surrounds 2, " in message
    assert "table 'cardioscar' fits: --label-table cardioscar, or label_table: cardioscar" in message


def test_where_no_table_fits_it_is_said_so(tmp_path: Path) -> None:
    message = refusal(tmp_path, drawn.numbered(drawn.heart(), {M: 1, P: 3, S: 2}))
    assert message.endswith("1 surrounds 3, no other label table fits")


def test_numbers_of_no_meaning_are_looked_up_in_other_tables(tmp_path: Path) -> None:
    emidec = drawn.numbered(drawn.heart(), drawn.EMIDEC)
    emidec[(emidec == 3) & (np.arange(emidec.shape[1])[:, None] % 3 == 0)] = 4  # no-reflow
    message = refusal(tmp_path, emidec)
    count = int((emidec == 4).sum())
    assert message.startswith(
        f"labels.nii.gz: expected labels 0, 1, 2, 3 (table 'cardioscar'), found 4 ({count} voxels); 2 surrounds 1, "
    )
    assert message.endswith("table 'emidec' fits: --label-table emidec, or label_table: emidec in subject.yaml")
    found = read_drawn_labels(tmp_path / "labels.nii.gz", "emidec")
    assert (found.values == S).sum() == (drawn.heart() == S).sum()
    heart = drawn.heart()
    heart[0, 0, 0] = 7
    assert refusal(tmp_path, heart).endswith("expected labels 0, 1, 2, 3 (table 'cardioscar'), found 7 (1 voxel)")


def test_labels_come_in_one_order_with_the_numbers_of_the_file(tmp_path: Path) -> None:
    affine = np.diag([drawn.PIXEL_MM, drawn.PIXEL_MM, -drawn.APART_MM, 1.0])
    write_volume(tmp_path / "labels.nii.gz", Volume(drawn.heart(), affine, "labels.nii.gz"))
    found = read_drawn_labels(tmp_path / "labels.nii.gz", "cardioscar")
    assert found.slice_numbers == tuple(range(10, -1, -1))
    np.testing.assert_array_equal(found.values, drawn.heart()[:, :, ::-1])


def test_doubts_are_warnings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_drawn_labels(written(tmp_path, drawn.heart()), "cardioscar")
    assert not caplog.records
    walled = drawn.with_right_ventricle(drawn.heart(), cavity=P, wall=True)
    read_drawn_labels(written(tmp_path, walled), "cardioscar")
    [record] = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert record.getMessage().startswith("labels.nii.gz: the wall surrounds two cavities")


def test_true_scar_needs_no_wall(tmp_path: Path) -> None:
    scar = np.where(drawn.heart() == S, S, 0)
    assert (read_true_labels(written(tmp_path, scar), "cardioscar").values == S).sum() == scar.astype(bool).sum()
    with pytest.raises(InputError, match="the blood pool inside the wall"):
        read_true_labels(written(tmp_path, drawn.numbered(drawn.heart(), drawn.EMIDEC)), "cardioscar")


def test_labels_without_wall_are_refused_with_what_they_hold() -> None:
    labels = Volume(np.zeros((3, 3, 3), np.uint8), np.eye(4), "labels.nii.gz")
    with pytest.raises(InputError, match=r"pixels of the wall \(myocardium or scar\), found background only"):
        check_wall(labels)
    labels.values[1, 1, 1] = Label.SCAR
    check_wall(labels)


def test_numbers_that_lie_side_by_side_surround_nothing() -> None:
    values = np.zeros((20, 20, 2), np.uint8)
    values[2:8], values[10:16] = 1, 2
    assert which_surrounds(Volume(values, np.eye(4), "labels.nii.gz")) == ""
