"""How images are named, which base they get, and what they are made from."""

from __future__ import annotations

import pytest

from components.images import image
from images import build, lock, wheelhouse
from images.requirements import requirements

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def lock_file(tmp_path):
    """A lock file with a comment, one digest and one gap."""
    path = tmp_path / "lock.yaml"
    path.write_text(
        "# why\n"
        "base:\n  image: python:3.11-slim-bookworm\n  digest: null\n  local: local/base:1\n"
        f"cuda_base:\n  image: nvidia/cuda:12.6\n  digest: {DIGEST}\n  local: local/base:1\n",
        encoding="utf-8",
    )
    return path


def test_images_are_named_as_the_components_ask_for_them(monkeypatch):
    monkeypatch.delenv("CARDIOSCAR_IMAGE", raising=False)
    assert build.tag("cpu") == image("cpu")
    assert build.tag("cuda") == image("cuda")


def test_a_base_without_a_digest_is_refused_with_both_ways_out(lock_file):
    locks = lock.read_lock(lock_file)
    with pytest.raises(lock.LockError, match=r"base: expected a digest, found none: run .*--update.*--allow-local"):
        build.base_image(locks["base"], allow_local=False)
    assert build.base_image(locks["cuda_base"], allow_local=True) == f"nvidia/cuda:12.6@{DIGEST}"


def test_an_update_writes_digests_and_keeps_the_rest(lock_file, monkeypatch):
    digests = {
        "python:3.11-slim-bookworm": "sha256:" + "b" * 64,
        "nvidia/cuda:12.6": DIGEST,
    }
    monkeypatch.setattr(lock, "resolve", digests.__getitem__)
    before = lock_file.read_text(encoding="utf-8")
    assert lock.update(lock_file) == ["base: sha256:" + "b" * 64]
    assert lock_file.read_text(encoding="utf-8") == before.replace("null", "sha256:" + "b" * 64)
    assert lock.update(lock_file) == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("null", "sha256:abc", "found sha256:abc"),
        ("slim-bookworm", "slim-bookworm\n  platform: amd64", "found digest, image, local, platform"),
        ("cuda:12.6", "cuda:latest", "a tag other than latest"),
        ("cuda:12.6", "cuda", "a tag other than latest"),
    ],
)
def test_a_wrong_lock_file_is_named(lock_file, old, new, finding):
    lock_file.write_text(lock_file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(lock.LockError, match=finding):
        lock.read_lock(lock_file)


def test_the_projects_own_lock_file_is_right():
    assert set(lock.read_lock()) == {"base", "cuda_base"}


def test_dependencies_come_from_pyproject_by_extra():
    found = requirements(build.ROOT / "pyproject.toml", ["kfp", "tracking"])
    names = [line.split(">=")[0].split("==")[0] for line in found]
    assert {"boto3", "torch", "kfp", "mlflow-skinny"} <= set(names)
    assert "mlflow" not in names
    with pytest.raises(KeyError):
        requirements(build.ROOT / "pyproject.toml", ["no-such-extra"])


def test_emptying_a_wheelhouse_keeps_its_place_in_the_clone(tmp_path):
    (tmp_path / ".gitignore").touch()
    (tmp_path / "torch.whl").touch()
    (tmp_path / "partial").mkdir()
    wheelhouse.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".gitignore"]
