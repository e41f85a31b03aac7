"""`cardioscar pseudonym`: keyed, in order, and neither the key nor a record number is ever written."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.identity.subject_id import check_subject_id
from tests.commands.conftest import Said

Cardioscar = Callable[..., Said]
KEY = "sixteen bytes or more of secret"


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def say(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return say


def test_each_line_becomes_its_hmac(say, cardioscar: Cardioscar, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    say("00482913\n  00482914 \n00482913\n")
    said = cardioscar("pseudonym", "--key-file", tmp_path / "key")
    lines = said.out.splitlines()
    assert (said.code, said.err) == (0, "")
    expected = hmac.new(KEY.encode(), b"00482913", hashlib.sha256).hexdigest()[:16]
    assert lines[0] == lines[2] == expected
    assert lines[1] != expected
    assert all(check_subject_id(line) for line in lines)


def test_the_key_may_come_from_the_environment_and_another_key_gives_another_name(
    say, cardioscar: Cardioscar, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set()
    for key in (KEY, KEY + "!"):
        monkeypatch.setenv("CARDIOSCAR_PSEUDONYM_KEY", key)
        say("00482913\n")
        names.add(cardioscar("pseudonym", "--digits", "32").out)
    assert len(names) == 2
    assert {len(name.strip()) for name in names} == {32}


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        (None, "1\n", "CARDIOSCAR_PSEUDONYM_KEY: expected a key of at least 16 bytes, found 0 bytes"),
        ("short", "1\n", "CARDIOSCAR_PSEUDONYM_KEY: expected a key of at least 16 bytes, found 5 bytes"),
        (KEY, "00482913\n\n", "line 2: expected a record number, found an empty line"),
    ],
)
def test_a_fault_is_one_line_without_the_number(
    key: str | None, text: str, message: str, say, cardioscar: Cardioscar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARDIOSCAR_PSEUDONYM_KEY", raising=False)
    if key:
        monkeypatch.setenv("CARDIOSCAR_PSEUDONYM_KEY", key)
    say(text)
    said = cardioscar("pseudonym")
    assert (said.code, said.err) == (2, f"cardioscar: {message}\n")
    assert "00482913" not in said.out + said.err
