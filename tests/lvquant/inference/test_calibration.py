"""Intervals are fitted on synthetic hearts, kept in the bundle, and used by whoever reads it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.cine import Cine
from cardioscar.learning.bundle import read_bundle, save_bundle
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.lvquant.inference import calibration
from cardioscar.lvquant.inference.calibration import TrueHeart, calibrate_bundle, fit_intervals, held_out_heart
from cardioscar.lvquant.inference.intervals import Calibration, Quantity
from cardioscar.lvquant.inference.quantifier import Quantifier, read_quantifier
from cardioscar.lvquant.train import train_quantifier
from cardioscar.lvquant.training.config import WATCHED, TrainConfig
from cardioscar.synthesis.cine.settings import CineConfig

LOOP = LoopConfig(steps=1, watch=WATCHED, device="cpu")
SMALL = TrainConfig(
    size="tiny", batch=1, validation_slices=1, loop=LOOP,
    synthetic=CineConfig(pixels=(32, 32), frames=4, pixel_mm=(3.5, 4.0)),
)  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network") / "bundle"
    train_quantifier(folder, SMALL)
    return folder


class Measuring:
    """Stands for `quantify`: the truth of each heart with the error that is told, in ml."""

    def __init__(self, hearts: list[TrueHeart], errors: list[float], deviation: float = 0.0) -> None:
        self.hearts, self.errors, self.deviation = hearts, errors, deviation

    def __call__(self, _: object, cine: Cine, **__: object) -> SimpleNamespace:
        [number] = [n for n, one in enumerate(self.hearts) if one.cine is cine]
        edv = self.hearts[number].truth["lv_edv_ml"] + self.errors[number]
        found = {"lv_edv_ml": Quantity(edv, edv, edv, self.deviation)} if np.isfinite(edv) else {}
        return SimpleNamespace(result=SimpleNamespace(quantities=found))


def hearts(count: int) -> list[TrueHeart]:
    return [TrueHeart(Cine(np.zeros((2, 2, 1, 2)), np.eye(4)), {"lv_edv_ml": 100.0 + n}) for n in range(count)]


def test_a_term_holds_nine_in_ten_hearts(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, errors = hearts(19), [float(n) for n in range(19)]
    monkeypatch.setattr(calibration, "quantify", Measuring(drawn, errors))
    told: list[tuple[int, int]] = []
    fitted, mae = fit_intervals(Quantifier(None), drawn, on_heart=lambda *n: told.append(n))  # type: ignore[arg-type]
    assert fitted == Calibration({"lv_edv_ml": 17.0}, 19)  # the 18th of 19 errors: 0.9 · 20
    assert mae == {"lv_edv_ml": 9.0}
    assert told[-1] == (19, 19)


def test_what_the_networks_spread_says_is_not_added_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = hearts(9)
    monkeypatch.setattr(calibration, "quantify", Measuring(drawn, [3.0] * 9, deviation=3.0))
    assert fit_intervals(Quantifier(None), drawn)[0].terms == {"lv_edv_ml": 0.0}  # type: ignore[arg-type]


def test_hearts_that_are_not_found_count_for_nothing_and_few_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = hearts(11)
    monkeypatch.setattr(calibration, "quantify", Measuring(drawn, [2.0] * 9 + [np.nan] * 2))
    assert fit_intervals(Quantifier(None), drawn)[0].subjects == 9  # type: ignore[arg-type]
    monkeypatch.setattr(calibration, "quantify", Measuring(drawn, [2.0] * 8 + [np.nan] * 3))
    with pytest.raises(InputError, match="at least 9 hearts whose volumes are found"):
        fit_intervals(Quantifier(None), drawn)  # type: ignore[arg-type]


def test_terms_are_kept_in_the_bundle_and_used(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_quantifier(bundle, device="cpu")
    assert before.calibration == Calibration()
    copy = tmp_path / "bundle"
    save_bundle(copy, before.network, read_bundle(bundle).facts)  # type: ignore[arg-type]
    monkeypatch.setattr(calibration, "held_out_heart", lambda _, number: drawn[number])
    drawn = hearts(9)
    monkeypatch.setattr(calibration, "quantify", Measuring(drawn, [4.0] * 9))
    stored, fitted = calibrate_bundle(copy, SMALL, 9)
    after = read_quantifier(copy, device="cpu")
    assert after.calibration == fitted == Calibration({"lv_edv_ml": 4.0}, 9)
    assert stored.facts.eval_metrics["stack_error_lv_edv_ml"] == 4.0
    assert (after.sha256 == stored.sha256) and after.sha256 != before.sha256  # noqa: PT018
    assert stored.stored.weights_bytes == read_bundle(bundle).stored.weights_bytes
    # fitted again on others it has their terms alone
    monkeypatch.setattr(calibration, "quantify", Measuring(drawn, [1.0] * 9))
    assert calibrate_bundle(copy, SMALL, 9)[0].facts.eval_metrics["interval_lv_edv_ml"] == 1.0


def test_terms_that_cannot_be_are_refused(bundle: Path, tmp_path: Path) -> None:
    stored = read_bundle(bundle)
    network = read_quantifier(bundle, device="cpu").network
    figures = {"interval_lv_edv_ml": -1.0, "interval_subjects": 9}
    save_bundle(tmp_path / "x", network, dataclasses.replace(stored.facts, eval_metrics=figures))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="terms of intervals of at least 0"):
        read_quantifier(tmp_path / "x", device="cpu")


def test_hearts_that_calibrate_are_whole_and_their_own() -> None:
    config = dataclasses.replace(SMALL, synthetic=CineConfig(pixels=(48, 48), frames=4, pixel_mm=(2.8, 3.0)))
    one, again, other = held_out_heart(config, 0), held_out_heart(config, 0), held_out_heart(config, 1)
    np.testing.assert_array_equal(one.cine.values, again.cine.values)
    assert one.truth != other.truth
    assert one.cine.slices == 11
    assert one.truth["lv_sv_ml"] == pytest.approx(one.truth["lv_edv_ml"] - one.truth["lv_esv_ml"])
    assert 20 < one.truth["lv_edv_ml"] < 500


def test_the_whole_chain_runs_on_a_network_that_finds_nothing(bundle: Path) -> None:
    with pytest.raises(InputError, match="calibration: expected"):
        calibrate_bundle(bundle, SMALL, 2)
    assert read_quantifier(bundle, device="cpu").calibration == Calibration()
