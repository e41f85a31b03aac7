"""A DICOM file that says whose heart it shows is refused by the attribute's name; its values are never repeated."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cardioscar.errors import InputError
from cardioscar.imaging.formats.dicom_identity import check_identity
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
        "PatientID",
    ),
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
    image = pydicom.dcmread(path)
    values = [str(element.value) for element in image.iterall() if element.VR in ("PN", "LO", "LT", "SH", "DA", "DT")]
    assert [value for value in values if len(value) > 3 and value in str(caught.value)] == []


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
