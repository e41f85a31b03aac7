"""Strain and onsets of people, as far as public files show them; see the data's own pages for where they come from."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cardioscar.activation.formats.label_files import cine_strain
from cardioscar.cli import main

BIVME = ["--first-ms", "0", "--interval-ms", "36", "--septum", "-0.74", "-0.55", "0.4"]


@pytest.mark.real
def test_a_healthy_human_heart_shortens_as_healthy_hearts_do_and_is_not_late(data_dir, tmp_path):
    surfaces = str(data_dir / "bivme_patient1" / "vtk")
    assert main(["activation", "strain", surfaces, "-o", str(tmp_path), *BIVME]) == 0
    with np.load(tmp_path / "strain.npz") as stored:
        assert stored["strain"].shape == (3, 126, 25)
        peaks = stored["strain"].mean(axis=1).min(axis=-1)
        times = stored["frame_ms"][stored["strain"].mean(axis=1).argmin(axis=-1)]
    # endocardium of healthy hearts: around −0.22 to −0.34 as Lagrangian strain by feature tracking
    assert ((peaks > -0.32) & (peaks < -0.18)).all()
    assert ((times > 250) & (times < 450)).all()
    assert main(["activation", "predict", str(tmp_path / "strain.npz"), "-o", str(tmp_path), "--no-figures"]) == 0
    with (tmp_path / "tos.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    tos_ms = np.array([float(row["tos_ms"]) for row in rows])
    # without block all of the wall begins within some frames of 36 ms after the R wave
    assert 10 < np.median(tos_ms) < 70
    assert np.mean([row["class"] == "late" for row in rows]) < 0.1
    assert np.mean([row["class"] == "scarred" for row in rows]) < 0.1


@pytest.mark.real
def test_a_failing_human_heart_by_the_contours_of_its_cine(data_dir):
    from cardioscar.imaging.formats.cine_files import read_cine
    from cardioscar.lvquant.inference.quantifier import of_bundle
    from cardioscar.lvquant.inference.quantify import quantify
    from cardioscar.lvquant.network.views import UPRIGHT
    from cardioscar.lvquant.sectors import septum_frame
    from cardioscar.stages.networks import bundle_at

    if not (Path(main.__code__.co_filename).parent / "lvquant" / "weights").is_dir():
        pytest.skip("no network of cines ships")
    cine = read_cine(data_dir / "sunnybrook2009_cine" / "SCD0000101" / "cine_sax_crop128.nii.gz")
    quantifier = of_bundle(bundle_at("shipped", "lvquant"), device="cpu")
    found = quantify(quantifier, cine, septum=septum_frame(cine.grid), views=UPRIGHT[:1])
    slices = cine_strain(found.labels, cine.times_ms)
    assert len(slices) >= 4
    means = np.array([one.circumferential.mean(axis=0) for one in slices])
    middle = means[len(means) // 2]
    # mid-wall of a heart with an EF of about 30 %: weaker than the −0.19 of healthy hearts, at end-systole
    assert -0.2 < middle.min() < -0.04
    assert 150 < slices[len(means) // 2].frame_ms[middle.argmin()] < 500
    assert abs(middle[-1]) < 0.06  # the beat closes
