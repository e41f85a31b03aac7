"""The page of `subject.yaml` says what the code takes, and its example is read."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from cardioscar.config import from_mapping
from cardioscar.scar3d.subject_settings import SubjectSettings
from docs import subject_settings


def test_the_page_is_current() -> None:
    assert subject_settings.main(["--check"]) == 0


def test_a_page_that_is_not_current_is_said_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subject_settings, "PAGE", tmp_path / "page.md")
    assert subject_settings.main(["--check"]) == 1
    assert capsys.readouterr().err == "page.md: is not current\n"
    assert not (tmp_path / "page.md").exists()
    assert subject_settings.main([]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == subject_settings.render()


def test_every_setting_has_a_line() -> None:
    rows = re.findall(r"^[|] `(\w+)` [|] (.+) [|] (.+) [|] (.+) [|]$", subject_settings.render(), re.MULTILINE)
    assert [name for name, *_ in rows] == [one.name for one in dataclasses.fields(SubjectSettings)]
    assert all(len(meaning) > 10 for *_, meaning in rows)


def test_the_example_is_read() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", subject_settings.render(), re.DOTALL)
    settings = from_mapping(SubjectSettings, yaml.safe_load(text), where="subject.yaml")
    assert settings.slice_thickness_mm == 8.0
    assert settings.septum_direction is not None
    assert settings.septum_direction[0] < 0  # the septum lies to the right of the LV
