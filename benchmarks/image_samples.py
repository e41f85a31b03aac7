"""Small whole images of every format that is read, for `damaged_images.py`."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

SHAPE, SPACING_MM, ORIGIN_MM = (12, 10, 6), (1.5, 1.25, 8.0), (-31.25, 12.5, 40.0)


@dataclass(frozen=True)
class Sample:
    """An image, and which of its files is damaged.

    Attributes:
        name: Short name of the format.
        what: What is special about it.
        files: Content of each file.
        image: The file that is read.
        target: The file that is damaged.
        header_bytes: How much of that file is its header.
        is_text: Whether the header consists of lines.
    """

    name: str
    what: str
    files: Mapping[str, bytes]
    image: str
    target: str
    header_bytes: int
    is_text: bool = False

    @property
    def damaged(self) -> bytes:
        """The file that is damaged, whole."""
        return self.files[self.target]


def voxels() -> np.ndarray:
    """Integers with noise, indexed (i, j, k)."""
    chance = np.random.default_rng(7)
    i, j, k = np.indices(SHAPE)
    return (200 * np.hypot(i - 6, j - 5) + 50 * k + chance.integers(0, 40, SHAPE)).astype("<i2")


def _nifti1() -> bytes:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *SHAPE, 1, 1, 1, 1)
    struct.pack_into("<2h8f", header, 70, 4, 16, 0, 1, *SPACING_MM, 0, 0, 0)
    struct.pack_into("<8f", header, 76, 1, *SPACING_MM, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[123] = 2
    struct.pack_into("<2h", header, 252, 1, 1)
    struct.pack_into("<6f", header, 256, 0, 0, 0, *ORIGIN_MM)
    struct.pack_into("<12f", header, 280, *np.column_stack([np.diag(SPACING_MM), ORIGIN_MM]).ravel())
    header[344:348] = b"n+1\0"
    return bytes(header) + voxels().tobytes(order="F")


def _nifti2() -> bytes:
    header = bytearray(544)
    struct.pack_into("<i8s", header, 0, 540, b"n+2\0\r\n\032\n")
    struct.pack_into("<2h8q", header, 12, 4, 16, 3, *SHAPE, 1, 1, 1, 1)
    struct.pack_into("<8d", header, 104, 1, *SPACING_MM, 0, 0, 0, 0)
    struct.pack_into("<q2d", header, 168, 544, 1, 0)
    struct.pack_into("<2i", header, 344, 0, 1)
    struct.pack_into("<12d", header, 400, *np.column_stack([np.diag(SPACING_MM), ORIGIN_MM]).ravel())
    struct.pack_into("<i", header, 500, 2)
    return bytes(header) + voxels().tobytes(order="F")


def nii() -> Sample:
    """NIfTI-1, both forms coded."""
    return Sample("nii", "NIfTI-1", {"lge.nii": _nifti1()}, "lge.nii", "lge.nii", 352)


def nii2() -> Sample:
    """NIfTI-2, the sform alone."""
    return Sample("nii2", "NIfTI-2", {"lge.nii": _nifti2()}, "lge.nii", "lge.nii", 544)


def nii_gz() -> Sample:
    """NIfTI-1 by gzip: what is flipped is the packed stream."""
    data = gzip.compress(_nifti1(), mtime=0)
    return Sample("nii.gz", "NIfTI-1 by gzip", {"lge.nii.gz": data}, "lge.nii.gz", "lge.nii.gz", 200)


def _nrrd_header(encoding: str, extra: str = "") -> bytes:
    steps = " ".join("({})".format(",".join(str(x) for x in row)) for row in np.diag(SPACING_MM))
    lines = [
        "NRRD0004", "# a comment", "type: short", "dimension: 3", "space: left-posterior-superior",
        f"sizes: {SHAPE[0]} {SHAPE[1]} {SHAPE[2]}", f"space directions: {steps}", "kinds: domain domain domain",
        "endian: little", f"encoding: {encoding}", "space origin: ({},{},{})".format(*ORIGIN_MM), "a key:=a value",
    ]  # fmt: skip
    return ("\n".join(lines) + "\n" + extra).encode()


def _nrrd(name: str, encoding: str, pack: Callable[[bytes], bytes]) -> Sample:
    header = _nrrd_header(encoding) + b"\n"
    data = header + pack(voxels().tobytes(order="F"))
    return Sample(name, f"NRRD, {encoding}", {"lge.nrrd": data}, "lge.nrrd", "lge.nrrd", len(header), is_text=True)


def nrrd() -> Sample:
    """Voxels as they are."""
    return _nrrd("nrrd", "raw", bytes)


def nrrd_gz() -> Sample:
    """Voxels by gzip."""
    return _nrrd("nrrd.gz", "gzip", lambda data: gzip.compress(data, mtime=0))


def nrrd_bz2() -> Sample:
    """Voxels by bzip2."""
    return _nrrd("nrrd.bz2", "bzip2", bz2.compress)


def nrrd_hex() -> Sample:
    """Voxels in hexadecimal digits."""
    return _nrrd("nrrd.hex", "hex", lambda data: data.hex().encode())


def nrrd_text() -> Sample:
    """Voxels as numbers in text."""
    return _nrrd("nrrd.txt", "text", lambda data: " ".join(map(str, np.frombuffer(data, "<i2"))).encode())


def nhdr() -> Sample:
    """The header of voxels in another file."""
    header = _nrrd_header("gzip", "data file: lge.raw.gz\n")
    files = {"lge.nhdr": header, "lge.raw.gz": gzip.compress(voxels().tobytes(order="F"), mtime=0)}
    return Sample("nhdr", "NRRD header beside its voxels", files, "lge.nhdr", "lge.nhdr", len(header), is_text=True)


def _metaimage_header(packed: int | None, file: str) -> bytes:
    lines = [
        "ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False",
        f"CompressedData = {packed is not None}", *([] if packed is None else [f"CompressedDataSize = {packed}"]),
        "TransformMatrix = 1 0 0 0 1 0 0 0 1", "Offset = {} {} {}".format(*ORIGIN_MM), "CenterOfRotation = 0 0 0",
        "AnatomicalOrientation = RAI", "ElementSpacing = {} {} {}".format(*SPACING_MM),
        "DimSize = {} {} {}".format(*SHAPE), "ElementType = MET_SHORT", f"ElementDataFile = {file}", "",
    ]  # fmt: skip
    return "\n".join(lines).encode()


def mha() -> Sample:
    """Voxels as they are."""
    header = _metaimage_header(None, "LOCAL")
    data = header + voxels().tobytes(order="F")
    return Sample("mha", "MetaImage, raw", {"lge.mha": data}, "lge.mha", "lge.mha", len(header), is_text=True)


def mha_zlib() -> Sample:
    """Voxels by zlib."""
    packed = zlib.compress(voxels().tobytes(order="F"))
    header = _metaimage_header(len(packed), "LOCAL")
    files = {"lge.mha": header + packed}
    return Sample("mha.zlib", "MetaImage, compressed", files, "lge.mha", "lge.mha", len(header), is_text=True)


def mhd() -> Sample:
    """The header of packed voxels in another file."""
    packed = zlib.compress(voxels().tobytes(order="F"))
    header = _metaimage_header(len(packed), "lge.zraw")
    files = {"lge.mhd": header, "lge.zraw": packed}
    return Sample("mhd", "MetaImage header beside its voxels", files, "lge.mhd", "lge.mhd", len(header), is_text=True)


def zraw() -> Sample:
    """Packed voxels beside their header."""
    return replace(mhd(), name="zraw", what="voxels of an .mhd", target="lge.zraw", header_bytes=2, is_text=False)


def _dicom(syntax: str, *, encode: str = "") -> bytes:
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = UID(syntax)
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.4")
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = UID("1.2.3.4.5")
    image.SeriesInstanceUID, image.FrameOfReferenceUID, image.Modality = UID("1.2.3.4"), UID("1.2.3"), "MR"
    image.ImageType, image.PatientName = ["ORIGINAL", "PRIMARY", "M"], "SUB-001"
    image.Columns, image.Rows = SHAPE[:2]
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.PixelSpacing = [str(SPACING_MM[1]), str(SPACING_MM[0])]
    image.ImagePositionPatient, image.ImageOrientationPatient = list(ORIGIN_MM), [1, 0, 0, 0, 1, 0]
    image.SliceThickness = str(SPACING_MM[2])
    image.PixelData = voxels()[:, :, 0].astype("<u2").tobytes(order="F")
    image["PixelData"].VR = "OW"
    if encode:
        image.compress(UID(encode), encoding_plugin="pydicom")
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, image, enforce_file_format=True)
    return stream.getvalue()


def _dicom_sample(name: str, what: str, data: bytes) -> Sample:
    tag = b"\xe0\x7f\x10\x00"
    header = data.find(tag) + 12 if tag in data else len(data) // 2
    return Sample(name, what, {"lge.dcm": data}, "lge.dcm", "lge.dcm", header)


def dcm() -> Sample:
    """Pixels as they are."""
    return _dicom_sample("dcm", "DICOM, explicit little endian", _dicom("1.2.840.10008.1.2.1"))


def dcm_implicit() -> Sample:
    """Attributes without their kind."""
    return _dicom_sample("dcm.implicit", "DICOM, implicit little endian", _dicom("1.2.840.10008.1.2"))


def dcm_deflated() -> Sample:
    """The whole data set packed, without a checksum."""
    return _dicom_sample("dcm.deflated", "DICOM, deflated", _dicom("1.2.840.10008.1.2.1.99"))


def dcm_rle() -> Sample:
    """Pixels by run length."""
    rle = "1.2.840.10008.1.2.5"
    return _dicom_sample("dcm.rle", "DICOM, RLE", _dicom("1.2.840.10008.1.2.1", encode=rle))


def _by_itk(compressor: str) -> bytes:
    import tempfile
    from pathlib import Path

    import pydicom
    import SimpleITK

    whole = pydicom.dcmread(io.BytesIO(_dicom("1.2.840.10008.1.2.1")))
    image = SimpleITK.GetImageFromArray(voxels()[:, :, :1].astype("<u2").transpose())
    writer = SimpleITK.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.dcm"
        writer.SetFileName(str(path))
        writer.Execute(image)
        packed = pydicom.dcmread(path)
    whole.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
    whole.BitsStored, whole.HighBit = packed.BitsStored, packed.HighBit
    whole.PixelData = packed.PixelData
    whole["PixelData"].VR = "OB"
    whole["PixelData"].is_undefined_length = True
    stream = io.BytesIO()
    whole.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def dcm_jpeg() -> Sample:
    """Pixels by lossless JPEG."""
    return _dicom_sample("dcm.jpeg", "DICOM, lossless JPEG", _by_itk("JPEG"))


def dcm_jpeg2000() -> Sample:
    """Pixels by lossless JPEG 2000."""
    return _dicom_sample("dcm.jpeg2000", "DICOM, JPEG 2000", _by_itk("JPEG2000"))


SAMPLES: dict[str, Callable[[], Sample]] = {
    make().name: make
    for make in (
        nii, nii2, nii_gz, nrrd, nrrd_gz, nrrd_bz2, nrrd_hex, nrrd_text, nhdr, mha, mha_zlib, mhd, zraw,
    )
} | {
    "dcm": dcm, "dcm.implicit": dcm_implicit, "dcm.deflated": dcm_deflated, "dcm.rle": dcm_rle, "dcm.jpeg": dcm_jpeg,
    "dcm.jpeg2000": dcm_jpeg2000,
}  # fmt: skip
"""How each is made, by its name."""
