"""Every `cardioscar …` in a block of commands of any page is understood as it stands there: names, flags and values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tyro

from cardioscar.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="an image holds no documentation"),
    pytest.mark.slow,
]
_BLOCK = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


class _Understood(KeyboardInterrupt):
    """A command's words were read; nothing of it is done. No fault that the command line turns into an exit code."""


def commands(text: str) -> Iterator[list[str]]:
    """Words after `cardioscar` of each command in the blocks of a page."""
    for block in _BLOCK.findall(text):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            for part in re.split(r" \| | && |; ", line.strip()):
                if part.startswith("cardioscar "):
                    words = shlex.split(part, comments=True)[1:]
                    yield words[: min((words.index(sign) for sign in ("<", ">") if sign in words), default=len(words))]


def _pages() -> list[Path]:
    found = [path for path in (ROOT / "docs").rglob("*.md") if not {"decisions", "benchmarks"} & {*path.parts}]
    return sorted([ROOT / "README.md", *found])


def test_the_blocks_of_a_page_are_found() -> None:
    page = "```bash\ncardioscar run a \\\n  -o b  # c\n```\n`cardioscar x`\n```sh\ncardioscar doctor > a | less\n```\n"
    assert [*commands(page)] == [["run", "a", "-o", "b"], ["doctor"]]


def test_every_command_of_every_page_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = tyro.cli

    def understand(*form: Any, **settings: Any) -> None:
        read(*form, **settings)
        raise _Understood

    monkeypatch.setattr(tyro, "cli", understand)
    monkeypatch.setattr("cardioscar.cli._guarded", lambda module, words: module.main(words[0], words[1:]))
    monkeypatch.setattr("cardioscar.commands.train_network.settings_of_network", lambda trainer, _: trainer.settings())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets" / "lge").mkdir(parents=True)
    (tmp_path / "nets" / "lge" / "settings.yaml").write_text("batch: 3\n", encoding="utf-8")
    wrong, count = [], 0
    for page in _pages():
        for words in commands(page.read_text(encoding="utf-8")):
            count += 1
            with pytest.raises((_Understood, SystemExit, Exception)) as ended:
                main(words)
            if ended.type is not _Understood:
                wrong.append((page.name, " ".join(words), capsys.readouterr().err[-300:], ended.value))
    assert wrong == []
    assert count > 60


def test_what_no_command_takes_is_seen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"run", "submit"} <= COMMANDS.keys()
    with pytest.raises(SystemExit):
        main(["doctor", "--no-such-flag"])
    assert "no-such-flag" in capsys.readouterr().err
