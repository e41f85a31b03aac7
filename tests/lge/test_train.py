from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from cardioscar.errors import ConfigError, InputError
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.volume import Volume
from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.learning.bundle import read_bundle
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig
from cardioscar.lge.network.build import build
from cardioscar.lge.train import train_segmenter
from cardioscar.lge.training.batches import LATER, TRAINING, VALIDATION, Batches, _turned, synthetic_example
from cardioscar.lge.training.config import WATCHED, TrainConfig
from cardioscar.lge.training.example import Example
from cardioscar.synthesis.lge.sample import draw_sample
from cardioscar.synthesis.lge.settings import LgeConfig

LOOP = LoopConfig(
    steps=4, schedule=ScheduleConfig(name="constant", peak=2e-3), validate_every=2, watch=WATCHED,
    higher_is_better=True, device="cpu",
)  # fmt: skip
GRID = LgeConfig(pixels=(32, 32), pixel_mm=(4.0, 5.0), samples=1)
SMALL = TrainConfig(architecture="unet", batch=2, validation_slices=4, synthetic=GRID, loop=LOOP)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects as files, drawn by the generator."""
    folder = tmp_path_factory.mktemp("labelled")
    for name, seed in (("A", 3), ("B", 5), ("C", 8)):
        sample = draw_sample(seed, dataclasses.replace(GRID, slices=4, stack=True, scar_free=0.0))
        for part, values in (("images", sample.image), ("masks", sample.labels)):
            (folder / part).mkdir(exist_ok=True)
            write_volume(folder / part / f"{name}.nii.gz", Volume(values, sample.affine))
    return folder


def test_a_training_makes_a_bundle_that_gives_the_same_scores(tmp_path: Path) -> None:
    told = []
    trained = train_segmenter(tmp_path / "bundle", SMALL, on_step=lambda *step: told.append(step))
    assert trained.result.stop_reason == "completed"
    assert told[-1] == (4, 4)
    bundle = read_bundle(tmp_path / "bundle")
    facts = bundle.facts
    assert facts.config["synthetic"]["pixels"] == [32, 32]
    assert facts.outputs["scores"].channel_def == {"0": "background", "1": "wall", "2": "cavity", "3": "scar"}
    assert facts.spacing_mm == pytest.approx((20**0.5,) * 2, abs=1e-3)
    assert set(facts.eval_metrics) == {"loss", "wall_dice", "cavity_dice", "scar_dice"}
    best = max(trained.result.curves.of(WATCHED), key=lambda one: one[1])
    assert facts.eval_metrics[WATCHED] == best[1]
    network = bundle.network("unet", lambda spec: build("unet", spec))
    image = torch.randn(1, 1, 40, 24)
    with torch.no_grad():
        torch.testing.assert_close(network(image), trained.result.network(image), rtol=0, atol=0)


def test_the_same_settings_give_the_same_weights_with_and_without_processes(tmp_path: Path) -> None:
    torch.manual_seed(99)
    first = train_segmenter(tmp_path / "a", SMALL).bundle.stored.weights_bytes
    torch.manual_seed(7)
    again = train_segmenter(tmp_path / "b", dataclasses.replace(SMALL, workers=1)).bundle.stored.weights_bytes
    assert first == again
    assert train_segmenter(tmp_path / "c", dataclasses.replace(SMALL, seed=1)).bundle.stored.weights_bytes != first


def test_a_training_that_is_killed_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = train_segmenter(tmp_path / "whole", SMALL).bundle.stored.weights_bytes
    often = dataclasses.replace(SMALL, loop=dataclasses.replace(LOOP, checkpoint_seconds=0.0))

    def killed(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_segmenter(tmp_path / "part", often, checkpoint=tmp_path / "at", on_step=killed)
    assert (tmp_path / "at").is_file()
    told = []
    resumed = train_segmenter(
        tmp_path / "part", often, checkpoint=tmp_path / "at", on_step=lambda *step: told.append(step)
    )
    assert told == [(4, 4)]
    assert resumed.bundle.stored.weights_bytes == whole
    assert not (tmp_path / "at").exists()


def test_a_training_goes_on_from_a_stored_network(tmp_path: Path) -> None:
    first = train_segmenter(tmp_path / "first", SMALL)
    still = dataclasses.replace(SMALL, loop=dataclasses.replace(LOOP, schedule=ScheduleConfig("constant", peak=1e-9)))
    second = train_segmenter(tmp_path / "second", still, start=tmp_path / "first")
    assert first.bundle.sha256[:12] in second.bundle.facts.data_source
    weights = (one.result.network.state_dict() for one in (first, second))
    torch.testing.assert_close(*weights, rtol=0, atol=1e-6)


@pytest.mark.parametrize("architecture", ["unet", "residual_encoder"])
def test_a_network_of_one_slice_starts_one_that_sees_its_neighbours(tmp_path: Path, architecture: str) -> None:
    alone = dataclasses.replace(SMALL, architecture=architecture)  # type: ignore[arg-type]
    first = train_segmenter(tmp_path / "first", alone)
    still = dataclasses.replace(
        alone,
        neighbours=True,
        loop=dataclasses.replace(LOOP, steps=1, schedule=ScheduleConfig("constant", peak=1e-9)),
    )
    second = train_segmenter(tmp_path / "second", still, start=tmp_path / "first")
    assert second.bundle.facts.spec["inputs"] == 3
    stack = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32))
    networks = [one.result.network.eval() for one in (first, second)]
    with torch.no_grad():
        torch.testing.assert_close(networks[1](stack), networks[0](stack[:, 1:2]), rtol=0, atol=1e-4)


def test_slices_with_neighbours_come_at_the_ends_of_stacks_too_and_alone_and_upside_down() -> None:
    seen = set()
    for number in range(40):
        below, middle, above = synthetic_example(TRAINING, 0, number, GRID, neighbours=True).image
        seen.add((bool((below == middle).all()), bool((above == middle).all())))
    assert seen == {(False, False), (True, False), (False, True), (True, True)}


def test_another_network_to_start_from_is_refused(tmp_path: Path) -> None:
    train_segmenter(tmp_path / "first", SMALL)
    other, larger = (
        dataclasses.replace(SMALL, architecture="residual_encoder"),
        dataclasses.replace(SMALL, size="small"),
    )
    for config, found in ((other, "architecture"), (larger, "size")):
        with pytest.raises(InputError, match=f"another {found}"):
            train_segmenter(tmp_path / "second", config, start=tmp_path / "first")


def test_scar_net_learns_in_parts(tmp_path: Path) -> None:
    config = dataclasses.replace(
        SMALL, architecture="scar_net", frozen=("encoder.vit", "unet.down.0"), accumulate=2, neighbours=True,
        loop=dataclasses.replace(LOOP, steps=1),
    )  # fmt: skip
    trained = train_segmenter(tmp_path / "bundle", config)
    frozen = {name for name, one in trained.result.network.named_parameters() if not one.requires_grad}
    assert all(name.startswith(("encoder.vit.", "unet.down.0.")) for name in frozen)
    assert trained.bundle.facts.inputs["image"].num_channels == 3


def test_real_subjects_are_split_and_none_judges_what_it_taught(tmp_path: Path, labelled: Path) -> None:
    config = dataclasses.replace(SMALL, synthetic_share=0.5, validation=0.34)
    trained = train_segmenter(tmp_path / "bundle", config, labelled=labelled)
    assert trained.split is not None
    assert not set(trained.split.train) & set(trained.split.validation)
    assert trained.split.counts == {"train": 2, "validation": 1, "test": 0}
    assert trained.bundle.facts.split_sha256 == trained.split.sha256
    assert not [name for name in "ABC" if f'"{name}"' in trained.bundle.stored.description_bytes.decode()]


def test_a_network_learns_what_it_is_shown(tmp_path: Path, labelled: Path) -> None:
    config = dataclasses.replace(
        SMALL,
        synthetic_share=0.0,
        validation=0.34,
        batch=4,
        augment=AugmentConfig(chance=0.0, spatial_chance=0.0, flip_axes=()),
        loop=dataclasses.replace(LOOP, steps=30, validate_every=0, schedule=ScheduleConfig(name="constant", peak=4e-3)),
    )
    curve = train_segmenter(tmp_path / "bundle", config, labelled=labelled).result.curves.losses
    # it falls by a fifth; a network that learned nothing would stay
    assert np.mean(curve[-5:]) < 0.9 * np.mean(curve[:5])


def test_too_few_subjects_and_parts_that_do_not_fit_are_refused(tmp_path: Path, labelled: Path) -> None:
    (tmp_path / "one").mkdir()
    for part in ("images", "masks"):
        (tmp_path / "one" / part).mkdir()
        (tmp_path / "one" / part / "A.nii.gz").write_bytes((labelled / part / "A.nii.gz").read_bytes())
    with pytest.raises(InputError, match="at least two subjects"):
        train_segmenter(tmp_path / "bundle", SMALL, labelled=tmp_path / "one")
    with pytest.raises(InputError, match="scar_net, which has an image encoder"):
        train_segmenter(tmp_path / "bundle", SMALL, published=tmp_path / "weights.pth")
    with pytest.raises(ConfigError, match="frozen"):
        train_segmenter(tmp_path / "bundle", dataclasses.replace(SMALL, frozen=("encoder",)))
    assert not (tmp_path / "bundle").exists()


def test_streams_of_training_and_validation_never_meet() -> None:
    images = [
        synthetic_example(stream, seed, number, GRID, neighbours=False).image.tobytes()
        for stream in (TRAINING, VALIDATION)
        for seed in (0, 1)
        for number in range(6)
    ]
    assert len(set(images)) == len(images)


def test_a_batch_depends_on_its_number_alone() -> None:
    batches = Batches(GRID, 2, 0, neighbours=True)
    later, first = batches(5), batches(0)
    assert first.images.shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(Batches(GRID, 2, 0, neighbours=True)(5).images, later.images)
    np.testing.assert_array_equal(Batches(GRID, 5, 0, neighbours=True)(2).images[0], later.images[0])


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"accumulate": 0}, {"side": -1.0}, {"synthetic_share": 2.0}, {"validation": 1.0}]
)
def test_settings_that_cannot_be_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainConfig(**wrong)


def test_slices_are_shown_again_turned_in_a_later_batch() -> None:
    twice = Batches(GRID, 4, seed=1, shown=2)
    earlier, later = twice(3), twice(3 + LATER)
    for one in range(2):  # the first half is new, the second was new then
        assert sorted(earlier.images[one].ravel()) == sorted(later.images[one + 2].ravel())
        assert sorted(earlier.labels[one].ravel()) == sorted(later.labels[one + 2].ravel())
    assert any((earlier.images[one] != later.images[one + 2]).any() for one in range(2))
    assert len({one.tobytes() for one in np.concatenate([earlier.images, later.images[:2]])}) == 6
    np.testing.assert_array_equal(twice(3).images, earlier.images)


def test_image_and_labels_are_turned_alike() -> None:
    image = np.arange(16.0, dtype=np.float32).reshape(1, 4, 4)
    labels = image[0].astype(np.uint8)
    for turns in range(4):
        for mirrored in (False, True):
            seen = _turned(Example(image, labels), turns, mirrored=mirrored)
            np.testing.assert_array_equal(seen.image[0].astype(np.uint8), seen.labels)
    oblong = _turned(Example(image[:, :2], labels[:2]), 1, mirrored=False)
    assert oblong.labels.shape == (2, 4)
