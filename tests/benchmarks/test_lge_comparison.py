"""The comparison draws once, trains what it can pay for and goes on where it was stopped; its tables hold all of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import lge_comparison, lge_scores
from benchmarks.lge_stream import Stream, draw_stream
from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.training.batches import TRAINING, synthetic_example
from cardioscar.synthesis.lge.settings import LgeConfig
from tests.lge.inference.stand_in import heart, stack

GRID = LgeConfig(pixels=(32, 32), pixel_mm=(4.0, 5.0), samples=1)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    folder = tmp_path_factory.mktemp("stream")
    return Stream(folder, 6, 4, draw_stream(folder, 6, GRID, seed=0))


def test_the_stream_is_what_the_generator_draws_turned_and_every_slice_comes_once_a_round(drawn: Stream) -> None:
    images = np.load(drawn.folder / "images.npy")
    for number in range(6):
        example = synthetic_example(TRAINING, 0, number, GRID, neighbours=False)
        np.testing.assert_allclose(images[number], example.image, atol=2e-3)  # half precision of numbers up to 4
    met = [drawn(number) for number in range(3)]
    keys = [tuple(np.sort(image, axis=None)[:200]) for one in met for image in one.images]
    assert len(set(keys[:6])) == 6
    assert set(keys[6:]) == set(keys[:6])
    np.testing.assert_array_equal(drawn(1).images, met[1].images)


def test_labels_are_turned_with_their_image(drawn: Stream) -> None:
    images, labels = np.load(drawn.folder / "images.npy"), np.load(drawn.folder / "labels.npy")
    pairs = list(zip(images[:, 0].astype(np.float32), labels, strict=True))

    def turned(plane: np.ndarray) -> list[np.ndarray]:
        turns = [np.rot90(plane, quarter) for quarter in range(4)]
        return turns + [one[:, ::-1] for one in turns]

    batch = drawn(0)
    for image, label in zip(batch.images[:, 0], batch.labels, strict=True):
        assert any(
            np.array_equal(image, a) and np.array_equal(label, b)
            for straight, own in pairs
            for a, b in zip(turned(straight), turned(own), strict=True)
        )


def test_a_drawing_that_was_killed_goes_on_and_another_is_refused(drawn: Stream, tmp_path: Path) -> None:
    draw_stream(tmp_path, 6, GRID, seed=0)
    note = tmp_path / "drawn.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"done": 2}))
    half = np.lib.format.open_memmap(tmp_path / "images.npy", mode="r+")
    half[2:] = 0
    half.flush()
    assert draw_stream(tmp_path, 6, GRID, seed=0) == drawn.sha256
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), np.load(drawn.folder / "images.npy"))
    with pytest.raises(ValueError, match="other slices"):
        draw_stream(tmp_path, 6, GRID, seed=1)


def test_noise_grows_with_its_level_and_blur_takes_edges() -> None:
    image = stack(heart((64, 64, 3), center=(30.0, 30.0)), seed=1)
    pictures = lge_scores.pictures_of(image, 0)
    assert pictures["clean"] is image
    added = [float(np.std(pictures[lge_scores.noisy(one)].values - image.values)) for one in lge_scores.NOISE]
    assert added == sorted(added)
    assert added[1] == pytest.approx(2 * added[0], rel=1e-3)
    edges = {name: float(np.abs(np.diff(one.values, axis=0)).mean()) for name, one in pictures.items()}
    assert edges["blur 1.5 mm"] < edges["clean"]


def test_rules_in_the_true_wall_are_scored_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = heart((64, 64, 3), center=(30.0, 30.0), scar=0.4)
    image = stack(truth, seed=1)
    monkeypatch.setattr(lge_scores, "unseen", lambda subjects: iter([(image, truth)] * subjects))
    rows = lge_scores.scores_of({}, 1, InferConfig(views=1), tmp_path)
    assert {lge_scores.method_of(row) for row in rows} == {"fwhm in the true wall", "nsd in the true wall"}
    clean = [row for row in rows if row["picture"] == "clean"]
    assert all(row["dice_wall"] == row["dice_cavity"] == 1.0 for row in clean)
    assert max(row["dice_scar"] for row in clean) > 0.8
    assert clean[0]["true_ml"] == pytest.approx((truth == Label.SCAR).sum() * image.voxel_ml)
    [path] = tmp_path.iterdir()
    kept = json.loads(path.read_text())
    kept[0]["dice_scar"] = 0.123
    path.write_text(json.dumps(kept))
    assert lge_scores.scores_of({}, 1, InferConfig(views=1), tmp_path)[0]["dice_scar"] == 0.123
    [shown] = [row for row in lge_scores.summary_rows(rows, ["clean"]) if row["method"].startswith("fwhm")]
    fwhm = next(row for row in clean if row["method"] == "fwhm")
    assert shown["Dice scar"].startswith(f"{fwhm['dice_scar']:.2f} (")
    assert shown["found − true, ml"].startswith(f"{fwhm['found_ml'] - fwhm['true_ml']:.1f} (")


def test_where_no_heart_is_found_nothing_is() -> None:
    truth = heart((64, 64, 3), center=(30.0, 30.0), scar=0.4)
    empty = lge_scores._measured(truth, np.zeros_like(truth), np.array([1.5, 1.5, 8.0]))
    assert (empty["dice_scar"], empty["hd95_scar_mm"], empty["found_ml"]) == (0.0, None, 0.0)
    assert lge_scores.spread_text([float("nan")], 1) == "–"


@pytest.mark.slow
def test_one_command_trains_scores_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    truth = heart((64, 64, 3), center=(30.0, 30.0), scar=0.4)
    image = Volume(stack(truth, seed=1).values, stack(truth, seed=1).affine)
    monkeypatch.setattr(lge_scores, "unseen", lambda subjects: iter([(image, truth)] * subjects))
    monkeypatch.setattr(lge_scores, "NOISE", (0.1, 0.2))
    monkeypatch.setattr(lge_scores, "BLUR_MM", (1.5,))
    monkeypatch.setattr(lge_comparison, "NOISE", (0.1, 0.2))
    configured = lge_comparison.Plan.config
    monkeypatch.setattr(
        lge_comparison.Plan, "config",
        lambda plan, architecture, steps: replace(configured(plan, architecture, steps), synthetic=GRID),
    )  # fmt: skip
    words = [
        str(tmp_path), "--seconds", "0.001", "--slices", "8", "--batch", "2", "--validation-slices", "2",
        "--subjects", "1", "--views", "1", "--parts", "4",
    ]  # fmt: skip
    assert lge_comparison.main([*words, "--only", "unet"]) == 0
    assert [one.name for one in (tmp_path / "networks").glob("*.json")] == ["unet.json"]
    assert lge_comparison.main(words) == 0
    shown = capsys.readouterr().out
    names = {"scar_net", "unet", "residual_encoder", "residual_encoder on 1/4"}
    facts = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "networks").glob("*.json")}
    assert {one["architecture"] for one in facts.values()} == {"scar_net", "unet", "residual_encoder"}
    assert len(facts) == 4
    rows = json.loads((tmp_path / "scores.json").read_text())
    assert {row["network"] for row in rows} == {"the true wall", *names}
    assert {row["picture"] for row in rows} == {"clean", "noise 0.1", "noise 0.2", "blur 1.5 mm"}
    assert "nsd in the wall of scar_net" in shown
    assert "fwhm in the true wall" in shown
    for name in ("methods", "noise", "training_set"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").rglob("*")}
    assert lge_comparison.main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").rglob("*")} == before
    assert capsys.readouterr().out == shown
