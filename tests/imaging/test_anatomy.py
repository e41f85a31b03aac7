"""Labels of a ventricle pass however they are drawn; those of another convention do not."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from cardioscar.imaging.anatomy import measure
from cardioscar.imaging.anatomy_rules import breaches, doubts
from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from tests.imaging import drawn_hearts as drawn
from tests.imaging.stored_orders import ORDERS, stored

M, P, S = Label.MYOCARDIUM, Label.BLOOD_POOL, Label.SCAR
SCARS = (0.0, 70.0, 150.0)


def rules_broken(values: np.ndarray) -> list[str]:
    return [breach.rule for breach in breaches(measure(drawn.volume(values)))]


def doubted(values: np.ndarray) -> list[str]:
    return doubts(measure(drawn.volume(values)))


@pytest.mark.parametrize("scar_deg", SCARS)
@pytest.mark.parametrize("how", drawn.LEGAL)
def test_a_ventricle_passes_however_it_is_drawn(how: str, scar_deg: float) -> None:
    values = drawn.LEGAL[how](drawn.heart(scar_deg=scar_deg))
    assert rules_broken(values) == []
    assert doubted(values) == []


@pytest.mark.parametrize("scar_deg", [0.0, 150.0])
@pytest.mark.parametrize("how", drawn.LEGAL)
@pytest.mark.parametrize("numbers", [drawn.EMIDEC, {M: 1, P: 3, S: 2}, {M: 3, P: 1, S: 2}, {M: 2, P: 3, S: 1}])
def test_numbers_that_misplace_the_cavity_never_pass(how: str, scar_deg: float, numbers: dict[int, int]) -> None:
    values = drawn.numbered(drawn.LEGAL[how](drawn.heart(scar_deg=scar_deg)), numbers)
    if not np.isin(values, (M, S)).any() or not (drawn.LEGAL[how](drawn.heart()) == P).any():
        return  # without blood pool only scar and wall are there to be exchanged
    assert rules_broken(values) or doubted(values)
    # where a few slices or a crumbled wall are all there is, a warning has to do
    if how not in ("apical half", "every second slice", "holes for papillary muscles", "coarse", "thin wall"):
        assert rules_broken(values)


@pytest.mark.parametrize("wall", [False, True])
@pytest.mark.parametrize("numbers", [drawn.ACDC, drawn.MNMS])
@pytest.mark.parametrize("scar_deg", SCARS)
def test_numbers_with_a_right_ventricle_are_refused(wall: bool, numbers: dict[int, int], scar_deg: float) -> None:
    values = drawn.with_right_ventricle(drawn.heart(scar_deg=scar_deg), wall=wall)
    assert rules_broken(drawn.numbered(values, numbers))[0] == "the blood pool inside the wall"


def test_what_is_found_is_said_in_numbers() -> None:
    [breach] = breaches(measure(drawn.volume(drawn.numbered(drawn.heart(scar_deg=0), drawn.EMIDEC))))
    assert breach.rule == "the blood pool inside the wall"
    # the apical cap has no cavity, and so its middle is where it should be
    assert breach.finding == "2% blood pool, 98% myocardium and 0% scar in the middle of the heart"


def test_a_cavity_alone_is_no_wall() -> None:
    [rule] = rules_broken(np.where(drawn.heart() == P, M, 0))
    assert rule == "a wall that surrounds a cavity"


def test_scar_that_fills_the_wall() -> None:
    exchanged = drawn.numbered(drawn.heart(scar_deg=70), {M: 3, P: 2, S: 1})
    assert rules_broken(exchanged) == []
    assert any("numbers of scar and myocardium exchanged" in doubt for doubt in doubted(exchanged))
    assert rules_broken(drawn.numbered(drawn.heart(scar_deg=0), {M: 3, P: 2})) == ["myocardium in the wall"]


def test_scar_elsewhere_than_in_the_wall() -> None:
    values = drawn.heart(scar_deg=0)
    beside, inside = values.copy(), values.copy()
    beside[2:16, 2:16, 3:8] = S
    inside[36:47, 32:43, 3:9][inside[36:47, 32:43, 3:9] == P] = S
    assert "scar joined to myocardium" in rules_broken(beside)
    assert rules_broken(inside) == ["scar in the wall"]
    few = values.copy()
    few[40:44, 36:40, 5] = S
    assert rules_broken(few) == []
    assert doubted(few)


def test_scarred_papillary_muscles_are_worth_a_look() -> None:
    values = drawn.papillary(drawn.heart(), S)
    assert rules_broken(values) == []
    assert "in the middle of the blood pool" in doubted(values)[0]


def test_scar_as_thick_as_a_ventricle() -> None:
    values = drawn.with_right_ventricle(drawn.heart(scar_deg=0), cavity=S)
    assert rules_broken(values) == ["scar within the wall"]


def test_a_right_ventricle_is_worth_a_look() -> None:
    pool, walled = (drawn.with_right_ventricle(drawn.heart(), cavity=P, wall=wall) for wall in (False, True))
    assert rules_broken(pool) == rules_broken(walled) == []
    assert "a right ventricle?" in doubted(pool)[0]
    assert any("two cavities" in doubt for doubt in doubted(walled))


def test_one_slice_decides_nothing() -> None:
    values = drawn.heart()
    values[:, :, 5] = drawn.numbered(values, drawn.EMIDEC)[:, :, 5]
    assert rules_broken(values) == []


def test_stray_voxels_decide_nothing() -> None:
    values = drawn.heart(scar_deg=0)
    lost = np.random.default_rng(1).random(values.shape) < 0.002
    assert rules_broken(np.where(lost, S, values)) == []


def test_the_order_of_storage_decides_nothing() -> None:
    volume = drawn.volume(drawn.patchy(drawn.heart()))
    expected = measure(volume)
    for order in ORDERS[1::7]:
        found = measure(stored(volume, order))
        np.testing.assert_allclose(
            [found.pool_by_wall, *found.middle, found.scar_reach_mm, found.solid_mm],
            [expected.pool_by_wall, *expected.middle, expected.scar_reach_mm, expected.solid_mm],
        )


@pytest.mark.slow
@pytest.mark.parametrize("scar", ["smooth", "isthmus", "patchy", "none"])
def test_phantoms_pass_and_their_permutations_do_not(scar: str) -> None:
    for seed in range(8):
        labels = make_phantom(PhantomConfig(seed=seed, nodes=1_500, scar=scar)).images.labels  # type: ignore[arg-type]
        assert breaches(measure(labels)) == []
        assert doubts(measure(labels)) == []
        for a, b, c in itertools.permutations((1, 2, 3)):
            other = replace(labels, values=np.array([0, a, b, c], np.uint8)[labels.values])
            if b == 2:  # the cavity is where it should be
                continue
            assert breaches(measure(other)), (seed, a, b, c)


@pytest.mark.real
def test_real_hearts_pass_and_their_permutations_do_not(data_dir: object) -> None:
    for labels in _real(data_dir):
        assert breaches(measure(labels)) == [], labels.source
        assert doubts(measure(labels)) == [], labels.source
        for a, b, c in itertools.permutations((1, 2, 3)):
            other = replace(labels, values=np.array([0, a, b, c], np.uint8)[labels.values])
            if b != 2:
                assert breaches(measure(other)), (labels.source, a, b, c)


def _real(data_dir: object) -> list[Volume]:
    import SimpleITK

    def read(name: str) -> tuple[np.ndarray, np.ndarray]:
        image = SimpleITK.ReadImage(f"{data_dir}/{name}")
        affine = np.diag([*image.GetSpacing()[:3], 1.0])
        return SimpleITK.GetArrayFromImage(image).T, affine

    found = []
    for name in ("labels", "labels_nsd"):
        values, affine = read(f"sunnybrook_lge_infarct_annotations/{name}.nii.gz")
        found.append(Volume(values, affine, name))
    values, affine = read("sunnybrook_cine_ep_pig/cine_sax_crop160_lvseg.nii.gz")
    found += [Volume(values[:, :, 6:20, phase], affine, f"pig {phase}") for phase in range(0, 20, 4)]
    for subject in ("SCD0000101", "SCD0000201", "SCD0000401"):
        values, affine = read(f"sunnybrook2009_cine/{subject}/labels_crop128.nii.gz")
        [diastole] = [v for v in np.moveaxis(values, 3, 0) if (v == M).any()]
        found.append(Volume(diastole, affine, subject))
    return found


def test_a_hole_in_the_middle_is_no_wall() -> None:
    # the filled outline of the heart drawn as wall, as some contours are turned into masks
    values = drawn.heart(scar_deg=0)
    filled = np.stack([ndimage.binary_fill_holes(values[:, :, k] > 0) for k in range(values.shape[2])], axis=2)
    assert rules_broken(np.where(filled, M, 0)) == ["a wall that surrounds a cavity"]
