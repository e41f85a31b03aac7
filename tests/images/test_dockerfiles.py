"""Rules of the Dockerfiles that can be checked without building them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.images.dockerfile import lineage, read_stages

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "images"
FILES = {name: read_stages(IMAGES / name / "Dockerfile") for name in ("cardioscar", "mlflow")}
RUNTIME = [("cardioscar", "cpu"), ("cardioscar", "cuda"), ("cardioscar", "test"), ("mlflow", "server")]


def environment(name: str, target: str) -> dict[str, str]:
    settings = " ".join(rest for stage in lineage(FILES[name], target) for rest in stage.all("ENV"))
    return dict(re.findall(r"(\w+)=(\S+)", settings))


@pytest.mark.parametrize("name", FILES)
def test_bases_are_build_arguments_without_a_usable_default(name):
    stages = FILES[name]
    own = {"scratch", "${BASE}", "${CUDA_BASE}"}
    assert {stage.base for stage in stages.values()} <= own | stages.keys()
    defaults = re.findall(r"^ARG (?:CUDA_)?BASE=(.*)$", (IMAGES / name / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert set(defaults) == {"see-images-lock-yaml"}


@pytest.mark.parametrize(("name", "target"), RUNTIME)
def test_an_image_runs_as_65532_with_its_home_in_tmp_and_no_entrypoint(name, target):
    steps = [step for stage in lineage(FILES[name], target) for step in stage.steps]
    assert [rest for word, rest in steps if word == "USER"][-1] == "65532:65532"
    assert not [rest for word, rest in steps if word == "ENTRYPOINT"]
    assert [rest for word, rest in steps if word == "CMD"]
    settings = environment(name, target)
    assert settings["HOME"] == "/tmp"
    assert settings["PATH"].startswith("/opt/venv/bin:")
    assert settings["PYTHONDONTWRITEBYTECODE"] == "1"


def test_cpu_and_cuda_differ_in_the_driver_settings_alone():
    cpu, cuda = environment("cardioscar", "cpu"), environment("cardioscar", "cuda")
    assert {k: v for k, v in cuda.items() if not k.startswith("NVIDIA_")} == cpu
    kept = [
        [step for step in FILES["cardioscar"][target].steps if step[0] in ("CMD", "USER", "WORKDIR", "RUN")]
        for target in ("cpu", "cuda")
    ]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_the_build_ends_with_a_heart(target):
    runs = FILES["cardioscar"][target].all("RUN")
    assert "sh /selftest.sh" in runs[-1]
    script = (IMAGES / "cardioscar" / "selftest.sh").read_text(encoding="utf-8")
    for words in ("cardioscar --version", "cardioscar phantom", "cardioscar run", "figures/scene"):
        assert words in script


@pytest.mark.slow
def test_the_heart_that_the_build_ends_with_passes_here(tmp_path):
    """The script of the image, with the command line of this checkout: it reads words that the command line says."""
    program = tmp_path / "bin" / "cardioscar"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cardioscar.cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    script = (IMAGES / "cardioscar" / "selftest.sh").read_text(encoding="utf-8")
    assert "\ncd /tmp\n" in script
    (tmp_path / "here").mkdir()
    variables = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-c", script.replace("\ncd /tmp\n", "\n")], cwd=tmp_path / "here", env=variables, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "target"), RUNTIME[:2] + RUNTIME[3:])
def test_no_tool_of_the_build_is_in_the_image(name, target):
    steps = [step for stage in lineage(FILES[name], target) for step in stage.steps]
    assert not [rest for word, rest in steps if re.search(r"binutils|gcc|build-essential|pip install|/opt/pip", rest)]
    labels = " ".join(rest for word, rest in steps if word == "LABEL")
    for key in ("version", "revision", "source", "licenses", "title", "base.name"):
        assert f"org.opencontainers.image.{key}=" in labels


@pytest.mark.parametrize("name", FILES)
def test_no_step_fetches_a_script_adds_an_archive_or_keeps_a_secret(name):
    for stage in FILES[name].values():
        for word, rest in stage.steps:
            assert word != "ADD"
            assert not re.search(r"\b(curl|wget|sudo|chmod 777)\b", rest)
            if word in ("ARG", "ENV"):
                assert not re.search(r"(?i)secret|password|token|_key\b", rest)
            if word == "RUN" and "apt-get" in rest:
                assert "--no-install-recommends" in rest


@pytest.mark.parametrize("name", FILES)
def test_the_context_holds_only_what_is_named(name):
    ignored = (IMAGES / name / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    sources = {
        part.split("/")[0]
        for stage in FILES[name].values()
        for rest in stage.all("COPY")
        if "--from" not in rest
        for part in rest.split()[:-1]
    }
    assert sources <= {line[1:].split("/")[0] for line in ignored if line.startswith("!")}


def test_folders_that_a_build_mounts_are_in_a_fresh_clone():
    for name, stages in FILES.items():
        for stage in stages.values():
            for mounted in re.findall(r"source=(images/\S+?),", " ".join(stage.all("RUN"))):
                place = IMAGES.parent / mounted
                held = place / (".gitignore" if "wheels" in mounted or "debs" in mounted else "build.txt")
                assert place.is_file() or held.is_file(), f"{name}: {mounted}"
