"""Write `cardioscar/imaging/formats/dicom_profile.csv`: what PS3.15's basic profile does to each attribute.

    pip install --target SOMEWHERE dicom-anonymizer==2.1.0
    python docs/dicom_profile.py SOMEWHERE

The package carries the table of the standard's edition 2026c, without the columns of the options; these are set here by
the rules below, which follow the same table. Dates and times are left to their kind of value, private attributes,
overlays and curves to their groups: see `cardioscar.imaging.formats.dicom_identity`.
"""

from __future__ import annotations

import csv
import re
import runpy
import sys
from pathlib import Path

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.tag import Tag

TABLE = "dicomanonymizer/dicom_anonymization_databases/dicomfields_2026c.py"
TARGET = Path(__file__).resolve().parents[1] / "cardioscar" / "imaging" / "dicom_profile.csv"

DESCRIPTIONS, PATIENT, DEVICE, INSTITUTION = "113105", "113108", "113109", "113112"
STRUCTURED, GRAPHICS = "113104", "113103"

_DESCRIBES = re.compile(
    r"Description|Comment|Notes|Narrative|Reason|Text(?!Object)|Label$|Impressions|Arbitrary|Keywords"
)
_MORE = {
    DESCRIPTIONS: """
        AdditionalPatientHistory Allergies ContrastBolusAgent MedicalAlerts Occupation PatientState PreMedication
        RequestedContrastAgent SpecialNeeds""",
    PATIENT: """
        Allergies EthnicGroup EthnicGroupCodeSequence MedicalAlerts PatientAge PatientSex PatientSexNeutered PatientSize
        PatientState PatientWeight PreMedication PregnancyStatus SmokingStatus SpecialNeeds""",
    DEVICE: """
        CassetteID DetectorID DeviceAlternateIdentifier DeviceDescription DeviceLabel DeviceSerialNumber
        DeviceSettingDescription GantryID GeneratorID LensMake LensModel LensSerialNumber LensSpecification
        LongDeviceDescription ManufacturerDeviceIdentifier PerformedStationAETitle
        PerformedStationGeographicLocationCodeSequence PerformedStationName PerformedStationNameCodeSequence PlateID
        ScheduledStationAETitle ScheduledStationGeographicLocationCodeSequence ScheduledStationName
        ScheduledStationNameCodeSequence ScheduledStudyLocation ScheduledStudyLocationAETitle SourceManufacturer
        SourceSerialNumber StationAETitle StationName TransducerIdentificationSequence TreatmentMachineName UDISequence
        UniqueDeviceIdentifier XRayDetectorID XRayDetectorLabel XRaySourceID""",
    INSTITUTION: """
        InstitutionAddress InstitutionCodeSequence InstitutionName InstitutionalDepartmentName
        InstitutionalDepartmentTypeCodeSequence PerformedLocation""",
    STRUCTURED: "AcquisitionContextSequence ContentSequence SpecimenPreparationSequence",
    GRAPHICS: "GraphicAnnotationSequence",
}
_OPTIONS = {code: frozenset(names.split()) for code, names in _MORE.items()}


def rows(package: Path) -> list[tuple[str, str, str, str]]:
    """Tag, keyword, actions and codes of the options that let a value stay, of each attribute, by tag."""
    found: dict[int, str] = {}
    for name, tags in runpy.run_path(str(package / TABLE)).items():
        if name.endswith("_TAGS") and name != "ALL_TAGS":
            action = name.removesuffix("_TAGS").replace("_STAR", "*").replace("_", "/")
            found |= {int(Tag(*tag)): action for tag in tags if len(tag) == 2}  # groups of four have a mask
    return [(f"{tag:08X}", *_described(tag, action)) for tag, action in sorted(found.items())]


def _described(tag: int, action: str) -> tuple[str, str, str]:
    try:
        keyword, kind = keyword_for_tag(tag), dictionary_VR(tag)
    except KeyError:
        return "", action, ""
    codes = {code for code, names in _OPTIONS.items() if keyword in names}
    if kind in ("LO", "LT", "SH", "ST", "UC", "UT", "CS") and _DESCRIBES.search(keyword):
        codes.add(DESCRIPTIONS)
    return keyword, action, " ".join(sorted(codes))


def main() -> None:
    """Write the table."""
    with TARGET.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("tag", "keyword", "action", "options"))
        writer.writerows(rows(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
