from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from cardioscar.config import as_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.learning.bundle import read_bundle, save_bundle
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig
from cardioscar.learning.split import Split
from cardioscar.lvquant.network.cine_net import ARCHITECTURE, CineNet, build_cine_net
from cardioscar.lvquant.network.outline_head import OutlineHead
from cardioscar.lvquant.network.spec import SIZES
from cardioscar.lvquant.train import train_quantifier
from cardioscar.lvquant.training.config import TASK_NAMES, WATCHED, TrainConfig
from cardioscar.lvquant.training.loss import TASKS
from cardioscar.synthesis.cine.settings import CineConfig
from tests.lvquant.lvquan_files import write_lvquan

LOOP = LoopConfig(
    steps=4, schedule=ScheduleConfig(name="constant", peak=2e-3), validate_every=2, watch=WATCHED, device="cpu"
)
GRID = CineConfig(pixels=(32, 32), frames=4, pixel_mm=(3.0, 4.0))
SMALL = TrainConfig(size="tiny", batch=2, validation_slices=3, synthetic=GRID, loop=LOOP)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects in LVQuan's layout."""
    folder = tmp_path_factory.mktemp("labelled")
    for number in range(3):
        write_lvquan(folder / f"patient{number}.mat", seed=number)
    return folder


def test_a_training_makes_a_bundle_that_gives_the_same_answers(tmp_path: Path) -> None:
    told = []
    trained = train_quantifier(tmp_path / "bundle", SMALL, on_step=lambda *step: told.append(step))
    assert trained.result.stop_reason == "completed"
    assert told[-1] == (4, 4)
    bundle = read_bundle(tmp_path / "bundle")
    facts = bundle.facts
    assert facts.inputs["image"].modality == "cine"
    assert facts.spacing_mm == pytest.approx((12**0.5,) * 2, abs=1e-3)
    assert facts.outputs["scores"].channel_def == {"0": "background", "1": "wall", "2": "cavity"}
    assert list(facts.outputs["thickness_mm"].channel_def.values()) == ["IS", "I", "IL", "AL", "A", "AS"]
    best = min(trained.result.curves.of(WATCHED), key=lambda one: one[1])
    assert facts.eval_metrics[WATCHED] == best[1]
    assert {"cavity_dice", "wall_dice", "areas_mae_mm2", "phase_error_percent"} <= set(facts.eval_metrics)
    network = bundle.network(ARCHITECTURE, build_cine_net)
    image, pixel = torch.rand(1, 5, 40, 24), torch.tensor([[1.4, 1.6]])
    with torch.no_grad():
        found, same = network(image, pixel), trained.result.network.network(image, pixel)
    torch.testing.assert_close(found.scores, same.scores, rtol=0, atol=0)
    torch.testing.assert_close(found.thickness_mm, same.thickness_mm, rtol=0, atol=0)


def test_weights_of_the_tasks_are_learned_with_the_network(tmp_path: Path) -> None:
    trained = train_quantifier(tmp_path / "a", SMALL)
    assert float(trained.result.network.loss.log_variances.detach().abs().min()) > 0
    fixed = train_quantifier(tmp_path / "b", dataclasses.replace(SMALL, learned_weights=False))
    assert float(fixed.result.network.loss.log_variances.detach().abs().max()) == 0


def test_a_network_that_only_segments_is_not_judged_by_its_heads(tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, left_out=TASK_NAMES[1:], loop=dataclasses.replace(LOOP, steps=1))
    trained = train_quantifier(tmp_path / "bundle", config)
    [(_, figures)] = trained.result.curves.validation
    assert not any("mae" in name or "phase" in name for name in figures)
    assert figures[WATCHED] == pytest.approx(1 - (figures["cavity_dice"] + figures["wall_dice"]) / 2)


