"""fTetWild in a process of its own.

fTetWild [@hu2020] leaves files in the current folder, and a surface that it cannot cope with ends the process. So it
works in a temporary folder, where neither does harm. Run as a program, `python -m cardioscar.imaging.meshing.tetwild
PARENT`, this module reads `surface.npz` and writes `mesh.npz` in its current folder, and ends with the process of that
number.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
from jaxtyping import Float

from cardioscar.errors import GeometryError
from cardioscar.files.end_with_parent import end_with_parent
from cardioscar.files.private_folder import private_folder
from cardioscar.imaging.tetrahedra import Tetrahedra, Triangles, oriented
from cardioscar.types import Points

# The coarse meshes that are asked for take seconds; a surface that takes this long is beyond hope.
TIMEOUT_SECONDS = 900


def fill_surface(
    vertices_mm: Points,
    triangles: Triangles,
    *,
    edge_mm: float,
    envelope_mm: float,
    stop_energy: float,
    source: str = "surface",
) -> tuple[Float[np.ndarray, "nodes 3"], Tetrahedra]:
    """Fill a closed surface with tetrahedra.

    fTetWild shuffles the order of its work by the machine's random numbers, so two runs give different meshes of the
    same quality.

    Args:
        vertices_mm: Corners of the surface.
        triangles: Closed surface.
        edge_mm: Edge length aimed at.
        envelope_mm: Largest distance of the new boundary from the surface.
        stop_energy: Conformal AMIPS energy of the worst cell at which the optimisation stops (3 is a regular
            cell).
        source: File name, for messages.

    Returns:
        Nodes and tetrahedra of positive volume.

    Raises:
        GeometryError: If fTetWild fails on the surface or finds nothing inside it.
    """
    with private_folder() as folder:
        np.savez(
            folder / "surface.npz",
            vertices=np.ascontiguousarray(vertices_mm, dtype=np.float64),
            triangles=np.ascontiguousarray(triangles, dtype=np.int32),
            edge_mm=edge_mm,
            envelope_mm=envelope_mm,
            stop_energy=stop_energy,
        )
        rule = "a surface that fTetWild can fill"
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "cardioscar.imaging.meshing.tetwild", str(os.getpid())],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            raise GeometryError(source, rule, f"no mesh within {TIMEOUT_SECONDS} s") from expired
        result = folder / "mesh.npz"
        if done.returncode != 0 or not result.is_file():
            raise GeometryError(source, rule, f"it ended with code {done.returncode}")
        with np.load(result) as mesh:
            nodes, cells = mesh["nodes"], mesh["cells"].astype(np.int64)
    if len(cells) == 0:
        raise GeometryError(source, "a surface that encloses a volume", "nothing inside it")
    return nodes, oriented(nodes, cells)


def _main() -> None:
    end_with_parent(int(sys.argv[1]))
    import pytetwild

    with np.load("surface.npz") as surface:
        vertices, triangles = surface["vertices"], surface["triangles"]
        nodes, cells = pytetwild.tetrahedralize(
            vertices,
            triangles,
            edge_length_abs=float(surface["edge_mm"]),
            # fTetWild wants the envelope as a share of the diagonal of the bounding box.
            epsilon=float(surface["envelope_mm"] / np.linalg.norm(np.ptp(vertices, axis=0))),
            stop_energy=float(surface["stop_energy"]),
            num_threads=1,
            quiet=True,
        )
    np.savez("mesh.npz", nodes=nodes, cells=cells)


if __name__ == "__main__":
    _main()
