"""Whether a DICOM file still says whose heart it shows: the attributes that PS3.15's basic profile takes away.

Checked by the profile's own table (`dicom_profile`), and by kind, because no list of names is complete: nested
sequences, what stands behind the pixels, the file's preamble and meta information are looked at too.

- attributes of the table that are removed, emptied or given a dummy;
- names of persons (VR `PN`), dates (`DA`, `DT`), private attributes, attributes that the standard does not know;
- UIDs and times of day that are other text;
- burned-in annotation, overlays and curves.

Each must be absent, empty, or a dummy. The profile's options are heeded where the file declares them in
(0012,0064): dates with 113106 or 113107, private attributes with 113111, overlays and curves with 113103, and 113104
(structured content), 113105 (descriptions), 113108 (the patient's characteristics), 113109 (the device) and 113112 (the
institution) for the attributes that the table lists. `PatientIdentityRemoved` = YES alone proves nothing; NO refuses
the file.

Whether UIDs were replaced cannot be seen, and those of `NOT_JUDGED` name nobody by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.imaging.formats.dicom_dataset import quiet_pydicom, read_dataset
from cardioscar.imaging.formats.dicom_profile import profile

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

PROFILE = "DICOM without identifying attributes (PS3.15 basic profile)"

_DATES, _PRIVATE, _GRAPHICS = frozenset({"113106", "113107"}), frozenset({"113111"}), frozenset({"113103"})
_DESCRIPTIONS = frozenset({"113105"})

_BESIDE_THE_TABLE = {
    "PatientBirthDateInAlternativeCalendar": frozenset[str](),
    "PatientDeathDateInAlternativeCalendar": frozenset[str](),
    "CommentsOnTheScheduledProcedureStep": _DESCRIPTIONS,
}
"""Attributes that are judged although the table lacks them, and the options that let them stay."""

_DUMMIES = frozenset(
    {"", "anon", "anonymous", "anonymized", "anonymised", "deidentified", "de-identified", "dummy", "hidden", "masked"}
    | {"n/a", "na", "no name", "none", "not available", "null", "redacted", "removed", "unknown", "unspecified", "void"}
)
_EARLIEST_SCAN = 1910
"""Dates before are dummies such as 19000101: nobody was scanned then."""

_PROGRAMS = frozenset(
    {"anyscp", "anyscu", "conquest", "ctp", "dcm4che", "dcm4chee", "dcmtk", "dicomanon", "gdcm", "getscu", "horos"}
    | {"movescu", "orthanc", "osirix", "posda", "pydicom", "pynetdicom", "radiant", "storescp", "storescu"}
)
"""Titles by which programs that store or de-identify files call themselves."""

_PIXELS = 0x7FE0
_META = frozenset(
    {"FileMetaInformationGroupLength", "FileMetaInformationVersion", "MediaStorageSOPClassUID"}
    | {"MediaStorageSOPInstanceUID", "TransferSyntaxUID", "ImplementationClassUID"}
)
_TITLES = ("SourceApplicationEntityTitle", "SendingApplicationEntityTitle", "ReceivingApplicationEntityTitle")
# a TIFF header may stand in the preamble (PS3.10): numbers, no words
_WORD = re.compile(rb"[A-Za-z0-9]{4}|[\x80-\xff]{4}")
_UID = re.compile(r"[0-9.]{0,64}", re.ASCII)
_TIME = re.compile(r"[0-9:.]{0,16}(?:-[0-9:.]{0,16})?", re.ASCII)
_VERSION = re.compile(r"(?=.*[0-9])[A-Za-z0-9_. /-]{1,16}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9._-]{1,16}", re.ASCII)


def check_identity(path: Path, where: str) -> None:
    """Refuse a DICOM file that still carries identifiers.

    Args:
        path: DICOM file with its preamble.
        where: Name for errors.

    Raises:
        InputError: If it does. The message names the attributes by keyword and never repeats a value.
        InputError: If its header cannot be read to the end.
    """
    check_dataset(read_dataset(path, where), where)


def check_dataset(dataset: Dataset, where: str) -> None:
    """The same of a file that is read.

    Raises:
        InputError: As `check_identity`.
    """
    found = sorted(set(_identifying(dataset, where)))
    if found:
        raise InputError(where, PROFILE, ", ".join(found))


def identifying_attributes(path: Path, where: str) -> list[str]:
    """Keywords of the attributes that identify somebody, as `check_identity` judges them.

    Raises:
        InputError: If the header cannot be read to the end.
    """
    return _identifying(read_dataset(path, where), where)


def _identifying(dataset: Dataset, where: str) -> list[str]:
    with quiet_pydicom():
        try:
            before, behind = dataset[: (_PIXELS, 0)], dataset[(_PIXELS + 1, 0) :]
            options = _options(before)
            found = [*_judged(before, options), *_judged(behind, options)]
            return found + list(_around(dataset))
        except Exception:  # noqa: BLE001 - pydicom raises whatever a damaged header leads to
            raise InputError(where, "a complete DICOM file", "a header that cannot be read") from None


def _options(header: Dataset) -> frozenset[str]:
    """Codes of the profile's options that the file declares."""
    codes = {str(item.get("CodeValue", "")) for item in header.get("DeidentificationMethodCodeSequence") or ()}
    if str(header.get("LongitudinalTemporalInformationModified", "")) in ("MODIFIED", "REMOVED"):
        codes.add("113107")
    return frozenset(codes)


