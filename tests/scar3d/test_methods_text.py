"""What a report says was done is what the settings did."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from cardioscar.scar3d.methods_text import SOURCES, methods_text

ROOT = Path(__file__).resolve().parents[2]
SCAR_FROM = ("labels", "probability", "layers", "fwhm", "nsd")


@pytest.mark.parametrize(
    ("scar_from", "method", "uncertainty"),
    [*itertools.product(SCAR_FROM, ("fourier", "reference"), ("auto", "posterior", "dropout", "reference"))],
)
def test_every_setting_has_its_sentence_and_its_sources(scar_from: str, method: str, uncertainty: str) -> None:
    configs = {
        "preprocess": {"n_sd": 4.0},
        "train": {"method": method},
        "infer": {"uncertainty": uncertainty, "samples": 7, "draws": 33, "projection": "hard"},
    }
    text = methods_text(configs, scar_from, "9.9")
    assert ("as published (Sen" in text) == (method == "reference")
    by_draws = uncertainty == "posterior" or (uncertainty == "auto" and method == "fourier")
    assert ("33 draws" in text, "7 passes" in text) == (by_draws, not by_draws)
    assert ("4 standard deviations" in text) == (scar_from == "nsd")
    assert "cardioscar 9.9" in text
    assert not re.search(r"[\[\]{}]", text)


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="an image holds no documentation")
def test_sources_are_those_of_the_bibliography() -> None:
    listed = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
    for key, said in SOURCES.items():
        [entry] = re.findall(rf"^@\w+\{{{key},.*$", listed, re.MULTILINE)
        first = said.split(" et al")[0].split(" and ")[0]
        assert re.search(rf"author\s*=\s*\{{{re.sub(r' [0-9]{4}$', '', first)}", entry), key
        assert said[-4:] in entry
