from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.lvquan_mat import read_lvquan
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig
from cardioscar.lvquant.agreement import agreement
from cardioscar.lvquant.cine_indices import indices_of_shares
from cardioscar.lvquant.inference.quantifier import Quantifier
from cardioscar.lvquant.protocol import run_protocol, scored, subject_folds, true_indices
from cardioscar.lvquant.sectors import SeptumFrame
from cardioscar.lvquant.training.config import WATCHED, TrainConfig
from cardioscar.synthesis.cine.settings import CineConfig
from tests.lvquant.inference.knowing_network import KnowingNetwork
from tests.lvquant.lvquan_files import FRAMES, write_lvquan

SEPTUM = SeptumFrame(np.pi, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lvquan")
    for number in range(6):
        write_lvquan(place / f"patient{number}.mat", seed=number)
    return place


def test_folds_test_each_subject_once_and_no_network_meets_its_test(folder: Path) -> None:
    splits = subject_folds(folder, 5, seed=3)
    assert len(splits) == 5
    assert sorted(name for split in splits for name in split.test) == [f"patient{n}" for n in range(6)]
    for split in splits:
        assert split.validation
        assert not set(split.test) & {*split.train, *split.validation}
    assert subject_folds(folder, 5, seed=3) == splits
    with pytest.raises(InputError, match="6 subjects"):
        subject_folds(folder, 7)


def test_a_network_that_knows_the_masks_gives_the_stated_indices(folder: Path) -> None:
    """Rings of whole pixels of 2.5 mm: areas are right to 3 %, lengths to a third of a pixel (record 28)."""
    truths, regressed, measured = [], [], []
    for number in range(3):
        subject = read_lvquan(folder / f"patient{number}.mat")
        assert subject.labels is not None
        labels, true = subject.labels.values, true_indices(subject)
        cavity, wall = (labels == 2).astype(float), (labels == 1).astype(float)
        own = indices_of_shares(cavity, wall, subject.cine, septum=SEPTUM)
        network = KnowingNetwork(cavity, wall, own)
        places = np.arange(cavity.size, dtype=np.float32).reshape(cavity.shape)
        quantifier = Quantifier(network, (40, 40), (2.0, 3.0), lambda _, places=places: places[:, :, 0])
        truth, found = scored(quantifier, folder, [f"patient{number}"], septum=SEPTUM)
        np.testing.assert_array_equal(truth[0].indices, true.indices)
        truths += truth
        regressed += found["regressed"]
        measured += found["measured"]
    told = agreement(measured, truths)
    assert told.mae["areas_mm2"] < 0.03 * np.mean([one.indices[:, :2].mean() for one in truths])
    assert told.mae["dimensions_mm"] < 2.5 / 3
    assert told.mae["thickness_mm"] < 2.5 / 3
    assert told.indices["cavity_mm2"].pearson > 0.99
    assert agreement(regressed, truths).mae["areas_mm2"] == pytest.approx(told.mae["areas_mm2"], rel=0.05)


def test_the_whole_protocol_in_one_call(folder: Path, tmp_path: Path) -> None:
    """Networks of a few steps know little; what is shown is that each subject is judged by one that never met it."""
    loop = LoopConfig(
        steps=12, schedule=ScheduleConfig(name="constant", peak=5e-3), validate_every=12, watch=WATCHED, device="cpu"
    )
    grid = CineConfig(pixels=(40, 40), frames=4, pixel_mm=(2.4, 2.6), off_center_mm=2.0)
    config = TrainConfig(size="tiny", batch=2, synthetic_share=0.0, views=False, synthetic=grid, loop=loop)
    config = dataclasses.replace(config, augment=dataclasses.replace(config.augment, chance=0.0))
    told = run_protocol(folder, tmp_path, config, folds=3, septum=SEPTUM)
    assert [path.name for path in sorted(tmp_path.iterdir()) if path.is_dir()] == ["fold1", "fold2", "fold3"]
    assert told.splits == tuple(subject_folds(folder, 3))
    for one in told.agreement.values():
        assert one.subjects == 6
        assert one.indices["cavity_mm2"].frames + one.missing_frames == 6 * FRAMES
    assert told.agreement["regressed"].phase_error_percent is not None
