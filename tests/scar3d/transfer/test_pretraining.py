"""One network is learned from many hearts, and a fit starts from it; named blocks stay as they were."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from cardioscar.errors import ConfigError, InputError
from cardioscar.scar3d.field.batched_fit import fit_fields
from cardioscar.scar3d.field.field_stack import prepare
from cardioscar.scar3d.field.fit import FitResult, fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.plan import plan_fit
from cardioscar.scar3d.field.pretrained import PretrainedField
from cardioscar.scar3d.observation.observations import Observations
from cardioscar.scar3d.transfer import pretraining as transfer
from cardioscar.scar3d.transfer.config import TransferConfig
from cardioscar.scar3d.transfer.pretraining import pretrain
from cardioscar.scar3d.transfer.stored_pretrained import DESCRIPTION, WEIGHTS, read_pretrained, save_pretrained
from tests.scar3d.placed_hearts import heart

METHODS = ("fourier", "reference")
BLOCKS = {
    "fourier": ("hidden.0", "hidden.1", "head"),
    "reference": ("hidden.0", "hidden.1", "hidden.2", "hidden.3", "head"),
}
CASES = [(method, block) for method in METHODS for block in BLOCKS[method]]
HEARTS = [heart(seed, size=0.9 + 0.05 * seed) for seed in range(1, 6)]
NEW = heart(9, size=1.1, shift_mm=30.0)


def settings(kind: str, *freeze: str, **changes: object) -> FitConfig:
    quick = FitConfig(method=kind, steps=8, max_epochs=4, device="cpu", start_from="a network", freeze=freeze)  # type: ignore[arg-type]
    return dataclasses.replace(quick, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def priors() -> dict[str, PretrainedField]:
    return {
        method: pretrain(HEARTS, TransferConfig(method=method, steps=60, device="cpu")).network  # type: ignore[arg-type]
        for method in METHODS
    }


def weights(result: FitResult) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in result.field.named_parameters()}


@pytest.mark.parametrize(("method", "block"), CASES)
@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
def test_exactly_the_frozen_block_is_bit_equal_after_the_fit(
    method: str, block: str, together: bool, priors: dict[str, PretrainedField]
) -> None:
    config, prior = settings(method, block), priors[method]
    if together:
        results = fit_fields([prepare(one, config, prior) for one in (NEW, HEARTS[0])], config)
    else:
        results = [fit_field(NEW, config, pretrained=prior)]
    for result in results:
        for name, after in weights(result).items():
            equal = torch.equal(after, prior.weights[name])
            assert equal == name.startswith(f"{block}."), name


def test_several_blocks_may_stay_and_the_encoding_always_does(priors: dict[str, PretrainedField]) -> None:
    result = fit_field(NEW, settings("fourier", "encoding", "hidden.0", "head"), pretrained=priors["fourier"])
    moved = {name for name, after in weights(result).items() if not torch.equal(after, priors["fourier"].weights[name])}
    assert moved == {"hidden.1.weight", "hidden.1.bias"}
    assert torch.equal(result.field.state_dict()["encoding.omega"], priors["fourier"].weights["encoding.omega"])


@pytest.mark.parametrize("method", METHODS)
def test_subjects_fitted_together_get_what_each_gets_alone(method: str, priors: dict[str, PretrainedField]) -> None:
    config, prior = settings(method, "hidden.0"), priors[method]
    hearts = (NEW, HEARTS[0])
    together = fit_fields([prepare(one, config, prior) for one in hearts], config, dtype=torch.float64)
    for one, result in zip(hearts, together, strict=True):
        alone = fit_field(one, config, pretrained=prior, dtype=torch.float64)
        np.testing.assert_allclose(result.losses, alone.losses, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_starts_from_what_the_hearts_have_in_common(method: str, priors: dict[str, PretrainedField]) -> None:
    with_prior = fit_field(NEW, settings(method), pretrained=priors[method])
    without = fit_field(NEW, settings(method, start_from=""))
    # the scar of the new heart lies where that of the others does: the mean map explains most of it
    assert with_prior.losses[0] < 0.6 * without.losses[0]
    assert with_prior.losses.min() < without.losses.min()


def test_the_start_is_the_prior_at_the_places_of_the_common_frame(priors: dict[str, PretrainedField]) -> None:
    prior = priors["fourier"]
    ours, theirs = heart(1), heart(1, size=1.4, shift_mm=-55.0)
    logits = []
    for one in (ours, theirs):
        field = plan_fit(one, settings("fourier"), prior).first_field(0)
        with torch.no_grad():
            logits.append(field(field.encode(torch.as_tensor(one.nodes_mm, dtype=torch.float32))))
    torch.testing.assert_close(logits[0], logits[1], atol=2e-3, rtol=0)


def test_pretraining_is_reproducible_and_its_seed_matters() -> None:
    short = TransferConfig(steps=6, device="cpu")
    one, same = pretrain(HEARTS[:2], short), pretrain(iter(HEARTS[:2]), short)
    other = pretrain(HEARTS[:2], dataclasses.replace(short, seed=1))
    assert one.losses.tolist() == same.losses.tolist() != other.losses.tolist()
    assert all(torch.equal(value, same.network.weights[name]) for name, value in one.network.weights.items())


def test_pretraining_lowers_the_loss_of_hearts_and_knows_none_of_them_is_an_error() -> None:
    losses = pretrain(HEARTS, TransferConfig(steps=60, device="cpu")).losses
    assert losses[-10:].mean() < 0.5 * losses[:5].mean()
    with pytest.raises(InputError, match="hearts: expected at least one to learn from"):
        pretrain([], TransferConfig(steps=1))
    with pytest.raises(InputError, match="learning_rate: expected a training that stays finite"):
        pretrain(HEARTS[:1], TransferConfig(steps=20, learning_rate=1e30, device="cpu"))
    with pytest.raises(
        InputError, match="learning_rate: expected a network that learns, found one whose units are all"
    ):
        pretrain(HEARTS[:1], TransferConfig(method="reference", steps=30, learning_rate=1e-2, device="cpu"))


def test_a_heart_of_many_groups_enters_a_step_as_a_whole() -> None:
    one = heart(1)
    assert one.slice_number is not None
    tiles, nodes = 12, len(one.nodes_mm)
    large = Observations(
        np.tile(one.nodes_mm, (tiles, 1)),
        np.concatenate([[0], *(one.group_offsets[1:] + nodes * tile for tile in range(tiles))]),
        np.tile(one.targets, tiles),
        np.tile(one.pixels, tiles),
        np.array([0, tiles * len(one.targets)]),
        np.tile(one.slice_number, tiles),
    )
    config = TransferConfig(steps=2, device="cpu")
    fit_config = dataclasses.replace(config.fit_config(), step_nodes=500)
    assert len(plan_fit(large, fit_config).batches) > 1
    kept = transfer._kept(large, config, torch.device("cpu"))
    assert len(kept.targets) > 0.9 * np.count_nonzero(large.targets)
    assert float(kept.weights.sum()) == pytest.approx(1.0)
    assert np.isfinite(pretrain([large], config).losses).all()


def test_a_resumed_fit_with_a_frozen_block_gives_the_same_field(
    priors: dict[str, PretrainedField], tmp_path: Path
) -> None:
    config = settings("fourier", "hidden.0", checkpoint_seconds=0.0)
    whole = fit_field(NEW, config, pretrained=priors["fourier"])

    def die(epoch: int, _: int) -> None:
        if epoch == 5:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit_field(NEW, config, pretrained=priors["fourier"], checkpoint=path, identity="a", on_epoch=die)
    resumed = fit_field(NEW, config, pretrained=priors["fourier"], checkpoint=path, identity="a")
    assert resumed.losses.tolist() == whole.losses.tolist()
    assert all(torch.equal(weights(resumed)[name], value) for name, value in weights(whole).items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"freeze": ("hidden.2",)},
            "freeze: expected blocks among encoding, hidden.0, hidden.1, head, found 'hidden.2'",
        ),
        ({"freeze": ("Head",)}, "freeze: expected blocks among encoding, hidden.0, hidden.1, head, found 'Head'"),
        (
            {"method": "reference", "freeze": ("hidden.4",)},
            "among encoding, hidden.0, hidden.1, hidden.2, hidden.3, head, found 'hidden.4'",
        ),
        (
            {"freeze": ("head",), "start_from": ""},
            "freeze: expected a pretrained network whose blocks to keep, found none",
        ),
        ({"freeze": ("head", "hidden.1", "hidden.0")}, "freeze: expected at least one block left to fit, found all"),
    ],
)
def test_blocks_that_cannot_be_frozen_are_refused_by_name(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings("fourier", **changes)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": 32}, "start_from: expected a network with the fit's hidden 32, found hidden 64"),
        (
            {"length_scale_mm": 10.0},
            "start_from: expected a network with the fit's length_scale_mm 10, found length_scale_mm 16",
        ),
        (
            {"method": "reference"},
            "start_from: expected a network of the fit's method reference, found one of method fourier",
        ),
    ],
)
def test_a_prior_of_another_architecture_is_refused_by_name(
    changes: dict[str, object], message: str, priors: dict[str, PretrainedField]
) -> None:
    with pytest.raises(ConfigError) as refused:
        fit_field(NEW, settings("fourier", **changes), pretrained=priors["fourier"])
    assert str(refused.value).startswith(message)


def test_a_prior_that_is_named_and_not_given_is_no_fit_without_one(priors: dict[str, PretrainedField]) -> None:
    with pytest.raises(ConfigError, match="start_from: expected a network that was loaded"):
        fit_field(NEW, settings("fourier"))
    blind = Observations(**{**NEW.__dict__, "slice_number": None})
    with pytest.raises(ConfigError, match="observations that know their slices"):
        fit_field(blind, settings("fourier"), pretrained=priors["fourier"])


def test_a_prior_survives_the_disk(priors: dict[str, PretrainedField], tmp_path: Path) -> None:
    prior = priors["fourier"]
    stored = save_pretrained(tmp_path, prior, {"hearts": {"count": 5}})
    again = read_pretrained(tmp_path)
    assert again.sha256 == stored.sha256
    loaded = again.load()
    assert (loaded.spec, loaded.sha256) == (prior.spec, stored.sha256)
    assert loaded.weights.keys() == prior.weights.keys()
    assert all(torch.equal(value, prior.weights[name]) for name, value in loaded.weights.items())
    other = save_pretrained(
        tmp_path, dataclasses.replace(prior, weights={k: v + 1 for k, v in prior.weights.items()}), {}
    )
    assert other.sha256 != stored.sha256


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / WEIGHTS).unlink(),
            "pretrained network: field.safetensors: expected a network that train-prior",
        ),
        (lambda folder: (folder / DESCRIPTION).write_text("{"), "pretrained network: field.json: expected JSON"),
        (
            lambda folder: (folder / DESCRIPTION).write_text("[]"),
            "pretrained network: field.json: expected a network that train-prior",
        ),
        (
            lambda folder: (folder / DESCRIPTION).write_text('{"format": 1}'),
            "pretrained network: field.json: expected a network that train-prior field wrote, "
            "found one subject's field",
        ),
        (
            lambda folder: (folder / WEIGHTS).write_bytes(b"torn"),
            "pretrained network: field.safetensors: expected the weights that field.json describes, "
            "found another sha256",
        ),
    ],
)
def test_a_damaged_prior_is_refused(damage, message: str, priors: dict[str, PretrainedField], tmp_path: Path) -> None:
    save_pretrained(tmp_path, priors["fourier"], {})
    damage(tmp_path)
    with pytest.raises(InputError) as refused:
        read_pretrained(tmp_path)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda w: {k: v for k, v in w.items() if k != "head.bias"},
            "the weights of the architecture, found otherwise: head.bias",
        ),
        (lambda w: {**w, "extra": torch.zeros(1)}, "the weights of the architecture, found otherwise: 1 more"),
        (lambda w: {**w, "head.bias": torch.full((1,), torch.nan)}, "expected finite weights, found others: head.bias"),
    ],
)
def test_weights_that_are_not_the_networks_are_refused(
    change, message: str, priors: dict[str, PretrainedField], tmp_path: Path
) -> None:
    prior = priors["fourier"]
    save_pretrained(tmp_path, dataclasses.replace(prior, weights=change(prior.weights)), {})
    with pytest.raises(InputError) as refused:
        read_pretrained(tmp_path).load()
    assert message in str(refused.value)
