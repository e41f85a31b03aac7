from __future__ import annotations

import gzip
import resource
import signal
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError, InputError, PlatformError
from cardioscar.imaging.formats.volume_files import read_labels, read_volume, write_volume
from cardioscar.imaging.volume import Volume
from tests.imaging.formats.image_bytes import nifti

AFFINE_RAS = np.array([[2.0, 0, 0, 5], [0, 3, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]])


def changed(row: int, column: int, value: float) -> np.ndarray:
    affine = AFFINE_RAS.copy()
    affine[row, column] = value
    return affine


def nrrd(directions: str, *, space: str = "left-posterior-superior", kinds: str = "domain domain domain") -> bytes:
    lines = ["NRRD0004", "type: float", "dimension: 3", f"space: {space}" if space else "", "sizes: 4 3 2"]
    lines += [f"space directions: {directions}" if space else "", f"kinds: {kinds}", "endian: little", "encoding: raw"]
    return "\n".join(line for line in lines if line).encode() + b"\n\n" + np.arange(24, dtype="<f4").tobytes()


def metaimage(matrix: str) -> bytes:
    lines = ["ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False"]
    lines += [f"TransformMatrix = {matrix}", "Offset = 1 2 3", "ElementSpacing = 2 3 4", "DimSize = 4 3 2"]
    lines += ["ElementType = MET_FLOAT", "ElementDataFile = LOCAL", ""]
    return "\n".join(lines).encode() + np.arange(24, dtype="<f4").tobytes()


