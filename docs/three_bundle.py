"""Write `cardioscar/report/assets/three.min.js`: what the pages need of three.js, in one file without imports.

    python docs/three_bundle.py

Asks the npm registry through `npm pack` for the two packages below, refuses any other content than that of their sums,
and bundles without the network. The result goes into the package: nobody who installs or runs cardioscar needs npm.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGES = {
    "three": ("0.187.0", "ff540832ded0cfe919764d24a3d88f3e2a05f23303f876423e4f893841e90728"),
    "@esbuild/linux-x64": ("0.28.2", "9573bb2233aab0f9ea7647d5cca9726113cc1768de61d66b17267f4db84488f6"),
}
NAMES = [
    "BufferAttribute",
    "BufferGeometry",
    "CatmullRomCurve3",
    "Color",
    "Data3DTexture",
    "DataTexture",
    "DoubleSide",
    "GLSL3",
    "Group",
    "LineBasicMaterial",
    "LineSegments",
    "LinearFilter",
    "Mesh",
    "MeshBasicMaterial",
    "OrthographicCamera",
    "PlaneGeometry",
    "RedFormat",
    "RGBAFormat",
    "Scene",
    "ShaderMaterial",
    "SphereGeometry",
    "Spherical",
    "TubeGeometry",
    "UnsignedByteType",
    "Vector3",
    "WebGLRenderer",
]
TARGET = Path(__file__).resolve().parents[1] / "cardioscar" / "report" / "assets"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unpacked(name: str, folder: Path) -> Path:
    version, sha256 = PACKAGES[name]
    packed = ["npm", "pack", f"{name}@{version}", "--silent"]
    archive = folder / subprocess.run(packed, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    if _sha256(archive) != sha256:
        raise SystemExit(f"{archive.name}: expected sha256 {sha256}, found {_sha256(archive)}")
    place = folder / "node_modules" / name
    with tarfile.open(archive) as content:
        content.extractall(folder / archive.stem, filter="data")
    place.parent.mkdir(parents=True, exist_ok=True)
    (folder / archive.stem / "package").rename(place)
    return place


def main() -> None:
    """Fetch, check, bundle, and write script, licence and record."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        three, bundler = (_unpacked(name, folder) for name in PACKAGES)
        entry = folder / "entry.js"
        entry.write_text(
            f"export {{ {', '.join(NAMES)} }} from 'three';\n"
            "export { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';\n",
            encoding="utf-8",
        )
        script = TARGET / "three.min.js"
        command = [bundler / "bin" / "esbuild", entry, "--bundle", "--minify", "--format=iife", "--global-name=THREE"]
        command += ["--legal-comments=eof", "--charset=ascii", f"--outfile={script}", "--log-level=warning"]
        subprocess.run([str(part) for part in command], cwd=folder, check=True)  # noqa: S603
        (TARGET / "three.LICENSE.txt").write_bytes((three / "LICENSE").read_bytes())
    record = {
        "packages": {name: {"version": version, "sha256": sha} for name, (version, sha) in PACKAGES.items()},
        "sha256": _sha256(script),
    }
    (TARGET / "three.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
