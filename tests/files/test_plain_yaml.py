"""YAML of others: what it may hold, and what is refused before it costs time or memory."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from types import NoneType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.files.plain_yaml import MAX_BYTES, MAX_VALUES, plain_values, read_plain_yaml

TENFOLD = "\n".join(
    ["key:", "- &a0 [x,x,x,x,x,x,x,x,x,x]", *(f"- &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9))]
)
"""Ten aliases of ten aliases, nine deep: 10^9 words in 400 bytes."""

PLAIN = "plain YAML (keys with numbers, words and lists)"
REFUSED = {
    "aliases of aliases": (TENFOLD, f"{PLAIN}, found an anchor or an alias in line 2"),
    "one anchor": ("a: &jane 1\n", f"{PLAIN}, found an anchor or an alias in line 1"),
    "an alias to itself": ("&a [*a]\n", f"{PLAIN}, found an anchor or an alias in line 1"),
    "merged keys": ("a: &a {b: 1}\nc:\n  <<: *a\n", f"{PLAIN}, found an anchor or an alias in line 1"),
    "a type of Python": ("a: !!python/object/apply:os.system [ls]\n", f"{PLAIN}, found a tag in line 1"),
    "a tag of its own": ("a: 1\nb: !jane 2\n", f"{PLAIN}, found a tag in line 2"),
    "binary": ("a: !!binary aGVsbG8=\n", f"{PLAIN}, found a tag in line 1"),
    "a key twice": ("a: 8\nb: 1\na: 80\n", f"{PLAIN}, found a key a second time in line 3"),
    "a key twice, once quoted": ('a: 8\n"a": 80\n', f"{PLAIN}, found a key a second time in line 2"),
    "a key twice, deep": ("a:\n  b: 1\n  b: 2\n", f"{PLAIN}, found a key a second time in line 3"),
    "a key that is a list": ("? [1, 2]\n: 3\n", f"{PLAIN}, found a key that is a list or a mapping in line 1"),
    "deep lists": ("a: " + "[" * 3000, f"{PLAIN}, found more than 6 lists and mappings inside one another in line 1"),
    "deep mappings": ("{a: " * 3000, f"{PLAIN}, found more than 6 lists and mappings inside one another in line 1"),
    "many values": (
        "a: [" + "1," * (MAX_VALUES + 1) + "]", f"{PLAIN}, found more than {MAX_VALUES} keys and values in line 1"
    ),
    "a long text": ("a: " + "x" * MAX_BYTES, f"at most {MAX_BYTES} bytes, found a longer file"),
    "a number of 5000 digits": ("a: " + "9" * 5000, f"{PLAIN}, found a number that is none"),
    "a number without digits": ("a: 0x_\n", f"{PLAIN}, found a number that is none"),
    "two documents": ("a: 1\n---\nb: 2\n", "YAML, found none from line 2"),
    "an open bracket": ("a: [1\n", "YAML, found none from line 2"),
    "a tabulator": ("a:\n\t- 1\n", "YAML, found none from line 2"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_more_than_plain_is_refused_at_once(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "subject.yaml"
    path.write_text(text, encoding="utf-8")
    clock = time.process_time()
    with pytest.raises(InputError) as caught:
        read_plain_yaml(path, "subject.yaml")
    assert str(caught.value) == f"subject.yaml: expected {message}"
    assert caught.value.__cause__ is None
    # ten thousand values take half a second; all others milliseconds
    assert time.process_time() - clock < (5 if "many" in message or "10000" in message else 0.5)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_other_encodings_are_refused(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "subject.yaml"
    path.write_bytes("label_table: Müller\n".encode(encoding))
    with pytest.raises(InputError, match="^subject.yaml: expected YAML") as caught:
        read_plain_yaml(path, "subject.yaml")
    assert "ller" not in str(caught.value)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "subject.yaml"
    path.write_bytes("slice_thickness_mm: 8\n".encode("utf-8-sig"))
    assert read_plain_yaml(path, "subject.yaml") == {"slice_thickness_mm": 8}


def test_plain_values_are_what_they_say() -> None:
    text = "a: 8\nb: -1.5\nc: .inf\nd: .nan\ne: true\nf:\ng: 1965-03-14\nh: [1, [2]]\ni: {j: k}\n<<: l\n"
    found = plain_values(text, "x")
    assert math.isnan(found.pop("d"))
    assert found == {
        "a": 8, "b": -1.5, "c": math.inf, "e": True, "f": None, "g": "1965-03-14", "h": [1, [2]], "i": {"j": "k"},
        "<<": "l",
    }  # fmt: skip
    assert plain_values("", "x") is None


@given(st.text(alphabet="ab01:-?[]{},&*!|>'\"%@`#.~<= \n\t\\x\u202e", max_size=60))
def test_any_text_is_values_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(plain_values(text, "x"), NoneType | bool | int | float | str | list | dict)
