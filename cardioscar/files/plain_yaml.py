"""YAML files of others, read as plain values: bounded in length, depth and number, and nothing said twice.

What YAML can do beyond that is refused: an alias makes ten bytes stand for millions of values, a tag asks for a type
of its own, and of two keys of one name readers take the last. Messages say the line and never repeat the text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cardioscar.errors import InputError

MAX_BYTES = 1 << 16
"""Length of the longest file that is read."""
MAX_DEPTH = 6
"""Lists and mappings inside one another."""
MAX_VALUES = 10_000
"""Keys and values of a file, all together."""

_PLAIN = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))
# a date stays a text, and `<<` a key like others
_RESOLVERS = {
    first: [(tag, pattern) for tag, pattern in pairs if tag in _PLAIN]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_RULE = "plain YAML (keys with numbers, words and lists)"


def read_plain_yaml(path: Path, where: str) -> Any:
    """Read a YAML file whose values are none, booleans, numbers, texts, and lists and mappings of these.

    Dates stay texts. A byte order mark is passed over; other encodings than UTF-8 are refused.

    Args:
        path: The file.
        where: Name for errors.

    Returns:
        The content; None of an empty file.

    Raises:
        InputError: If it cannot be read, is no YAML, is longer, deeper or of more values than the limits, or holds an
            anchor, an alias, a tag, or a key twice.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(where, "a readable file", error.strerror or "an unreadable one") from None
    if len(data) > MAX_BYTES:
        raise InputError(where, f"at most {MAX_BYTES} bytes", "a longer file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(where, "YAML in UTF-8", "another encoding") from None
    return plain_values(text, where)


def plain_values(text: str, where: str) -> Any:
    """The values of a text, as `read_plain_yaml` reads them.

    >>> plain_values("slice_thickness_mm: 8\\nwall_tags: [1, 2]", "subject.yaml")
    {'slice_thickness_mm': 8, 'wall_tags': [1, 2]}
    >>> plain_values("a: &x [1]\\nb: *x", "subject.yaml")
    Traceback (most recent call last):
    cardioscar.errors.InputError: subject.yaml: expected plain YAML (keys with numbers, words and lists), found an \
anchor or an alias in line 1
    """
    try:
        loader = _Loader(text, where)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(where, "YAML", f"none from line {mark.line + 1}" if mark else "none") from None
    except (ValueError, OverflowError):  # a number of more digits than Python converts, or of none
        raise InputError(where, _RULE, "a number that is none") from None


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = _RESOLVERS

    def __init__(self, text: str, where: str) -> None:
        super().__init__(text)
        self._where, self._depth, self._values = where, 0, 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse("an anchor or an alias", event)
        if event.tag is not None:
            self._refuse("a tag", event)
        self._depth, self._values = self._depth + 1, self._values + 1
        if self._depth > MAX_DEPTH + 1:
            self._refuse(f"more than {MAX_DEPTH} lists and mappings inside one another", event)
        if self._values > MAX_VALUES:
            self._refuse(f"more than {MAX_VALUES} keys and values", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse("a key that is a list or a mapping", key)
            if key.value in seen:
                self._refuse("a key a second time", key)
            seen.add(key.value)
        return node

    def _refuse(self, finding: str, at: Any) -> None:
        raise InputError(self._where, _RULE, f"{finding} in line {at.start_mark.line + 1}")
