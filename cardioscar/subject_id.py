"""The rule for subject ids: short pseudonyms that are safe in paths, filters and tags, and that name nobody.

An id is 1 to 64 ASCII letters, digits, `_` and `-`, and begins with a letter or digit. Ids that look like
personal data are refused, because an id ends up in folder names, logs, reports and the model registry:

- a **date**: a part (between `_` and `-`) that is a calendar date of 1900 to 2099 of 8 digits, alone
  or after letters (`19650314`, `P001_14031965`, `DOB19650314`), or three neighbouring parts that are one
  (`1965-03-14`, `14_3_1965`). 8 digits inside a longer run of digits or of hexadecimal are no date.
- a **person's name**: two parts of letters only (`Smith_John`, `doe-j`, `SmithJohn`), or three capitalised
  ones (`Smith_John_A`, `GARCIA-LOPEZ-ANA`). A neutral word and one letter (`case_A`, `PatientB`) is no name.

The rule fails closed: it refuses some innocent ids (`left_heart`; number them: `left_heart1`). It cannot see
a single word that is a name (`smith`) or a hospital's record number: pseudonyms remain the sender's duty.
"""

from __future__ import annotations

import re
from datetime import date

from cardioscar.errors import InputError

RULE = "a pseudonym of 1 to 64 letters, digits, '_' or '-' that begins with a letter or digit"
_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_EIGHT_DIGITS = re.compile(r"(?:[A-Za-z]*[G-Zg-z][A-Za-z]*)?([0-9]{8})", re.ASCII)
_CAMEL_CASE = re.compile(r"([A-Z][a-z]+)([A-Z][a-z]*)", re.ASCII)
_NEUTRAL_WORDS = frozenset({"case", "control", "patient", "pat", "phantom", "scan", "subject", "subj", "volunteer"})


def check_subject_id(text: str) -> str:
    """Return a subject id unchanged, or refuse it.

    Args:
        text: The id, as found in a folder name or a manifest.

    Returns:
        The same text.

    Raises:
        InputError: If the id breaks the pattern or looks like a date or a person's name. The message never
            repeats the id: it may identify somebody.

    >>> check_subject_id("P001"), check_subject_id("Case_P001")
    ('P001', 'Case_P001')
    >>> check_subject_id("Smith_John")
    Traceback (most recent call last):
    cardioscar.errors.InputError: subject id: expected a pseudonym, found what looks like a person's name
    """
    if not _PATTERN.fullmatch(text):
        raise InputError("subject id", RULE, _flaw(text))
    parts = re.split("[_-]+", text)
    if _has_date(parts):
        raise InputError("subject id", "a pseudonym", "what looks like a date")
    if _is_name(parts):
        raise InputError("subject id", "a pseudonym", "what looks like a person's name")
    return text


def _flaw(text: str) -> str:
    if not text:
        return "an empty one"
    if "/" in text or "\\" in text:
        return "a path separator"
    if any(character.isspace() for character in text):
        return "white space"
    if len(text) > 64:
        return f"{len(text)} characters"
    if text[0] in "_-":
        return f"{text[0]!r} at the beginning"
    position = next(i for i, c in enumerate(text) if not _PATTERN.fullmatch("a" + c))
    return f"another character at position {position + 1}"


def _has_date(parts: list[str]) -> bool:
    for part in parts:
        found = _EIGHT_DIGITS.fullmatch(part)
        if found:
            digits = found[1]
            if _is_date(digits[:4], digits[4:6], digits[6:]) or _is_day_first(digits[:2], digits[2:4], digits[4:]):
                return True
    for first, middle, last in zip(parts, parts[1:], parts[2:], strict=False):
        if not (first + middle + last).isdecimal():
            continue
        if len(first) == 4 and _is_date(first, middle, last):
            return True
        if len(last) == 4 and _is_day_first(first, middle, last):
            return True
    return False


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        return 1900 <= date(int(year), int(month), int(day)).year <= 2099
    except ValueError:
        return False


def _is_day_first(first: str, second: str, year: str) -> bool:
    """Tell whether three numbers are a date that ends with its year, the European or the American way."""
    return _is_date(year, second, first) or _is_date(year, first, second)


def _is_name(parts: list[str]) -> bool:
    if len(parts) == 1 and (camel := _CAMEL_CASE.fullmatch(parts[0])):
        parts = list(camel.groups())
    if not all(part.isalpha() for part in parts):
        return False
    if len(parts) == 2:
        return not (parts[0].lower() in _NEUTRAL_WORDS and len(parts[1]) == 1)
    capitalised = all(part[0].isupper() for part in parts)
    return len(parts) == 3 and capitalised and sum(len(part) >= 3 for part in parts) >= 2
