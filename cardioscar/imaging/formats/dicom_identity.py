"""Whether a DICOM file still says whose heart it shows: the attributes that PS3.15's basic profile takes away.

Checked by kind, nested sequences included, because no list of names is complete:

- names of persons (VR `PN`), dates (`DA`, `DT`) and private attributes;
- ids, addresses, telephone numbers, institutions, stations and free comments, by `IDENTIFYING`;
- burned-in annotation, overlays and curves.

Each must be absent, empty, or a dummy. The profile's options are heeded where the file declares them in
(0012,0064): dates with 113106 or 113107, private attributes with 113111, comments with 113105, the device with 113109,
the institution with 113112. `PatientIdentityRemoved` = YES alone proves nothing; NO refuses the file.

UIDs and descriptions of series, and age, sex, size and weight are not judged: they name nobody by themselves, and none
of them reaches an output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.imaging.formats.dicom_dataset import quiet_pydicom, read_dataset

if TYPE_CHECKING:
    from pydicom import Dataset

PROFILE = "DICOM without identifying attributes (PS3.15 basic profile)"

_DATES, _PRIVATE = frozenset({"113106", "113107"}), frozenset({"113111"})
_COMMENTS, _DEVICE, _INSTITUTION = (frozenset({code}) for code in ("113105", "113109", "113112"))
_NEVER: frozenset[str] = frozenset()

_BY_OPTION = {
    _NEVER: """
        AccessionNumber AdmissionID BranchOfService CountryOfResidence CurrentPatientLocation EthnicGroup
        FillerOrderNumberImagingServiceRequest InsurancePlanIdentification IssuerOfPatientID MedicalRecordLocator
        MilitaryRank Occupation OrderCallbackPhoneNumber OrderEntererLocation OtherPatientIDs PatientAddress
        PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar PatientInstitutionResidence
        PatientReligiousPreference PatientTelecomInformation PatientTelephoneNumbers PerformedProcedureStepID
        PersonAddress PersonTelecomInformation PersonTelephoneNumbers PlacerOrderNumberImagingServiceRequest
        ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers RegionOfResidence RequestAttributesSequence
        RequestedProcedureID ResponsibleOrganization ScheduledProcedureStepID ServiceEpisodeID StudyID""",
    _COMMENTS: """
        AcquisitionComments AdditionalPatientHistory Allergies CommentsOnThePerformedProcedureStep
        CommentsOnTheScheduledProcedureStep DerivationDescription FrameComments ImageComments
        ImagingServiceRequestComments InterpretationText MedicalAlerts PatientComments PatientState ReasonForStudy
        ReasonForVisit RequestedProcedureComments ResultsComments SpecialNeeds StudyComments TextComments TextString
        UnformattedTextValue VisitComments""",
    _DEVICE: """
        DeviceSerialNumber PerformedStationAETitle PerformedStationGeographicLocationCodeSequence PerformedStationName
        ScheduledStationAETitle ScheduledStationName StationName""",
    _INSTITUTION: """
        InstitutionAddress InstitutionCodeSequence InstitutionName InstitutionalDepartmentName PerformedLocation""",
}
IDENTIFYING: dict[str, frozenset[str]] = {
    name: option for option, names in _BY_OPTION.items() for name in names.split()
}
"""Keyword of each attribute that is judged by name, and the options of the profile that let it stay."""

_DUMMIES = frozenset(
    {"", "anon", "anonymous", "anonymized", "anonymised", "deidentified", "de-identified", "dummy", "hidden", "masked"}
    | {"n/a", "na", "no name", "none", "not available", "null", "redacted", "removed", "unknown", "unspecified", "void"}
)
_EARLIEST_SCAN = 1910
"""Dates before are dummies such as 19000101: nobody was scanned then."""

_PIXELS = 0x7FE0


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
            header = dataset[: (_PIXELS, 0)]
            return list(_judged(header, _options(header)))
        except Exception:  # noqa: BLE001 - pydicom raises whatever a damaged header leads to
            raise InputError(where, "a complete DICOM file", "a header that cannot be read") from None


def _options(header: Dataset) -> frozenset[str]:
    """Codes of the profile's options that the file declares."""
    codes = {str(item.get("CodeValue", "")) for item in header.get("DeidentificationMethodCodeSequence") or ()}
    if str(header.get("LongitudinalTemporalInformationModified", "")) in ("MODIFIED", "REMOVED"):
        codes.add("113107")
    return frozenset(codes)


def _judged(dataset: Dataset, options: frozenset[str]) -> Iterator[str]:
    for element in dataset:
        name = element.keyword or f"({element.tag.group:04X},{element.tag.element:04X})"
        if element.tag.is_private:
            if not options & _PRIVATE:
                yield "private attributes"
        elif element.tag.group & 0xFF00 in (0x5000, 0x6000):
            if element.tag.element in (0x3000, 0x4000, 0x0022):
                yield "overlays or curves"
        elif element.VR == "SQ":
            if name in IDENTIFYING and not options & IDENTIFYING[name] and element.value:
                yield name
            for item in element.value or ():
                yield from _judged(item, options)
        elif _identifies(name, element.VR, _texts(element.value), options):
            yield name


def _identifies(name: str, kind: str, texts: list[str], options: frozenset[str]) -> bool:
    if name == "BurnedInAnnotation":
        return "YES" in texts
    if name == "PatientIdentityRemoved":
        return "NO" in texts
    if name in ("PatientName", "PatientID"):
        return not all(_is_dummy(text) or _is_pseudonym(text) for text in texts)
    if kind in ("DA", "DT"):
        return not options & _DATES and not all(_is_dummy_date(text) for text in texts)
    if kind == "PN":
        return not all(map(_is_dummy, texts))
    return name in IDENTIFYING and not options & IDENTIFYING[name] and not all(map(_is_dummy, texts))


def _texts(value: Any) -> list[str]:
    values: Iterable[Any] = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    return [("" if one is None else str(one)).strip(" \0") for one in values]


def _is_dummy(text: str) -> bool:
    """Whether a text is empty, a word that stands for none, or one character again and again."""
    plain = text.strip(" ^=").lower()
    return plain in _DUMMIES or len(set(plain)) == 1


def _is_dummy_date(text: str) -> bool:
    return text == "" or (text[:4].isdecimal() and int(text[:4]) < _EARLIEST_SCAN)


def _is_pseudonym(text: str) -> bool:
    """Whether an id may be a pseudonym: digits alone may be a record number, letters alone a name."""
    try:
        check_subject_id(text)
    except InputError:
        return False
    return any(map(str.isdecimal, text)) and any(map(str.isalpha, text))