GOOD = nifti(AFFINE_RAS)
NOISE = nifti(AFFINE_RAS, np.random.default_rng(0).random((20, 20, 20)))
BAD = {
    "empty.nii": (b"", InputError, "empty.nii: expected an image file, found an empty file"),
    "text.nii.gz": (b"hello\n" * 99, InputError, "expected a NIfTI image compressed by gzip, found no gzip data"),
    "text.nii": (b"hello\n" * 99, InputError, "text.nii: expected a NIfTI image, found no NIfTI header"),
    "text.nrrd": (b"hello\n" * 99, InputError, "text.nrrd: expected an NRRD image, found no NRRD header"),
    "text.mha": (b"hello\n" * 99, InputError, "text.mha: expected a MetaImage, found no MetaImage header"),
    "lge.png": (b"\x89PNG", InputError, "lge.png: expected an image (.nii, .nii.gz, "),
    "cut.nii": (GOOD[:-20], InputError, "cut.nii: expected a complete file of 448 bytes, found 428 (truncated)"),
    "head.nii": (GOOD[:100], InputError, "expected a NIfTI header of 348 bytes, found 100 (truncated)"),
    "cut.nii.gz": (gzip.compress(NOISE)[:-999], InputError, "a complete file, found gzip data that end early"),
    "crc.nii.gz": (gzip.compress(NOISE)[:-8] + bytes(8), InputError, "found damaged gzip data"),
    "cut.nrrd": (
        nrrd("(2,0,0) (0,3,0) (0,0,4)")[:-9],
        InputError,
        "a complete file of 274 bytes, found 265 (truncated)",
    ),
    "cut.mha": (metaimage("1 0 0 0 1 0 0 0 1")[:-9], InputError, "a complete file of 312 bytes, found 303 (truncated)"),
    "long.nii": (GOOD + b"?", InputError, "expected a complete file of 448 bytes, found 449: more than described"),
    "long.nii.gz": (gzip.compress(GOOD + b"?"), InputError, "expected 448 bytes, as its header says, found more"),
    "metres.nii": (
        nifti(AFFINE_RAS, units=1),
        GeometryError,
        "voxels of 0.01 to 100 mm, found 2000×3000×4000 mm (another",
    ),
    "microns.nii": (nifti(AFFINE_RAS, units=3), GeometryError, "voxels of 0.01 to 100 mm, found 0.002×0.003×0.004 mm"),
    "pair.nii": (GOOD.replace(b"n+1\0", b"ni1\0"), InputError, "found the header of a pair (.hdr and .img)"),
    "cine.nii": (
        nifti(AFFINE_RAS, np.zeros((4, 3, 2, 5))),
        InputError,
        "cine.nii: expected a 3D image (one phase of a cine, not all), found 4 axes, 4×3×2×5",
    ),
    "flat.nii": (nifti(AFFINE_RAS, np.zeros((4, 3))), InputError, "flat.nii: expected a 3D image, found 2 axes, 4×3"),
    "minus.nii": (nifti(AFFINE_RAS, shape=(-4, 3, 2)), InputError, "image axes of positive length"),
    "shear.nii": (nifti(changed(0, 1, 1)), GeometryError, "expected orthogonal image axes, found axes 71.6° apart"),
    # ITK would take the qform instead, without a word
    "shear_with_qform.nii": (nifti(changed(0, 1, 1), qform_code=1), GeometryError, "orthogonal image axes"),
    "singular.nii": (nifti(changed(2, 2, 0)), GeometryError, "expected an invertible affine, found a singular one"),
    "nan.nii": (nifti(changed(0, 0, np.nan)), GeometryError, "expected a finite 4×4 affine, found "),
    "no_frame.nii": (nifti(AFFINE_RAS, sform_code=0), GeometryError, "expected an orientation (sform or qform)"),
    "shear.nrrd": (nrrd("(2,0,0) (1,3,0) (0,0,4)"), GeometryError, "expected orthogonal image axes"),
    "singular.nrrd": (nrrd("(2,0,0) (2,0,0) (0,0,4)"), GeometryError, "expected an invertible affine"),
    "no_frame.nrrd": (nrrd("", space=""), GeometryError, "expected a patient space"),
    "shear.mha": (metaimage("1 0 0 0.5 1 0 0 0 1"), GeometryError, "expected orthogonal image axes"),
    "singular.mha": (metaimage("1 0 0 1 0 0 0 0 1"), GeometryError, "expected an invertible affine"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line_without_their_folder(name, tmp_path, capfd):
    content, kind, message = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_volume(tmp_path / name)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{name}: expected ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    printed = "".join(capfd.readouterr())
    assert str(tmp_path) not in str(caught.value) + printed


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(InputError, match=r"lge\.nii: expected an image file, found none of that name"):
        read_volume(tmp_path / "lge.nii")
    (tmp_path / "loop.nii").symlink_to(tmp_path / "loop.nii")
    with pytest.raises(InputError, match=r"loop\.nii: expected a readable file, found Too many levels"):
        read_volume(tmp_path / "loop.nii")


def test_formats_agree(tmp_path):
    expected = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose()
    files = {
        "a.nii": nifti(np.diag([-2.0, -3, 4, 1]), expected),
        "a.nii.gz": gzip.compress(nifti(np.diag([-2.0, -3, 4, 1]), expected)),
        "a.nrrd": nrrd("(2,0,0) (0,3,0) (0,0,4)"),
        "ras.nrrd": nrrd("(-2,0,0) (0,-3,0) (0,0,4)", space="right-anterior-superior"),
        "a.mha": metaimage("1 0 0 0 1 0 0 0 1"),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        volume = read_volume(tmp_path / name)
        np.testing.assert_array_equal(volume.values, expected)
        np.testing.assert_allclose(volume.affine[:3, :3], np.diag([2, 3, 4]))
        assert volume.source == name


def test_the_sform_is_read_in_its_unit_and_with_a_slight_shear(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(AFFINE_RAS, pixdim=(0, 0, 0)))  # not set
    np.testing.assert_allclose(read_volume(path).spacing_mm, [2, 3, 4])
    path.write_bytes(nifti(AFFINE_RAS / 1000, units=1))
    np.testing.assert_allclose(read_volume(path).affine[:3], (np.diag([-1, -1, 1, 1]) @ AFFINE_RAS)[:3], rtol=1e-6)
    path.write_bytes(nifti(changed(0, 1, 0.0015)))  # 0.03°: ITK refuses it, the stated tolerance does not
    assert read_volume(path).affine[0, 1] == pytest.approx(-0.0015)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(("value", "found"), [(np.nan, "1 NaN and 0 infinite"), (-np.inf, "0 NaN and 1 infinite")])
def test_nan_that_others_read_as_zero_is_refused(suffix, value, found, tmp_path):
    for index in ((0, 0, 0), (3, 2, 1)):
        values = np.arange(24, dtype="<f4").reshape(4, 3, 2)
        values[index] = value
        data = nifti(AFFINE_RAS, values)
        path = tmp_path / f"lge{suffix}"
        path.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
        with pytest.raises(
            InputError, match=rf"^lge{suffix}: expected finite voxel values, found {found} of 24 voxels$"
        ):
            read_volume(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_volume_with_nan_is_not_written(value, tmp_path):
    values = np.zeros((4, 3, 2), dtype=np.float32)
    values[1, 1, 1] = value
    with pytest.raises(InputError, match=r"^scar.nii: expected finite voxel values, found 1 others$"):
        write_volume(tmp_path / "scar.nii", Volume(values, np.eye(4)))
    assert list(tmp_path.iterdir()) == []


def test_single_slice_is_legal_to_read(tmp_path):
    (tmp_path / "one.nii").write_bytes(nifti(AFFINE_RAS, np.ones((5, 4, 1))))
    assert read_volume(tmp_path / "one.nii").values.shape == (5, 4, 1)


@given(
    turn=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    spacing=st.tuples(*[st.floats(0.5, 12)] * 3),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
    mirrored=st.booleans(),
    suffix=st.sampled_from([".nii", ".nii.gz"]),
)
def test_round_trip_of_any_orientation(tmp_path_factory, turn, spacing, origin, mirrored, suffix):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_quat(turn).as_matrix() * np.array(spacing) * [-1 if mirrored else 1, 1, 1]
    affine[:3, 3] = origin
    values = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    path = tmp_path_factory.mktemp("nifti") / f"a{suffix}"
    write_volume(path, Volume(values, affine))
    back = read_volume(path)
    np.testing.assert_array_equal(back.values, values)
    index = np.array([[0, 0, 0], [4, 3, 2], [1.5, 0.25, 2]])
    np.testing.assert_allclose(back.index_to_mm(index), Volume(values, affine).index_to_mm(index), atol=2e-3)
    np.testing.assert_allclose(back.mm_to_index(back.index_to_mm(index)), index, atol=1e-9)
    raw = gzip.decompress(path.read_bytes()) if suffix == ".nii.gz" else path.read_bytes()
    ras = np.eye(4)
    ras[:3] = np.reshape(struct.unpack_from("<12f", raw, 280), (3, 4))
    np.testing.assert_allclose(back.affine, np.diag([-1, -1, 1, 1]) @ ras, atol=1e-6)


def test_labels_are_mapped_by_their_table(tmp_path):
    path = tmp_path / "labels.nii"
    path.write_bytes(nifti(AFFINE_RAS, np.array([0, 1, 2, 4], float).reshape(2, 2, 1)))
    labels = read_labels(path, "emidec")
    assert labels.values.dtype == np.uint8
    assert labels.values.ravel().tolist() == [0, 2, 1, 3]
    with pytest.raises(InputError, match=r"labels\.nii: expected labels 0, 1, 2, 3 .*, found 4 \(1 voxel\)"):
        read_labels(path)


def test_written_masks_are_bytes_and_replace_the_old_file(tmp_path):
    path = tmp_path / "scar.nii.gz"
    for value in (False, True):
        write_volume(path, Volume(np.full((3, 2, 2), value), np.eye(4)))
        back = read_volume(path)
        assert back.values.dtype == np.uint8
        assert (back.values == value).all()
    assert [p.name for p in tmp_path.iterdir()] == ["scar.nii.gz"]
    with pytest.raises(InputError, match=r"scar\.mha: expected the ending \.nii or \.nii\.gz"):
        write_volume(tmp_path / "scar.mha", back)


def test_a_full_disk_leaves_nothing_half(tmp_path):
    path = tmp_path / "a.nii"
    write_volume(path, Volume(np.zeros((2, 2, 2), np.float32), np.eye(4)))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(PlatformError, match=r"^a\.nii: could not be written"):
            write_volume(path, Volume(np.random.default_rng(0).random((40, 40, 40)), np.eye(4)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_output_folder(tmp_path):
    with pytest.raises(PlatformError, match=r"^a\.nii: could not be written"):
        write_volume(tmp_path / "none" / "a.nii", Volume(np.zeros((2, 2, 2)), np.eye(4)))


@pytest.mark.real
def test_oblique_real_volume(data_dir):
    path = data_dir / "sunnybrook_lge_infarct" / "lge_psir_sax.nii.gz"
    volume = read_volume(path)
    assert volume.values.shape == (336, 448, 20)
    np.testing.assert_allclose(volume.spacing_mm, [0.78125, 0.78125, 5], atol=1e-4)
    raw = gzip.decompress(path.read_bytes())
    ras = np.eye(4)
    ras[:3] = np.reshape(struct.unpack_from("<12f", raw, 280), (3, 4))
    assert np.abs(ras[:3, :3]).min(axis=0).max() > 0.05  # oblique indeed
    corner_ras = ras @ [335, 447, 19, 1]
    np.testing.assert_allclose(volume.index_to_mm([[335, 447, 19]])[0], corner_ras[:3] * [-1, -1, 1], atol=1e-3)
    voxel = np.frombuffer(raw, "<i2", offset=int(struct.unpack_from("<f", raw, 108)[0])).reshape(20, 448, 336)
    assert volume.values[100, 200, 7] == voxel[7, 200, 100]


@pytest.mark.real
def test_real_cine_is_refused_with_its_axes(data_dir):
    with pytest.raises(InputError, match=r"a 3D image .*, found 4 axes, 160×160×20×20"):
        read_volume(data_dir / "sunnybrook_cine_ep_pig" / "cine_sax_crop160.nii.gz")
