"""The rule for subject ids: short pseudonyms that are safe in paths, filters and tags, and that name nobody.

An id is 1 to 64 ASCII letters, digits, `_` and `-`, and begins with a letter or digit. Ids that look like
personal data are refused, because an id ends up in folder names, logs, reports and the model registry:

- a **date**: a part (between `_` and `-`) that is a calendar date of 1900 to 2099 of 8 digits, alone
  or after letters (`19650314`, `P001_14031965`, `DOB19650314`), or three neighbouring parts that are one
  (`1965-03-14`, `14_3_1965`), also with the month as a word (`14-Mar-1965`, `14MAR1965`). 8 digits inside a longer run
  of digits or of hexadecimal are no date.
- a **person's name**: two parts of letters only (`Smith_John`, `doe-j`, `SmithJohn`), three capitalised ones
  (`Smith_John_A`, `GARCIA-LOPEZ-ANA`), or two words with capitals before numbers (`Smith_John_1965`, `SmithJohn02`).
  A neutral word and one letter (`case_A`, `PatientB`), or a neutral word among the two before a number
  (`Site_Alpha_01`), is no name.

The rule fails closed: it refuses some innocent ids (`left_heart`; number them: `left_heart1`). It cannot see
a single word that is a name (`smith`, `smith01`) or a hospital's record number: pseudonyms remain the sender's duty.
"""

from __future__ import annotations

import itertools
import re
from datetime import date

from cardioscar.errors import InputError

_TECHNICAL_WORDS = frozenset(
    {"array", "cell", "class", "data", "distance", "element", "entity", "fiber", "global", "id", "ids", "index"}
    | {"label", "labels", "mask", "material", "node", "normal", "normals", "original", "point", "points", "region"}
    | {"scalars", "scar", "sheet", "surface", "tag", "tags", "thickness", "value", "values", "vector", "vtk"}
)
RULE = "a pseudonym of 1 to 64 letters, digits, '_' or '-' that begins with a letter or digit"
_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_EIGHT_DIGITS = re.compile(r"(?:[A-Za-z]*[G-Zg-z][A-Za-z]*)?([0-9]{8})", re.ASCII)
_CAMEL_CASE = re.compile(r"([A-Z][a-z]+)([A-Z][a-z]*)", re.ASCII)
_NUMBERED_NAME = re.compile(r"([A-Z][a-z]+)[_-]*([A-Z][a-z]+)[_-]*[0-9][0-9_-]*", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH, _DAY, _YEAR = rf"(?:{'|'.join(_MONTHS)})[a-z]*", "[0-3]?[0-9]", "(?:19|20)[0-9]{2}"
# Between separators or at the ends only: `dec` and `feb` are hexadecimal, too.
_WORD_DATE = re.compile(
    rf"(?:^|[_-])(?:{_DAY}[_-]?{_MONTH}[_-]?{_YEAR}|{_MONTH}[_-]?{_DAY}[_-]?{_YEAR}|{_YEAR}[_-]?{_MONTH}[_-]?{_DAY})"
    r"(?:$|[_-])",
    re.ASCII | re.IGNORECASE,
)
_NEUTRAL_WORDS = frozenset(
    {"case", "control", "patient", "pat", "phantom", "scan", "subject", "subj", "volunteer"}
    | {"center", "centre", "cohort", "group", "series", "site", "study", "visit"}
)


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
    if _has_date(parts) or _WORD_DATE.search(text):
        raise InputError("subject id", "a pseudonym", "what looks like a date")
    if _is_name(parts):
        raise InputError("subject id", "a pseudonym", "what looks like a person's name")
    return text


def is_subject_id(text: str) -> bool:
    """Whether a text may be a subject's id, see `check_subject_id`."""
    try:
        check_subject_id(text)
    except InputError:
        return False
    return True


def holds_date(text: str) -> bool:
    """Whether a text of any kind holds a calendar date.

    >>> holds_date("born 14.3.1965"), holds_date("1950-01-01"), holds_date("trial 2024")
    (True, True, False)
    """
    parts = [part for part in re.split("[^A-Za-z0-9]+", text) if part]
    return _has_date(parts) or _WORD_DATE.search("_".join(parts)) is not None


def looks_personal(text: str) -> bool:
    """Whether a text of any kind holds a date, or begins with words that may be a person's name.

    >>> looks_personal("Doe, Jane"), looks_personal("scan of 1950-01-01"), looks_personal("slice_thicknes_mm")
    (True, True, False)
    """
    parts = [part for part in re.split("[^A-Za-z0-9]+", text) if part]
    if holds_date(text):
        return True
    words = {word.lower() for part in parts for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", part)}
    capitalised = list(itertools.takewhile(lambda part: part[0].isupper() and part.isalpha(), parts))
    return bool(capitalised) and not words & _TECHNICAL_WORDS and (_is_name(capitalised) or _is_name(parts))


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
    numbered = _NUMBERED_NAME.fullmatch("_".join(parts))
    if numbered and not {word.lower() for word in numbered.groups()} & _NEUTRAL_WORDS:
        return True
    if len(parts) == 1 and (camel := _CAMEL_CASE.fullmatch(parts[0])):
        parts = list(camel.groups())
    if not all(part.isalpha() for part in parts):
        return False
    if len(parts) == 2:
        return not (parts[0].lower() in _NEUTRAL_WORDS and len(parts[1]) == 1)
    capitalised = all(part[0].isupper() for part in parts)
    return len(parts) == 3 and capitalised and sum(len(part) >= 3 for part in parts) >= 2


def parse_ids(text: str) -> list[str]:
    """Ids of a comma-separated list, each once.

    >>> parse_ids("P002, P001,,P002"), parse_ids("")
    (['P002', 'P001'], [])
    """
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
