"""DICOM objects of a map read by pydicom alone, and by dcmqi where it is installed; neither knows highdicom."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.dicom_parametric import PROBABILITY, write_parametric_map
from cardioscar.imaging.formats.volume_files import dicom_files
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.exports.dicom import write_map_segmentation, write_parametric_maps
from cardioscar.scar3d.exports.in_slices import MapInSlices, map_in_slices
from tests.lge.test_dicom_seg import raster
from tests.scar3d.exports.maps import image_of, series, tube

pytest.importorskip("highdicom")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return series(tmp_path_factory.mktemp("series") / "lge")


@pytest.fixture(scope="module")
def seen(folder: Path) -> MapInSlices:
    return map_in_slices(tube(), image_of(folder))


def parametric(path: Path, grid: Volume) -> np.ndarray:
    """Values on the grid of an image, each frame where its own attributes say."""
    read = pydicom.dcmread(path)
    assert read.SOPClassUID == pydicom.uid.ParametricMapStorage
    frames = np.frombuffer(read.FloatPixelData, np.float32).reshape(-1, read.Rows, read.Columns)
    shared = read.SharedFunctionalGroupsSequence[0]
    assert shared.PixelMeasuresSequence[0].PixelSpacing == pytest.approx(grid.spacing_mm[[1, 0]])
    turned = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3).T
    np.testing.assert_allclose(turned, grid.affine[:3, :2] / grid.spacing_mm[:2], atol=1e-6)
    found = np.full(grid.values.shape, np.nan, np.float32)
    for frame, group in zip(frames, read.PerFrameFunctionalGroupsSequence, strict=True):
        index = grid.mm_to_index(np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)[None])[0]
        np.testing.assert_allclose(index, [0, 0, round(index[2])], atol=0.01)
        found[..., round(index[2])] = frame.T
        [derived] = group.DerivationImageSequence
        assert derived.SourceImageSequence[0].ReferencedSOPInstanceUID == f"1.2.3.5.{round(index[2]) + 1}"
    return found


def test_scar_and_living_wall_come_back_voxel_by_voxel(tmp_path: Path, folder: Path, seen: MapInSlices) -> None:
    path = tmp_path / "scar_seg.dcm"
    write_map_segmentation(path, seen, dicom_files(folder)[::-1], threshold=0.5)
    found = raster(path, seen.probability)
    np.testing.assert_array_equal(found[1] > 0, seen.wall.values & ~seen.scar(0.5))
    np.testing.assert_array_equal(found[2] > 0, seen.scar(0.5))
    read = pydicom.dcmread(path)
    assert [one.SegmentLabel for one in read.SegmentSequence] == ["Living myocardium", "Myocardial scar"]
    assert (read.PatientID, read.PatientName, read.StudyInstanceUID) == ("", "P-001", "1.2.9.2")
    assert read.SeriesDescription == "Living wall and scar of the 3D map"


def test_numbers_come_back_bit_by_bit(tmp_path: Path, folder: Path, seen: MapInSlices) -> None:
    assert seen.uncertainty is not None
    written = write_parametric_maps(tmp_path, seen, dicom_files(folder))
    for path, values in zip(written, (seen.probability, seen.uncertainty), strict=True):
        np.testing.assert_array_equal(parametric(path, values), values.values)
    read = pydicom.dcmread(written[0])
    assert (read.PatientName, read.FrameOfReferenceUID) == ("P-001", "1.2.9.1")
    mapping = read.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert (mapping.LUTLabel, mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == ("SCAR_P", 1.0, 0.0)
    uids = {pydicom.dcmread(path).SOPInstanceUID for path in written}
    write_parametric_maps(tmp_path, seen, dicom_files(folder)[::-1])
    assert {pydicom.dcmread(path).SOPInstanceUID for path in written} == uids  # the same map is the same object


def dcmqi(tool: str) -> str:
    found = shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} of dcmqi is not installed")
    return found


def test_dcmqi_reads_the_same_voxels(tmp_path: Path, folder: Path, seen: MapInSlices) -> None:
    import SimpleITK

    write_map_segmentation(tmp_path / "seg.dcm", seen, dicom_files(folder), threshold=0.5)
    write_parametric_maps(tmp_path, seen, dicom_files(folder))
    for tool, source in (("segimage2itkimage", "seg.dcm"), ("paramap2itkimage", "scar_probability_map.dcm")):
        words = [dcmqi(tool), "--inputDICOM", str(tmp_path / source), "--outputDirectory", str(tmp_path), "-t", "nrrd"]
        subprocess.run([*words, "--prefix", tool[:3]], check=True, capture_output=True)

    def on_grid(name: str) -> np.ndarray:
        image = SimpleITK.ReadImage(str(tmp_path / name))
        grid = SimpleITK.GetImageFromArray(np.zeros(seen.probability.values.T.shape, np.float32))
        grid.SetSpacing(seen.probability.spacing_mm.tolist())
        grid.SetOrigin(seen.probability.affine[:3, 3].tolist())
        grid.SetDirection((seen.probability.affine[:3, :3] / seen.probability.spacing_mm).ravel().tolist())
        nearest = SimpleITK.Resample(image, grid, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, 0)
        return SimpleITK.GetArrayFromImage(nearest).T

    np.testing.assert_array_equal(on_grid("seg-2.nrrd") > 0, seen.scar(0.5))
    np.testing.assert_array_equal(on_grid("par-pmap.nrrd"), seen.probability.values)


def test_other_series_and_named_people_are_refused(tmp_path: Path, folder: Path, seen: MapInSlices) -> None:
    with pytest.raises(GeometryError, match="an image for each of 5 slices"):
        write_map_segmentation(tmp_path / "x.dcm", seen, dicom_files(folder)[:-1], threshold=0.5)
    named = series(tmp_path / "named", patient="Doe^Jane")
    with pytest.raises(InputError, match="PatientName") as raised:
        write_map_segmentation(tmp_path / "x.dcm", seen, dicom_files(named), threshold=0.5)
    assert "Doe" not in str(raised.value)
    with pytest.raises(InputError, match="x.dcm: expected values from 0 to 1"):
        write_parametric_map(tmp_path / "x.dcm", [], np.full((1, 2, 2), 2.0), PROBABILITY, algorithm="a", where="lge")
    assert not (tmp_path / "x.dcm").exists()