def test_a_training_that_is_killed_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = train_quantifier(tmp_path / "whole", SMALL).bundle.stored.weights_bytes
    often = dataclasses.replace(SMALL, loop=dataclasses.replace(LOOP, checkpoint_seconds=0.0))

    def killed(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_quantifier(tmp_path / "part", often, checkpoint=tmp_path / "at", on_step=killed)
    told = []
    resumed = train_quantifier(
        tmp_path / "part", often, checkpoint=tmp_path / "at", on_step=lambda *step: told.append(step)
    )
    assert told == [(4, 4)]
    assert resumed.bundle.stored.weights_bytes == whole
    assert not (tmp_path / "at").exists()


@pytest.mark.slow
def test_processes_give_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    one = dataclasses.replace(SMALL, loop=dataclasses.replace(LOOP, steps=2))
    first = train_quantifier(tmp_path / "a", one).bundle.stored.weights_bytes
    beside = train_quantifier(tmp_path / "b", dataclasses.replace(one, workers=1)).bundle.stored.weights_bytes
    assert first == beside
    assert train_quantifier(tmp_path / "c", dataclasses.replace(one, seed=1)).bundle.stored.weights_bytes != first


def test_labelled_subjects_are_split_and_none_judges_what_it_taught(tmp_path: Path, labelled: Path) -> None:
    config = dataclasses.replace(SMALL, validation=0.34, augment=AugmentConfig(chance=0.0))
    trained = train_quantifier(tmp_path / "bundle", config, labelled=labelled)
    assert trained.split is not None
    assert trained.split.counts == {"train": 2, "validation": 1, "test": 0}
    assert trained.bundle.facts.split_sha256 == trained.split.sha256
    assert "patient" not in trained.bundle.stored.description_bytes.decode()


def test_a_network_learns_what_it_is_shown(tmp_path: Path, labelled: Path) -> None:
    config = dataclasses.replace(
        SMALL,
        synthetic_share=0.0,
        views=False,
        learned_weights=False,
        validation=0.34,
        augment=AugmentConfig(chance=0.0),
        loop=dataclasses.replace(LOOP, steps=16, validate_every=0, schedule=ScheduleConfig(name="constant", peak=4e-3)),
    )
    curve = train_quantifier(tmp_path / "bundle", config, labelled=labelled).result.curves.losses
    # it falls to 4.3 from 11.1; a network that learned nothing would stay
    assert np.mean(curve[-4:]) < 0.6 * np.mean(curve[:4])


def test_a_split_that_does_not_fit_is_refused(tmp_path: Path, labelled: Path) -> None:
    with pytest.raises(InputError, match="found 1 other"):
        train_quantifier(tmp_path / "x", SMALL, labelled=labelled, split=Split(("patient0",), ("patient9",)))
    with pytest.raises(InputError, match="leaves a subject to judge"):
        train_quantifier(tmp_path / "x", SMALL, labelled=labelled, split=Split(("patient0",)))
    (tmp_path / "one").mkdir()
    write_lvquan(tmp_path / "one" / "patient.mat", seed=0)
    with pytest.raises(InputError, match="at least two subjects"):
        train_quantifier(tmp_path / "x", SMALL, labelled=tmp_path / "one")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": 0}, {"synthetic_share": 2.0}, {"beyond_share": -1.0}, {"validation": 1.0},
        {"left_out": ("segmentation",)}, {"synthetic": CineConfig(slices=2)},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainConfig(**wrong)


def test_settings_name_the_tasks_of_the_loss() -> None:
    assert TASK_NAMES == TASKS


def test_a_training_goes_on_from_a_stored_network_whose_segmentation_stays(tmp_path: Path) -> None:
    first = train_quantifier(tmp_path / "first", SMALL)
    config = dataclasses.replace(SMALL, frozen=True, seed=1)
    second = train_quantifier(tmp_path / "second", config, start=tmp_path / "first")
    assert first.bundle.sha256[:12] in second.bundle.facts.data_source
    before, after = (one.result.network.network.state_dict() for one in (first, second))
    changed = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"over_beat"}


@pytest.mark.parametrize("pool", [0, 3])
def test_an_adversarial_training_on_kept_slices_resumes_to_the_same_weights(tmp_path: Path, pool: int) -> None:
    """Slices that are drawn once, and a discriminator that learns beside the network: nothing of them is forgotten."""
    train_quantifier(tmp_path / "first", SMALL)
    config = dataclasses.replace(
        SMALL, frozen=True, pool=pool, adversarial=0.2, loop=dataclasses.replace(LOOP, checkpoint_seconds=0.0)
    )
    whole = train_quantifier(tmp_path / "whole", config, start=tmp_path / "first")

    def killed(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    options = {"start": tmp_path / "first", "checkpoint": tmp_path / "at"}
    with pytest.raises(KeyboardInterrupt):
        train_quantifier(tmp_path / "part", config, **options, on_step=killed)
    resumed = train_quantifier(tmp_path / "part", config, **options)
    assert resumed.bundle.stored.weights_bytes == whole.bundle.stored.weights_bytes
    without = dataclasses.replace(config, adversarial=0.0)
    other = train_quantifier(tmp_path / "without", without, start=tmp_path / "first")
    assert other.bundle.stored.weights_bytes != whole.bundle.stored.weights_bytes
    # the discriminator serves the training and is no part of the network
    assert not any("discriminator" in name for name in whole.bundle.network(ARCHITECTURE, build_cine_net).state_dict())


def test_slices_are_kept_only_where_the_segmentation_stays(tmp_path: Path, labelled: Path) -> None:
    with pytest.raises(ConfigError, match="pool"):
        dataclasses.replace(SMALL, pool=3)
    with pytest.raises(ConfigError, match="adversarial"):
        dataclasses.replace(SMALL, adversarial=-1.0)
    config = dataclasses.replace(SMALL, pool=3, frozen=True)
    with pytest.raises(ConfigError, match="0 where labelled cines are given"):
        train_quantifier(tmp_path / "x", config, labelled=labelled, start=tmp_path)


def test_heads_of_another_form_take_the_segmentation_alone(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        former = CineNet(dataclasses.replace(SIZES["tiny"], head="pooled"))
    first = train_quantifier(tmp_path / "first", SMALL)
    save_bundle(tmp_path / "former", former, dataclasses.replace(first.bundle.facts, spec=as_mapping(former.spec)))
    config = dataclasses.replace(SMALL, frozen=True)
    second = train_quantifier(tmp_path / "second", config, start=tmp_path / "former").result.network.network
    assert isinstance(second.over_beat, OutlineHead)
    for name, value in former.segmenter.state_dict().items():
        torch.testing.assert_close(second.segmenter.state_dict()[name], value)


def test_nothing_to_start_from_and_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="frozen"):
        train_quantifier(tmp_path / "none", dataclasses.replace(SMALL, frozen=True))
    train_quantifier(tmp_path / "tiny", SMALL)
    other = dataclasses.replace(SMALL, size="small")
    with pytest.raises(InputError, match="another size"):
        train_quantifier(tmp_path / "small", other, start=tmp_path / "tiny")


def test_indices_do_not_move_the_segmentation() -> None:
    network = CineNet(SIZES["tiny"])
    network(torch.rand(1, 4, 32, 32), torch.tensor([[1.5, 1.5]])).areas_mm2.sum().backward()
    assert all(one.grad is None for one in network.segmenter.parameters())
    assert any(one.grad is not None for one in network.over_beat.parameters())
