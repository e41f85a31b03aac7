"""What is said of the learned prior is what its file says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cardioscar.config import from_mapping
from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.scar3d.wall_prior.features import CHANNELS, LABEL_CHANNELS

ROOT = Path(__file__).resolve().parents[3]
CARD = ROOT / "docs" / "reference" / "learned-prior.md"
WEIGHTS = ROOT / "cardioscar" / "scar3d" / "wall_prior" / "weights"
FACTS = json.loads((WEIGHTS / "fractions" / "scar_prior.json").read_text())
LABEL_FACTS = json.loads((WEIGHTS / "labels" / "scar_prior.json").read_text())

pytestmark = pytest.mark.skipif(not CARD.is_file(), reason="an image holds no documentation")


def test_the_model_card_states_the_numbers_of_the_file() -> None:
    text, config = CARD.read_text(encoding="utf-8"), FACTS["config"]
    for said in (
        f"**{FACTS['examples']:,} examples and no patient**",
        f"{FACTS['validation']['examples']} more were kept back",
        f"{FACTS['parameters']:,} parameters",
        f"{len(CHANNELS)} input channels",
        f"each of {config['ventricles']} synthetic ventricles",
        f"cells of {config['cell_mm']} mm",
        f"{FACTS['validation']['loss']:.4f} against {FACTS['validation']['log_odds_loss']:.4f}",
    ):
        assert said in text
    assert FACTS["examples"] + FACTS["validation"]["examples"] == config["ventricles"] * config["scars"]


def test_the_card_states_the_numbers_of_the_prior_for_labels() -> None:
    text, config = CARD.read_text(encoding="utf-8"), from_mapping(ScarPriorConfig, LABEL_FACTS["config"], where="card")
    for said in (
        f"**{LABEL_FACTS['examples']:,} drawn examples and no patient**",
        f"{LABEL_FACTS['validation']['examples']} more were kept back",
        f"{LABEL_FACTS['parameters']:,} parameters",
        f"{len(LABEL_CHANNELS)} input channels",
        f"in each of {config.ventricles} synthetic ventricles",
        f"{LABEL_FACTS['validation']['loss']:.4f} against {LABEL_FACTS['validation']['along_wall_loss']:.4f}",
        f"--pixels {config.pixels} --ventricles {config.ventricles} --scars {config.scars} --epochs {config.epochs}",
    ):
        assert said in text
    # what the command does not name are its defaults
    named = {"pixels": config.pixels, "ventricles": config.ventricles, "scars": config.scars, "epochs": config.epochs}
    assert config == ScarPriorConfig(**named)


@pytest.mark.parametrize(
    "page",
    [
        "README.md", "CHANGELOG.md", "docs/explanation/reconstruction.md",
    ],
)  # fmt: skip
def test_wherever_the_prior_is_promised_its_examples_are_counted(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    counted = re.findall(r"([\d,]+)\s+(?:synthetic examples|examples of synthetic scars)", text)
    assert counted
    assert {int(number.replace(",", "")) for number in counted} == {FACTS["examples"]}
