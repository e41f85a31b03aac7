"""What the tutorial on Kubernetes says of the chart: its values render, and names and addresses are the chart's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "cohort-on-kubernetes.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="an image holds no documentation")


def test_the_tutorial_and_the_chart_say_the_same() -> None:
    pytest.importorskip("helm_python")
    from tests.charts.rendering import texts

    page = PAGE.read_text(encoding="utf-8")
    given = re.search(r"cat > site\.yaml <<'END'\n(.*?)^END", page, re.MULTILINE | re.DOTALL)
    assert given is not None
    rendered = texts(yaml.safe_load(given[1]), name="cardioscar")
    everything, notes = "\n".join(rendered.values()), rendered["NOTES.txt"]
    images = set(re.findall(r"registry\.example\.org/(?:cardioscar\S*)", everything))
    pushed = re.search(r"for image in (.*); do", page)
    assert pushed is not None
    assert images - {"registry.example.org/" + name for name in pushed[1].split()} == {
        "registry.example.org/cardioscar:0.1.0-cuda"  # which the page leaves out by `train_image`
    }
    buckets = set(re.findall(r"s3://([a-z-]+)/", page))
    assert buckets == set(re.findall(r"s3://([a-z-]+) ", notes))
    [endpoint] = re.findall(r"`(http://seaweedfs\S+)`", page)
    assert endpoint in notes
    assert "service/cardioscar-mlflow 5000:5000" in page
    assert "service/cardioscar-mlflow 5000:5000" in notes
    secrets = {name for name in re.findall(r"^  (\S+) \(", notes, re.MULTILINE) if name in page}
    assert secrets == set(re.findall(r"^  (\S+) \(", notes, re.MULTILINE))
