"""Write the reference page of `subject.yaml` from the settings: `python -m docs.subject_settings [--check]`."""

import argparse
import dataclasses
import sys
import typing
from collections.abc import Sequence
from pathlib import Path

from cardioscar.imaging.labels import LABEL_TABLES
from cardioscar.scar3d.subject_settings import SubjectSettings
from docs.fields import texts

PAGE = Path(__file__).resolve().parent / "reference" / "subject-yaml.md"

_HEAD = """# `subject.yaml`: what a subject's files cannot say

One file of YAML in the folder of a subject, or named by the column `settings` of a `cohort.csv`. All keys are
optional; an unknown one fails the subject, and so do a key said twice, aliases, tags, and text in another encoding
than UTF-8. The reason names the known key that was nearly meant, and repeats nothing of the file. Directions are
vectors in LPS, towards the patient's left, back and head; their length does not matter. What else a subject's folder
holds: [a cohort](cohort.md).

"""

_EXAMPLE = """
```yaml
slice_thickness_mm: 8
septum_direction: [-0.8, -0.6, 0.1]   # to the patient's right and front
mesh_frame: RAS
```

`septum_direction` makes the names of the AHA segments sure; without it they rest on a guess from the scanner's axes,
and the report says so. In a viewer it is the line from the middle of the cavity to the middle between the two
insertions of the right ventricle; where the viewer shows RAS coordinates, change the sign of the first two numbers.

This page is written from the code: `python -m docs.subject_settings`.
"""


def render() -> str:
    """Text of the page."""
    said, kinds = texts(SubjectSettings), typing.get_type_hints(SubjectSettings)
    lines = ["| key | values | default | meaning |", "|---|---|---|---|"]
    for one in dataclasses.fields(SubjectSettings):
        default = "–" if one.default is None else f"`{one.default}`"
        lines.append(f"| `{one.name}` | {_values(one.name, kinds[one.name])} | {default} | {said[one.name]} |")
    return _HEAD + "\n".join(lines) + "\n" + _EXAMPLE


def _values(name: str, kind: object) -> str:
    """What a setting takes, in words."""
    choices = LABEL_TABLES if name == "label_table" else typing.get_args(kind)
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    if type(None) in choices:
        return _values(name, next(choice for choice in choices if choice is not type(None)))
    if typing.get_origin(kind) is tuple:
        item, *others = choices
        what = {int: "whole numbers", float: "numbers"}.get(item, "words")
        return f"a list of {what}" if others == [Ellipsis] else f"{len(choices)} {what}, such as `[1, 0, 0]`"
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "a word")  # type: ignore[call-overload]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is not current")
    text = render()
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if parser.parse_args(arguments).check:
        sys.stderr.write(f"{PAGE.name}: is not current\n")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
