"""A DICOM file that says whose heart it shows is refused by the attribute's name; its values are never repeated."""

from __future__ import annotations

import csv
import importlib.util
import io
import runpy
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cardioscar.errors import InputError
from cardioscar.imaging.formats.dicom_dataset import quiet_pydicom
from cardioscar.imaging.formats.dicom_identity import check_identity, identifying_attributes
from cardioscar.imaging.formats.dicom_profile import profile
from cardioscar.imaging.formats.volume_files import read_volume
from tests.imaging.formats.image_bytes import dicom

JANE = "Doe^Jane"
Change = Callable[[Dataset], None]


def written(path: Path, change: Change) -> Path:
    image = pydicom.dcmread(io.BytesIO(dicom(np.arange(12).reshape(4, 3), patient="P-001")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        change(image)
        image.save_as(path)
    return path


def with_values(**values: object) -> Change:
    def change(image: Dataset) -> None:
        for keyword, value in values.items():
            setattr(image, keyword, value)

    return change


def item(**values: object) -> Dataset:
    dataset = Dataset()
    with_values(**values)(dataset)
    return dataset


def private(image: Dataset) -> None:
    image.private_block(0x0029, "MAKER", create=True).add_new(0x10, "LO", JANE)


def overlay(image: Dataset) -> None:
    image.add_new(0x60003000, "OW", b"\1\0")


def declared(*codes: str, **values: object) -> Change:
    sequence = Sequence([item(CodeValue=code, CodingSchemeDesignator="DCM") for code in codes])
    return with_values(DeidentificationMethodCodeSequence=sequence, PatientIdentityRemoved="YES", **values)


IDENTIFIED: dict[str, tuple[Change, str]] = {
    "a name": (with_values(PatientName=JANE), "PatientName"),
    "a name of one word": (with_values(PatientName="Doe"), "PatientName"),
    "a record number": (with_values(PatientID="00482913"), "PatientID"),
    "a birth date": (with_values(PatientBirthDate="19500101"), "PatientBirthDate"),
    "the scan's date": (with_values(StudyDate="20240501"), "StudyDate"),
    "a time with its date": (with_values(AcquisitionDateTime="20240501103112.2"), "AcquisitionDateTime"),
    "a physician": (with_values(ReferringPhysicianName="House^Gregory"), "ReferringPhysicianName"),
    "operators": (with_values(OperatorsName=["", "Hathaway^Carol"]), "OperatorsName"),
    "an accession number": (with_values(AccessionNumber="A77-1950"), "AccessionNumber"),
    "a hospital": (with_values(InstitutionName="County General"), "InstitutionName"),
    "an address": (with_values(PatientAddress="1 Lake Street"), "PatientAddress"),
    "a telephone number": (with_values(PatientTelephoneNumbers="555-0100"), "PatientTelephoneNumbers"),
    "a comment": (with_values(PatientComments="wife of J. Doe"), "PatientComments"),
    "a nested name": (
        with_values(RequestedProcedureCodeSequence=[item(StudyTime="10", RequestingPhysician=JANE)]),
        "RequestingPhysician",
    ),
    "other ids": (
        with_values(OtherPatientIDsSequence=[item(PatientID="00482913")]),
        "OtherPatientIDsSequence, PatientID",
    ),
    "a small picture": (
        with_values(IconImageSequence=[item(Rows=32, Columns=32)]), "IconImageSequence"
    ),
    "an operator's code": (
        with_values(OperatorIdentificationSequence=[item(LongCodeValue=JANE)]), "OperatorIdentificationSequence"
    ),
    "behind the pixels": (
        with_values(DigitalSignaturesSequence=[item(CertificateOfSigner=b"jane doe")]),
        "CertificateOfSigner, DigitalSignaturesSequence",
    ),
    "deep": (
        with_values(RequestedProcedureCodeSequence=[item(EquivalentCodeSequence=[item(AdmissionID="A7")])]),
        "AdmissionID",
    ),
    "a UID that is text": (with_values(StudyInstanceUID="jane doe"), "StudyInstanceUID"),
    "a time that is text": (with_values(StudyTime="jane"), "StudyTime"),
    "a trial's site": (with_values(ClinicalTrialSiteName="County General"), "ClinicalTrialSiteName"),
    "a name as another kind": (
        lambda image: image.add_new("ReferringPhysicianName", "LO", "jane doe"), "ReferringPhysicianName"
    ),
    "a date as another kind": (lambda image: image.add_new("StudyDate", "LO", "19650314"), "StudyDate"),
    "bytes of no kind": (lambda image: image.add_new("AdmissionID", "UN", b"jane doe"), "AdmissionID"),
    "a place": (with_values(GPSLatitude="52.1"), "GPSLatitude"),
    "what the standard does not know": (lambda image: image.add_new(0x00108888, "LO", JANE), "unknown attributes"),
    "a newer attribute": (lambda image: image.add_new(0x00100012, "LO", JANE), "(0010,0012)"),
    "a curve": (lambda image: image.add_new(0x50003000, "OW", b"\1\0"), "overlays or curves"),
    "a preamble": (
        lambda image: setattr(image, "preamble", b"II*\0jane doe".ljust(128, b"\0")), "text in the preamble"
    ),
    "a wide preamble": (
        lambda image: setattr(image, "preamble", "jane".encode("utf-16").ljust(128, b"\0")), "text in the preamble"
    ),
    "who sent it": (
        lambda image: setattr(image.file_meta, "SourceApplicationEntityTitle", "JANEDOE"),
        "SourceApplicationEntityTitle",
    ),
    "a version without a number": (
        lambda image: setattr(image.file_meta, "ImplementationVersionName", "JANE DOE"), "ImplementationVersionName"
    ),
    "from where": (
        lambda image: setattr(image.file_meta, "SendingPresentationAddress", "dicom://jane"),
        "SendingPresentationAddress",
    ),
    "a wrong option": (declared("113109", ImageComments="wife of J. Doe"), "ImageComments"),
    "burned-in text": (with_values(BurnedInAnnotation="YES"), "BurnedInAnnotation"),
    "a private attribute": (private, "private attributes"),
    "an overlay": (overlay, "overlays or curves"),
    "what the sender says": (with_values(PatientIdentityRemoved="NO"), "PatientIdentityRemoved"),
    "a claim that is not kept": (
        declared("113100", PatientName=JANE, PatientBirthDate="19500101"),
        "PatientBirthDate, PatientName",
    ),
    "an option for something else": (declared("113111", StudyDate="20240501"), "StudyDate"),
}  # fmt: skip

CLEAN: dict[str, Change] = {
    "nothing said": with_values(),
    "empty": with_values(PatientName="", PatientID="", StudyDate="", AccessionNumber="", ReferringPhysicianName=""),
    "a pseudonym": with_values(PatientName="P-001", PatientID="p0123"),
    "a keyed hash": with_values(PatientID="a3f19991231b77c0"),
    "dummies": with_values(
        PatientName="Anonymous", PatientID="REMOVED", PatientBirthDate="19000101", InstitutionName="XXXX",
        ReferringPhysicianName="ANON^^", StudyID="0",
    ),
    "what names nobody": with_values(
        PatientSex="F", PatientAge="061Y", PatientWeight=70, SeriesDescription="PSIR LGE", Manufacturer="Maker",
        BurnedInAnnotation="NO", StudyTime="101112",
    ),
    "shifted dates": declared("113100", "113107", StudyDate="20240501", AcquisitionDateTime="20240501103112"),
    "dates said to be modified": with_values(LongitudinalTemporalInformationModified="MODIFIED", StudyDate="20240501"),
    "cleaned comments": declared("113105", ImageComments="RR 829"),
    "the scanner": declared("113109", StationName="MR2", DeviceSerialNumber="202041"),
    "the hospital": declared("113112", InstitutionName="County General"),
    "the patient's characteristics": declared("113108", EthnicGroup="other", PatientState="rest"),
    "cleaned graphics": lambda image: (overlay(image), declared("113103")(image))[0],
    "references": with_values(
        ReferencedStudySequence=[item(ReferencedSOPClassUID="1.2.840.10008.3.1.2", ReferencedSOPInstanceUID="2.25.7")]
    ),
    "a trial": with_values(ClinicalTrialProtocolID="T-7", ClinicalTrialSponsorName="NIH", ClinicalTrialSubjectID="s07"),
    "a scanner's words": with_values(SoftwareVersions="syngo MR E11", ManufacturerModelName="Prisma Fit"),
    "a program that stored it": lambda image: setattr(image.file_meta, "SourceApplicationEntityTitle", "ANY-SCU"),
    "a header of TIFF": lambda image: setattr(image, "preamble", b"II*\0\x08\0\0\0\x01\x01".ljust(128, b"\0")),
    "safe private attributes": lambda image: (private(image), declared("113111")(image))[0],
}  # fmt: skip


@pytest.mark.parametrize("case", IDENTIFIED)
def test_an_identifier_is_refused_by_its_keyword(case: str, tmp_path: Path) -> None:
    change, keywords = IDENTIFIED[case]
    path = written(tmp_path / "one.dcm", change)
    with pytest.raises(InputError) as caught:
        read_volume(path)
    assert caught.value.rule == "DICOM without identifying attributes (PS3.15 basic profile)"
    assert caught.value.finding == keywords
    with quiet_pydicom():
        image = pydicom.dcmread(path)
        values = [
            str(element.value) for element in image.iterall() if element.VR in ("PN", "LO", "LT", "SH", "DA", "DT")
        ]
    assert [value for value in values if len(value) > 3 and value in str(caught.value)] == []


TEXTS = {"AE": "JANEDOE", "CS": "JANE", "OB": b"jane doe", "UN": b"jane doe"}


def test_every_text_of_the_table_is_judged(tmp_path: Path) -> None:
    """One file with each attribute that the profile removes, empties or gives a dummy, and one with each in an item."""
    names = []
    for rule in profile().values():
        if not rule.name.startswith("(") and dictionary_VR(rule.name) in ("LO", "LT", "SH", "ST", "UC", "UT", *TEXTS):
            names.append(rule.name)
    assert len(names) > 250
    values = {name: TEXTS.get(dictionary_VR(name), "jane doe") for name in names}
    flat = written(tmp_path / "flat.dcm", with_values(**values))
    assert sorted(set(identifying_attributes(flat, "x"))) == sorted(names)
    nested = written(tmp_path / "nested.dcm", with_values(RequestedProcedureCodeSequence=[item(**values)]))
    assert sorted(set(identifying_attributes(nested, "x"))) == sorted(names)
    empty = written(tmp_path / "empty.dcm", with_values(**{n: b"" if values[n] == b"jane doe" else "" for n in names}))
    assert identifying_attributes(empty, "x") == []


def test_every_sequence_of_the_table_is_judged(tmp_path: Path) -> None:
    names = [r.name for r in profile().values() if not r.name.startswith("(") and dictionary_VR(r.name) == "SQ"]
    assert len(names) > 50
    for name in names:
        for content in (item(ManufacturerModelName="jane doe"), item(Rows=37)):
            path = written(tmp_path / "one.dcm", with_values(**{name: [content]}))
            assert identifying_attributes(path, "x") == [name]
        path = written(tmp_path / "one.dcm", with_values(**{name: []}))
        assert identifying_attributes(path, "x") == []


def test_the_table_is_that_of_the_package_that_carries_it() -> None:
    """Where dicom-anonymizer is installed, the file is made anew and compared."""
    package = importlib.util.find_spec("dicomanonymizer")
    if package is None or package.origin is None:
        pytest.skip("dicom-anonymizer is not installed")
    made = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "dicom_profile.py"))
    with made["TARGET"].open(encoding="utf-8", newline="") as stream:
        assert [tuple(row) for row in csv.reader(stream)][1:] == made["rows"](Path(package.origin).parents[1])