def _around(dataset: Dataset) -> Iterator[str]:
    """What the preamble and the meta information of the file say."""
    preamble = getattr(dataset, "preamble", None)
    if preamble and _WORD.search(bytes(preamble).replace(b"\0", b"")):
        yield "text in the preamble"
    for element in getattr(dataset, "file_meta", None) or ():
        if element.keyword in _META:
            continue
        texts = _texts(element.value)
        titled = element.keyword in _TITLES and all(re.sub("[^a-z0-9]", "", t.lower()) in _PROGRAMS for t in texts)
        versioned = element.keyword == "ImplementationVersionName" and all(map(_VERSION.fullmatch, texts))
        if not (titled or versioned or all(map(_is_dummy, texts))):
            yield element.keyword or "unknown attributes"


def _judged(dataset: Dataset, options: frozenset[str]) -> Iterator[str]:
    for element in dataset:
        if element.tag.is_private:
            if not options & _PRIVATE:
                yield "private attributes"
        elif element.tag.group & 0xFF00 == 0x5000 or (
            element.tag.group & 0xFF00 == 0x6000 and element.tag.element in (0x3000, 0x4000, 0x0022)
        ):
            if not options & _GRAPHICS:
                yield "overlays or curves"
        elif element.VR == "SQ":
            yield from _judged_sequence(element, options)
        elif not element.keyword and element.tag not in profile() and element.tag.element != 0:
            if any(map(bool, _texts(element.value))):
                yield "unknown attributes"
        elif _identifies(element, options):
            yield _name(element)


def _judged_sequence(element: DataElement, options: frozenset[str]) -> Iterator[str]:
    rule = profile().get(int(element.tag))
    if rule and not options & rule.options and any(map(_says_something, element.value or ())):
        yield rule.name
    for item in element.value or ():
        yield from _judged(item, options)


def _says_something(item: Dataset) -> bool:
    """Whether an item of a sequence holds more than UIDs, which are not judged, and dummies."""
    return any(
        any(map(_says_something, element.value or ()))
        if element.VR == "SQ"
        else element.VR != "UI" and not all(map(_is_dummy, _texts(element.value)))
        for element in item
    )


def _identifies(element: DataElement, options: frozenset[str]) -> bool:
    name, texts = element.keyword, _texts(element.value)
    if name == "BurnedInAnnotation":
        return "YES" in texts
    if name == "PatientIdentityRemoved":
        return "NO" in texts
    if name in ("PatientName", "PatientID"):
        return not all(_is_dummy(text) or _is_pseudonym(text) for text in texts)
    kinds = {element.VR, *_kinds(name)}
    if kinds & {"DA", "DT"}:
        return not options & _DATES and not all(_is_dummy_date(text) for text in texts)
    if "PN" in kinds:
        return not all(map(_is_dummy, texts))
    if "UI" in kinds:
        return not all(map(_UID.fullmatch, texts))
    if "TM" in kinds:
        return not all(map(_TIME.fullmatch, texts))
    rule = profile().get(int(element.tag))
    allowed = rule.options if rule else _BESIDE_THE_TABLE.get(name)
    if allowed is None or options & allowed:
        # what is one thing by the standard and another by the file cannot be judged
        return element.VR == "UN" and "SQ" in kinds and any(texts)
    if name.startswith("ClinicalTrial"):  # a trial's own ids and sites, which are pseudonyms or dummies
        return not all(_is_dummy(text) or _is_code(text) for text in texts)
    return not all(map(_is_dummy, texts))


def _name(element: DataElement) -> str:
    return element.keyword or profile()[int(element.tag)].name


def _kinds(keyword: str) -> tuple[str, ...]:
    """Kinds of value that the standard knows an attribute with, whatever the file calls it."""
    from pydicom.datadict import dictionary_VR

    return tuple(dictionary_VR(keyword).split(" or ")) if keyword else ()


def _texts(value: Any) -> list[str]:
    values: Iterable[Any] = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    return [_text(one) for one in values]


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("latin-1").strip(" \0")
    return ("" if value is None else str(value)).strip(" \0")


def _is_dummy(text: str) -> bool:
    """Whether a text is empty, a word that stands for none, or one character again and again."""
    plain = text.strip(" ^=").lower()
    return plain in _DUMMIES or len(set(plain)) == 1


def _is_dummy_date(text: str) -> bool:
    return text == "" or (text[:4].isdecimal() and int(text[:4]) < _EARLIEST_SCAN)


def _is_pseudonym(text: str) -> bool:
    """Whether an id may be a pseudonym: digits alone may be a record number, letters alone a name."""
    return _is_id(text) and any(map(str.isdecimal, text)) and any(map(str.isalpha, text))


def _is_code(text: str) -> bool:
    """Whether a text may be a short code (`T7`, `NIH`, `SITE-03`), which is no date and no name of two words."""
    return bool(_CODE.fullmatch(text)) and _is_id(text.strip("._-").replace(".", "-"))


def _is_id(text: str) -> bool:
    try:
        check_subject_id(text)
    except InputError:
        return False
    return True
