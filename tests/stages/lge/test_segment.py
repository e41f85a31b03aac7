"""The stage `segment` over a cohort: what it writes, says and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.volume_files import read_labels, read_volume, write_volume
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.volume import Volume
from cardioscar.learning.bundle import DESCRIPTION, WEIGHTS
from cardioscar.lge.result import read_metrics
from cardioscar.metrics.overlap import dice
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.services.tracking.trained_models import TrainedModel, record_trained_model
from cardioscar.shard.status import Status
from cardioscar.stages.lge import segment
from cardioscar.stages.lge.subject_record import conclude
from cardioscar.stages.lge.workflow import SEGMENT
from cardioscar.stages.recording import Recording
from cardioscar.stages.run.cohort import run_cohort
from tests.imaging.formats.image_bytes import dicom
from tests.lge.inference.stand_in import OBLIQUE, heart, stack
from tests.lge.tiny_network import write_subject

FAST = {"views": 2, "figures": False, "device": "cpu", "intervals": {"draws": 40}}


def run(cohort: Path, out: Path, network: Path, *subjects: str, **options: object) -> list[Status]:
    return segment.run(cohort, subjects, out, {"network": str(network), **FAST, **options})


def overlap(truth: np.ndarray, found: np.ndarray, labels: tuple[int, ...]) -> float:
    return dice(np.isin(truth, labels).ravel(), np.isin(found, labels).ravel())


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory, tiny_network: Path) -> tuple[Path, Path, np.ndarray]:
    """A cohort of one, its artifact, and the truth."""
    folder = tmp_path_factory.mktemp("segmented")
    truth = write_subject(folder / "cohort" / "P001", seed=3, labels=True)
    results = Recording(str(folder / "results"), run_id="run-1")
    options = {"network": str(tiny_network), **FAST, "figures": True}
    [row] = segment.run(folder / "cohort", ["P001"], folder / "out", options, results)
    assert (row.outcome, row.error) == ("ok", None)
    return folder, folder / "out" / "P001", truth


def test_labels_and_probability_lie_in_the_images_own_frame(segmented: tuple[Path, Path, np.ndarray]) -> None:
    folder, out, truth = segmented
    image = read_volume(folder / "cohort" / "P001" / "lge.nii.gz")
    labels, probability = read_labels(out / "labels.nii.gz"), read_volume(out / "scar_probability.nii.gz")
    for one in (labels, probability):
        assert one.values.shape == image.values.shape
        np.testing.assert_allclose(one.affine, image.affine, atol=1e-4)
    assert overlap(truth, labels.values, WALL) > 0.9
    assert overlap(truth, labels.values, (Label.BLOOD_POOL,)) > 0.9
    assert overlap(truth, labels.values, (Label.SCAR,)) > 0.85
    assert probability.values[truth == Label.SCAR].mean() > 0.8
    assert 0 <= probability.values.min() <= probability.values.max() <= 1


def test_metrics_are_plain_numbers_that_agree_with_the_labels(segmented: tuple[Path, Path, np.ndarray]) -> None:
    _, out, _ = segmented
    said = json.loads((out / "metrics.json").read_text())
    labels = read_labels(out / "labels.nii.gz")
    scar_ml = float((labels.values == Label.SCAR).sum() * labels.voxel_ml)
    assert said["scar_ml"] == pytest.approx(scar_ml, rel=1e-4)
    assert said["scar_ml_low"] <= said["scar_ml"] <= said["scar_ml_high"]
    assert said["scar_fraction_of_wall"] == pytest.approx(said["scar_ml"] / said["wall_ml"], rel=1e-4)
    assert sum(one["scar_ml"] for one in said["slices"]) == pytest.approx(said["scar_ml"], rel=1e-3)
    assert said["thresholds"]["fwhm"]["scar_ml"] == pytest.approx(said["scar_ml"], rel=0.15)
    assert [one["rule"] for one in said["rules"]] == [
        "one_ring", "half_ring", "likely_ends", "scar_in_wall", "islands", "continuity",
    ]  # fmt: skip
    walls = sum(one["wall_ml"] for one in said["aha"].values())
    assert walls == pytest.approx(said["wall_ml"], rel=1e-3)
    # a quarter of the ring is transmural scar
    assert said["scar_fraction_of_wall"] == pytest.approx(0.25, abs=0.03)
    scarred = [one for one in said["aha"].values() if one["scar_fraction"] > 0.8]
    assert scarred
    assert all(one["transmurality_mean"] > 0.7 for one in scarred)
    assert said["reference"]["wall"]["dice"] > 0.9
    metrics = read_metrics(said)
    flat = conclude(said)
    assert flat.verdict == metrics.qc.verdict == "pass"
    assert flat.numbers["dice_scar"] == said["reference"]["scar"]["dice"]


def test_what_is_published_and_shown(segmented: tuple[Path, Path, np.ndarray]) -> None:
    folder, out, _ = segmented
    published = folder / "results" / "P001"
    names = {"labels.nii.gz", "scar_probability.nii.gz", "metrics.json", "report.html"}
    assert names <= {path.name for path in published.iterdir()}
    assert {path.name for path in (published / "figures").iterdir()} == {
        "slices.png", "bullseye.png", "scar_by_slice.png",
    }  # fmt: skip
    page = (out / "report.html").read_text()
    for words in ("of scar", "lge-test", "FWHM", "Beside the labels that came with the subject", "in the same wall"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_metrics_of_another_version_are_refused(segmented: tuple[Path, Path, np.ndarray]) -> None:
    said = json.loads((segmented[1] / "metrics.json").read_text())
    with pytest.raises(InputError, match="metrics.json: expected what this version of cardioscar writes"):
        read_metrics(said | {"more": 1})
    del said["qc"]
    with pytest.raises(InputError, match="keys are missing"):
        read_metrics(said)


def test_a_doubtful_slice_is_named_in_the_verdict(tmp_path: Path, tiny_network: Path) -> None:
    folder = tmp_path / "cohort" / "P001"
    truth = write_subject(folder, seed=4)
    image = read_volume(folder / "lge.nii.gz")
    ring = (truth[..., 2] > 0) & (np.arange(truth.shape[1]) < 40)
    image.values[..., 2] = np.where(ring, 300.0, image.values[..., 2])  # half of the heart is as grey as what is around
    write_volume(folder / "lge.nii.gz", image)
    [row] = run(tmp_path / "cohort", tmp_path / "out", tiny_network, "P001")
    said = json.loads((tmp_path / "out" / "P001" / "metrics.json").read_text())
    assert row.outcome == "ok"
    assert said["qc"]["verdict"] == "review"
    assert {reason.split(":")[0] for reason in said["qc"]["reasons"]} == {"slice 2"}
    assert [one["number"] for one in said["slices"] if one["reasons"]] == [2]


def nan(image: Volume) -> np.ndarray:
    image.values[3, 3, 1] = np.nan
    return image.values


def repeated(image: Volume) -> np.ndarray:
    image.values[..., 3] = image.values[..., 1]
    return image.values


def noise(image: Volume) -> np.ndarray:
    return np.random.default_rng(0).normal(size=image.values.shape).astype(np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nan, "finite voxel values"),
        (repeated, "lge.nii.gz: expected slices that differ, found identical pixels in slices 1 and 3"),
        (lambda image: np.zeros_like(image.values), "an image with contrast, found the constant 0"),
        (noise, "a left ventricle across its short axis in the field of view, found none that the network finds"),
        (lambda image: -image.values, "a left ventricle across its short axis in the field of view"),
    ],
    ids=["NaN", "repeated slices", "constant", "no heart", "inverted contrast"],
)
def test_a_bad_image_is_one_row_and_the_others_go_on(
    tmp_path: Path, tiny_network: Path, change: Callable[[Volume], np.ndarray], message: str
) -> None:
    for number, subject in enumerate(("P001", "P002")):
        write_subject(tmp_path / "cohort" / subject, seed=number)
    path = tmp_path / "cohort" / "P001" / "lge.nii.gz"
    image = read_volume(path)
    values = change(image)
    if np.isfinite(values).all():
        write_volume(path, Volume(values, image.affine))
    else:  # which the writer of this package refuses
        import SimpleITK

        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values.T), str(path))
    bad, good = run(tmp_path / "cohort", tmp_path / "out", tiny_network, "P001", "P002")
    assert (bad.outcome, good.outcome) == ("failed", "ok")
    assert bad.error is not None
    assert message in bad.error.message
    assert {path.name for path in (tmp_path / "out" / "P001").iterdir()} == {"status.json"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (lambda truth, affine: Volume(np.zeros_like(truth), affine), "pixels of the wall"),
        (lambda truth, affine: Volume(truth * 3, affine), "labels 0, 1, 2, 3 (table 'cardioscar'), found 6"),
        (lambda truth, affine: Volume(truth, affine + np.outer([0, 0, 1, 0], [0, 0, 0, 60.0])), "in the frame of lge"),
        (
            lambda truth, affine: Volume(truth[..., :3], affine @ np.diag([1, 1, 1.6, 1])),
            "lge.nii.gz: expected the grid of labels.nii.gz, or one",
        ),
    ],
    ids=["empty", "wrong values", "another frame", "another size"],
)
def test_a_bad_reference_is_left_out_and_said(tmp_path: Path, tiny_network: Path, reference, message: str) -> None:
    truth = write_subject(tmp_path / "cohort" / "P001", seed=1)
    image = read_volume(tmp_path / "cohort" / "P001" / "lge.nii.gz")
    write_volume(tmp_path / "cohort" / "P001" / "labels.nii.gz", reference(truth, image.affine))
    [row] = run(tmp_path / "cohort", tmp_path / "out", tiny_network, "P001")
    assert row.outcome == "ok"
    assert [text for text in row.warnings if message in text and text.startswith("nothing to compare with: ")]
    said = json.loads((tmp_path / "out" / "P001" / "metrics.json").read_text())
    assert said["reference"] is None
    assert said["scar_ml"] > 0
    assert conclude(said).verdict == "review"


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2], ids=["in this process", "in workers"])
def test_a_registered_network_comes_from_the_server_that_was_given(
    tmp_path: Path, tiny_network: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    pytest.importorskip("alembic")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    server = TrackingTarget(f"sqlite:///{tmp_path}/mlflow.db")
    files = {name: tiny_network / name for name in (DESCRIPTION, WEIGHTS)}
    record_trained_model(server, "tiny", TrainedModel(files, key="k", aliases=("champion",)))
    for seed, subject in enumerate(("P001", "P002")):
        write_subject(tmp_path / "cohort" / subject, seed=seed)
    options = {"segment": {**FAST, "network": "models:/tiny@champion"}}
    recording = Recording(tracking=server.uri)
    done = run_cohort(SEGMENT, tmp_path / "cohort", tmp_path / "out", options, jobs=jobs, recording=recording)
    assert [row.outcome for row in done.rows] == ["ok", "ok"]


def test_one_slice_is_segmented_and_8_and_16_bit_give_the_same(tmp_path: Path, tiny_network: Path) -> None:
    truth = heart((90, 84, 1), center=(50.0, 40.0))
    image = stack(truth, seed=5)
    low, high = image.values.min(), image.values.max()
    for subject, levels, kind in (("P008", 255, np.uint8), ("P016", 65535, np.uint16)):
        (tmp_path / "cohort" / subject).mkdir(parents=True)
        values = ((image.values - low) / (high - low) * levels).round().astype(kind)
        write_volume(tmp_path / "cohort" / subject / "lge.nii.gz", Volume(values, image.affine))
    rows = run(tmp_path / "cohort", tmp_path / "out", tiny_network, "P008", "P016")
    assert [row.outcome for row in rows] == ["ok", "ok"]
    found = [read_labels(tmp_path / "out" / row.subject / "labels.nii.gz").values for row in rows]
    assert overlap(truth, found[1], WALL) > 0.9
    assert (found[0] != found[1]).mean() < 0.002


def test_a_network_of_another_kind_is_refused_by_name(tmp_path: Path, tiny_network: Path) -> None:
    from dataclasses import replace

    from cardioscar.learning.bundle import read_bundle, save_bundle
    from cardioscar.lge.network.build import build
    from cardioscar.lge.network.specs import CLASSES

    bundle = read_bundle(tiny_network)
    network = bundle.network("unet", lambda numbers: build("unet", numbers))
    write_subject(tmp_path / "cohort" / "P001", seed=1)
    outputs = {"scores": replace(bundle.facts.outputs["scores"], channel_def={str(n): f"c{n}" for n in range(CLASSES)})}
    for name, facts, message in (
        ("other", replace(bundle.facts, architecture="cine_net"), "a network scar_net, unet, residual_encoder"),
        ("labels", replace(bundle.facts, outputs=outputs), "the labels background, wall, cavity, scar"),
    ):
        save_bundle(tmp_path / name, network, facts)
        [row] = run(tmp_path / "cohort", tmp_path / "out", tmp_path / name, "P001")
        assert row.outcome == "failed"
        assert row.error is not None
        assert message in row.error.message
    with pytest.raises(InputError, match="network: expected a folder"):
        run(tmp_path / "cohort", tmp_path / "out", tmp_path / "nowhere", "P001")


@pytest.fixture
def psir_folder(tmp_path: Path) -> Callable[..., np.ndarray]:
    """Writes phase-sensitive and magnitude images of each slice into a subject's folder; returns the truth."""

    def write(folder: Path, types: dict[str, float]) -> np.ndarray:
        truth = heart((90, 84, 4), center=(50.0, 40.0))
        image = stack(truth, seed=7)
        (folder / "lge").mkdir(parents=True)
        for number, (kind, sign) in enumerate(types.items()):
            for k in range(truth.shape[2]):
                values = image.values[..., k] if sign else np.abs(image.values[..., k] - 300) + 5
                content = dicom(
                    values.round().astype(int),
                    position=tuple(image.affine[:3, 3] + k * image.affine[:3, 2]),
                    orientation=(*OBLIQUE[:, 0], *OBLIQUE[:, 1]),
                    pixel_mm=(1.5, 1.5),
                    series=f"1.2.3.{number}",
                    frame="1.2.9.1",
                    image_type=rf"ORIGINAL\PRIMARY\{kind}",
                    patient="P-001",
                    more={(8, 0x18): ("UI", f"1.2.3.5.{number}.{k + 1}"), (0x20, 0x0D): ("UI", "1.2.9.2")},
                )
                (folder / "lge" / f"im{number}{k}.dcm").write_bytes(content)
        return truth

    return write