@pytest.mark.parametrize("case", CLEAN)
def test_a_file_without_identifiers_is_read(case: str, tmp_path: Path) -> None:
    path = written(tmp_path / "one.dcm", CLEAN[case])
    assert read_volume(path).values.shape == (4, 3, 1)


def test_one_identified_file_of_a_series_is_enough(tmp_path: Path) -> None:
    folder = tmp_path / "lge"
    folder.mkdir()
    for k in range(3):
        change = with_values(ImagePositionPatient=[0, 0, 10 * k], **({"PatientName": JANE} if k == 2 else {}))
        written(folder / f"{k}.dcm", change)
    with pytest.raises(InputError, match="found PatientName"):
        read_volume(folder)


def test_many_attributes_are_all_named(tmp_path: Path) -> None:
    names = ("OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "OperatorsName", "RequestingPhysician",
             "PerformingPhysicianName", "ReferringPhysicianName", "NameOfPhysiciansReadingStudy", "ResponsiblePerson",
             "ConsultingPhysicianName")  # fmt: skip
    path = written(tmp_path / "one.dcm", with_values(**dict.fromkeys(names, JANE)))
    with pytest.raises(InputError) as caught:
        check_identity(path, "one.dcm")
    assert caught.value.finding == ", ".join(sorted(names))


def test_nothing_is_said_of_values_that_are_against_the_standard(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    path = written(tmp_path / "one.dcm", with_values(PatientName="P-001"))
    data = path.read_bytes().replace(b"DS\x02\x008 ", b"DS\x02\x00J\xd8")  # a slice thickness that is no number
    path.write_bytes(data)
    check_identity(path, "one.dcm")
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [200, 300, 500])
def test_a_header_that_ends_early_is_refused(size: int, tmp_path: Path) -> None:
    path = written(tmp_path / "one.dcm", with_values())
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match=r"one\.dcm: expected"):
        read_volume(path)
