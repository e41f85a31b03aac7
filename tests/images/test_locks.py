"""What is installed into images is known to the byte: an exchanged file of the same version is refused."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from images import locks, wheelhouse
from images.locks import LocksError


@pytest.mark.parametrize("name", locks.SETS)
def test_every_distribution_of_a_set_has_the_version_of_the_constraints_and_hashes(name):
    text = locks.path(name).read_text(encoding="utf-8")
    locks.check(name, text)
    assert all(len(sha256) == 64 for _, hashes in locks.pins(text).values() for sha256 in hashes)


def test_a_gap_is_named():
    text = locks.path("sbom").read_text(encoding="utf-8")
    with pytest.raises(LocksError, match="sbom: packageurl-python: expected a sha256, found none"):
        locks.check("sbom", text.partition("packageurl-python==")[0] + "packageurl-python==0.17.6\n")
    with pytest.raises(LocksError, match="build: numpy: expected .* as in constraints.txt, found 0.9"):
        locks.check("build", "numpy==0.9 --hash=sha256:ab\n")
    with pytest.raises(LocksError, match="mlflow: expected psycopg, found none: make lock"):
        locks.check("mlflow", "mlflow==3.17.2 --hash=sha256:ab\nboto3==1.44.5 --hash=sha256:ab\n")
    with pytest.raises(LocksError, match="run: expected torch's cpu build, found the other"):
        locks.check("run", locks.path("cuda").read_text(encoding="utf-8"))


def _wheel(folder: Path, name: str, content: str) -> str:
    """Write a wheel of version 1.0; its sha256."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", content)
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for its index, and locks of a tool and a package in it; the folder is empty still."""
    index, made = tmp_path / "index", tmp_path / "locks"
    for folder in (index, made, tmp_path / "wheels"):
        folder.mkdir()
    for variable, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(locks, "FOLDER", made)
    monkeypatch.setitem(wheelhouse._FOLDERS, "sbom", tmp_path / "wheels")
    (made / "build.txt").write_text(f"tool==1.0 --hash=sha256:{_wheel(index, 'tool', 'a = 1')}\n")
    (made / "sbom.txt").write_text(f"heart==1.0 --hash=sha256:{_wheel(index, 'heart', 'beats = 72')}\n")
    return index


@pytest.mark.slow
def test_an_exchanged_wheel_of_the_same_version_is_refused(index):
    wheels = wheelhouse.fetch_wheels("sbom")
    (held,) = wheels.glob("*.whl")
    sound = held.read_bytes()
    # exchanged in the folder: fetched again
    _wheel(wheels, "heart", "beats = 0")
    assert held.read_bytes() != sound
    wheelhouse.fetch_wheels("sbom")
    assert held.read_bytes() == sound
    # exchanged where it comes from, the package or a tool of the build
    for name in ("heart", "tool"):
        before = (index / f"{name}-1.0-py3-none-any.whl").read_bytes()
        _wheel(index, name, "steal()")
        held.unlink(missing_ok=True)
        with pytest.raises(wheelhouse.WheelhouseError, match=f"wheels of sbom: not the bytes .* names: {name}==1.0"):
            wheelhouse.fetch_wheels("sbom")
        assert not list(wheels.glob("*.whl"))
        (index / f"{name}-1.0-py3-none-any.whl").write_bytes(before)


def test_every_installation_in_an_image_asks_for_hashes_or_takes_what_was_checked():
    """`--no-index` reads a folder that `fetch_wheels` filled, or a stage of the same build."""
    root = locks.ROOT / "images"
    found = 0
    for path in (root / "cardioscar/Dockerfile", root / "mlflow/Dockerfile", root / "venv.sh"):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ").replace("$verified", "--require-hashes")
        for command in text.split("&&"):
            for line in command.splitlines():
                if "pip install" in line or "pip wheel" in line or "$pip install" in line:
                    found += 1
                    for part in line.split("; else "):
                        assert (
                            "--require-hashes" in part
                            or "--no-index" in part
                            or "--no-deps --wheel-dir" in part
                            or ("--no-build-isolation --wheel-dir /dist /src" in part)
                        ), part
    assert found >= 7
