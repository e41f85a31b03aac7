"""Endings of files: those that are read, and those that are known for something else."""

from __future__ import annotations


def words_of(text: str) -> frozenset[str]:
    """Words between blanks."""
    return frozenset(text.split())


DATA = words_of("nii gz gzip nrrd nhdr mha mhd vtu vtk vtp ply stl pts elem")
"""Words of the endings that are read."""


FOREIGN = words_of(
    "obj off msh inp vtr vts vti pvtu vtkhdf h5 hdf hdf5 xdmf ugrid mat npy npz dcm dicom ima img hdr mgz mgh "
    "mnc nia seg"
)
"""Words of endings that others use for meshes and images."""


PACKED = words_of("zip bz2 bz xz zst z tar tgz rar dvc lnk shortcut")


VERSIONS = words_of(
    "copy copies kopie copie copia of de von bak backup old orig original new final latest last edited edit fixed "
    "corrected updated tmp temp part partial download crdownload filepart draft v ver version rev txt"
)
"""Words by which people, editors and browsers tell versions of a file apart."""


OTHERS = words_of(
    "json csv tsv md yaml yml xml html pdf png jpg jpeg svg log sha md5 asc sig bval bvec raw zraw lon xlsx xls docx "
    "py sh ini cfg toml"
)
"""Words of endings that are no mesh's and no image's."""


def shown_ending(name: str) -> str:
    """The ending of a file as far as it is one that we know.

    >>> shown_ending("mesh.obj"), shown_ending("lge.smith")
    ('.obj', 'another ending')
    """
    ending = name.rpartition(".")[2]
    return f".{ending}" if ending.lower() in DATA | FOREIGN | PACKED | VERSIONS | OTHERS else "another ending"