def test_of_phase_sensitive_and_magnitude_images_one_is_chosen_and_said(
    tmp_path: Path, tiny_network: Path, psir_folder: Callable[..., np.ndarray]
) -> None:
    pytest.importorskip("highdicom")
    truth = psir_folder(tmp_path / "cohort" / "P001", {"M": 0.0, "PSIR": 1.0})
    [row] = run(tmp_path / "cohort", tmp_path / "out", tiny_network, "P001")
    assert (row.outcome, row.error) == ("ok", None)
    said = json.loads((tmp_path / "out" / "P001" / "metrics.json").read_text())
    chosen = "phase-sensitive images of a folder that holds magnitude images of the same slices too"
    assert said["image"]["chosen"] == chosen
    assert chosen in (tmp_path / "out" / "P001" / "report.html").read_text()
    labels = read_labels(tmp_path / "out" / "P001" / "labels.nii.gz").values
    assert overlap(truth, labels, WALL) > 0.9
    assert said["dicom"] == "written"
    pydicom = pytest.importorskip("pydicom")
    stored = pydicom.dcmread(tmp_path / "out" / "P001" / "labels.dcm")
    names = [str(one.SegmentLabel) for one in stored.SegmentSequence]
    assert names == ["Living myocardium", "Left ventricular cavity", "Myocardial scar"]
    referred = {one.ReferencedSOPInstanceUID for one in stored.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert referred == {f"1.2.3.5.1.{k + 1}" for k in range(4)}


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"LOCALIZER": 1.0}, "lge: expected a short-axis stack of late enhancement, found a localiser"),
        ({"M": 1.0, "OTHER": 1.0}, "lge: expected one DICOM series, found 2"),
    ],
)
def test_a_localiser_and_series_that_nobody_can_tell_apart_are_refused(
    tmp_path: Path, tiny_network: Path, psir_folder: Callable[..., np.ndarray], types: dict[str, float], message: str
) -> None:
    psir_folder(tmp_path / "cohort" / "P001", types)
    [row] = run(tmp_path / "cohort", tmp_path / "out", tiny_network, "P001")
    assert row.error is not None
    assert message in row.error.message


def test_a_second_run_is_reused_and_loads_no_network(
    segmented: tuple[Path, Path, np.ndarray], tiny_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, _ = segmented
    monkeypatch.setattr("cardioscar.lge.inference.segmenter.of_bundle", None)
    seen: list[bool] = []
    options = {"network": str(tiny_network), **FAST, "figures": True}
    segment.run(folder / "cohort", ["P001"], folder / "out", options, on_done=lambda row, reused: seen.append(reused))
    assert seen == [True]
