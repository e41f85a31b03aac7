"""Page and schema of `metrics.json` are those of the code, and files of finished runs keep to the schema."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cardioscar.errors import InputError
from cardioscar.scar3d.quality.result import SubjectMetrics, read_metrics
from cardioscar.scar3d.quality.sometimes import result_mapping
from docs import metrics_page
from tests.finished_run import Run
from tests.scar3d.quality.whole import CHANNEL, CONTENT, whole

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def schema() -> Any:
    jsonschema.Draft202012Validator.check_schema(metrics_page.schema())
    return jsonschema.Draft202012Validator(metrics_page.schema())


def test_page_and_schema_are_current() -> None:
    assert metrics_page.main(["--check"]) == 0


def test_what_is_not_current_is_said_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metrics_page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(metrics_page, "SCHEMA", tmp_path / "schema.json")
    assert metrics_page.main(["--check"]) == 1
    assert capsys.readouterr().err == "page.md: is not current\nschema.json: is not current\n"
    assert metrics_page.main([]) == metrics_page.main(["--check"]) == 0
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == metrics_page.schema()


def test_every_key_has_a_line_and_a_meaning() -> None:
    page = metrics_page.render()
    for kind in metrics_page._kinds(SubjectMetrics):
        title = "Keys" if kind is SubjectMetrics else kind.__name__
        section = page.split(f"## {title}\n")[1].split("\n## ")[0]
        rows = re.findall(r"^[|] `(\w+)` [|] (.+) [|] (.+) [|]$", section, re.MULTILINE)
        assert [name for name, *_ in rows] == [one.name for one in dataclasses.fields(kind)]
        assert all(meaning.endswith(".") for *_, meaning in rows)


def test_the_metrics_of_a_run_keep_to_the_schema(finished: Run, schema: Any) -> None:
    for subject in ("P001", "P002", "P003"):
        schema.validate(json.loads((finished.result(subject) / "metrics.json").read_text(encoding="utf-8")))
    schema.validate(result_mapping(whole({"channels": [CHANNEL]})))


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("scar", "volume_ml"), "many", "metrics.json: scar: volume_ml"),
        (("qc", "verdict"), "fine", "metrics.json: qc: verdict"),
        (("input", "pixel_mm"), [1.0], "metrics.json: input: pixel_mm"),
        (("aha",), {"1": {"scar_fraction": 0.1}}, "keys are missing"),
        (("another",), 1, "metrics.json: expected one of the keys"),
        (("fit", "later"), 1, "metrics.json: fit: expected one of the keys"),
    ],
)
def test_what_another_version_wrote_is_refused_by_reader_and_schema(
    where: tuple[str, ...], value: object, said: str, schema: Any
) -> None:
    content = result_mapping(read_metrics(CONTENT))
    assert schema.is_valid(content)
    changed = copy.deepcopy(content)
    inner = changed
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    assert not schema.is_valid(changed)
    with pytest.raises(InputError, match=re.escape(said)) as raised:
        read_metrics(changed)
    assert "many" not in str(raised.value)
    assert "fine" not in str(raised.value)
