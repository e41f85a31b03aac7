"""What is said of the learned prior is what its file says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cardioscar.scar3d.wall_prior.features import CHANNELS

ROOT = Path(__file__).resolve().parents[3]
CARD = ROOT / "docs" / "reference" / "learned-prior.md"
FACTS = json.loads((ROOT / "cardioscar" / "scar3d" / "wall_prior" / "weights" / "scar_prior.json").read_text())

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


@pytest.mark.parametrize(
    "page",
    [
        "README.md", "CHANGELOG.md", "docs/explanation/reconstruction.md", "cardioscar/stages/scar3d/infer.py",
        "cardioscar/scar3d/posterior/prior_mean.py",
    ],
)  # fmt: skip
def test_wherever_the_prior_is_promised_its_examples_are_counted(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    counted = re.findall(r"([\d,]+)\s+(?:synthetic examples|examples of synthetic scars)", text)
    assert counted
    assert {int(number.replace(",", "")) for number in counted} == {FACTS["examples"]}
