"""Pages that are written from the code are the code's, and their writers say and mend what is not current."""

from __future__ import annotations

import dataclasses
import doctest
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from cardioscar.cli import COMMANDS, EXIT_CODES
from cardioscar.stages.families import WORKFLOWS
from docs import commands_page, components_page, files_page, formulas_page, settings_page, sources_page
from docs.written import keep, table

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="an image holds no documentation")
WRITERS = (commands_page, components_page, files_page, formulas_page, settings_page, sources_page)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.__name__)
def test_the_pages_are_current(writer: ModuleType) -> None:
    assert writer.main(["--check"]) == 0


def test_make_writes_and_checks_each_of_them() -> None:
    lines = re.findall(r"^WRITERS [:+]= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {writer.__name__ for writer in WRITERS} <= {*" ".join(lines).split()}


def test_what_is_not_current_is_said_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages = {tmp_path / "new" / "page.md": "text\n"}
    assert keep(pages, ["--check"], None) == 1
    assert capsys.readouterr().err == "page.md: is not current\n"
    assert not (tmp_path / "new").exists()
    assert keep(pages, [], None) == keep(pages, ["--check"], None) == 0
    assert (tmp_path / "new" / "page.md").read_text(encoding="utf-8") == "text\n"


def test_bars_in_a_table_do_not_end_its_cells() -> None:
    assert table(("a", "b"), [("x|y", "")]) == ["| a | b |", "| --- | --- |", "| x\\|y | |"]


def test_every_command_and_every_exit_code_has_its_line() -> None:
    pages = commands_page.render()
    index = pages[commands_page.FOLDER / "README.md"]
    assert {page.stem for page in pages} == {*COMMANDS, "README"}
    assert [name for name in COMMANDS if f"({name}.md)" not in index] == []
    assert len(re.findall(r"^\| \d+ \|", index, re.MULTILINE)) == len(re.findall(r"^  \d+  ", EXIT_CODES, re.MULTILINE))
    assert {page.stem for page in commands_page.FOLDER.glob("*.md")} == {
        page.stem for page in pages
    }  # none is left over


def test_the_flags_of_a_page_are_those_of_the_command() -> None:
    run = commands_page.render()[commands_page.FOLDER / "run.md"]
    for stage in WORKFLOWS[0]:
        for one in dataclasses.fields(stage.config):
            flag = f"--{stage.command}.{one.name.replace('_', '-')}"
            assert flag in run or flag.replace(".", ".no-", 1) in run, flag
    assert "| `COHORT` | | required |" in run
    assert "| `--max-failed-fraction` | `0…1` | `0.1` |" in run


def test_every_setting_has_a_row_and_a_meaning() -> None:
    page = settings_page.render()
    rows = re.findall(r"^\| `([\w.]+)` \| (.+) \| (.+) \| (.*) \|$", page, re.MULTILINE)
    expected = sum(_leaves(stage.config) for workflow in WORKFLOWS for stage in workflow)
    assert len(rows) == expected > 100
    assert [key for key, *_, meaning in rows if len(meaning) < 5] == []


def _leaves(config: type) -> int:
    values = [getattr(config(), one.name) for one in dataclasses.fields(config)]
    return sum(_leaves(type(value)) if dataclasses.is_dataclass(value) else 1 for value in values)


def test_every_file_of_every_stage_is_named() -> None:
    page = files_page.render()
    for workflow in WORKFLOWS:
        part = page.split(f"## What {workflow.name} writes\n")[1].split("\n## ")[0]
        assert [name for stage in workflow for name in stage.files if f"`{name}`" not in part] == []
        assert [role for role in workflow.layout.endings if f"| `{role}` |" not in page] == []


def test_every_public_score_has_its_formula_on_the_page() -> None:
    page = formulas_page.render()
    for room in ("overlap", "volume", "calibration", "agreement"):
        module = import_module(f"cardioscar.metrics.{room}")
        public = [name for name, one in vars(module).items() if getattr(one, "__module__", "") == module.__name__]
        functions = [
            name for name in public if not name.startswith("_") and not isinstance(getattr(module, name), type)
        ]
        assert [name for name in functions if f"### `{name}`" not in page] == []
    assert ">>>" not in page
    assert page.count("$$") >= 20


def test_every_source_is_on_the_page_with_author_title_and_year() -> None:
    keys = re.findall(
        r"^@[a-z]+\{([^,]+),", (ROOT / "docs" / "references.bib").read_text(encoding="utf-8"), re.MULTILINE
    )
    page = sources_page.render()
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == sorted(keys)
    entries = [text.replace("\n", " ") for text in page.split("\n## ")[1:]]
    assert [text[:20] for text in entries if not re.search(r": .{10,}[,.] (18|19|20)\d\d\.", text)] == []
    assert [text[:20] for text in entries if set("{}\\") & set(text)] == []
    assert doctest.testmod(sources_page).failed == 0
