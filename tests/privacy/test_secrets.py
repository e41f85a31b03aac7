"""What the environment keeps secret is in no log, row, page, record or compiled pipeline, also when all goes wrong."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cardioscar.cli import main
from tests.finished_run import FLAGS, Run
from tests.privacy.hidden_bytes import holds

ROOT = Path(__file__).resolve().parents[2]
MARK = "s3cretValue"
PLANTED = {
    "AWS_ACCESS_KEY_ID": f"AKIA{MARK}0",
    "AWS_SECRET_ACCESS_KEY": f"{MARK}1/with+signs=",
    "AWS_SESSION_TOKEN": f"{MARK}2",
    "MLFLOW_TRACKING_USERNAME": f"user{MARK}3",
    "MLFLOW_TRACKING_PASSWORD": f"{MARK}4",
    "MLFLOW_TRACKING_TOKEN": f"{MARK}5",
    "CARDIOSCAR_PSEUDONYM_KEY": f"{MARK}6 of the hospital",
    "DATABASE_URL": f"postgresql://ann:{MARK}7@db/mlflow",
    "HF_TOKEN": f"hf_{MARK}8",
    "KFP_TOKEN": f"{MARK}9",
}
UNREACHABLE = f"http://ann:{MARK}@127.0.0.1:9"


@pytest.fixture(autouse=True)
def _planted() -> Iterator[None]:
    before, logger = dict(os.environ), logging.getLogger("cardioscar")
    handlers = (logger.handlers[:], logger.propagate, logger.level)
    os.environ |= PLANTED
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.propagate, _ = handlers
    logger.setLevel(handlers[2])
    os.environ.clear()
    os.environ.update(before)


def leaks(folder: Path) -> list[str]:
    return [
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and holds(p.read_bytes(), (MARK,))
    ]


def test_the_search_sees_every_planted_secret(tmp_path: Path) -> None:
    for number, value in enumerate(PLANTED.values()):
        (tmp_path / f"{number}.txt").write_text(value)
    assert len(leaks(tmp_path)) == len(PLANTED)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_run_that_fails_everywhere_repeats_no_secret(
    finished: Run, log_format: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One subject is damaged, the gateway is away, and the tracking server too: each fault is said."""
    pytest.importorskip("mlflow")
    run = finished.copy(tmp_path, before="group_sort")
    (run.cohort / "P002" / "lge.nii.gz").write_bytes(b"\x1f\x8b\x08")
    for name in ("labels", "scar"):
        (run.cohort / "P002" / f"{name}.nii.gz").write_bytes(b"\x1f\x8b\x08")
    os.environ["CARDIOSCAR_PUSHGATEWAY"] = UNREACHABLE
    os.environ["CARDIOSCAR_LOG_FORMAT"] = log_format
    words = ["run", str(run.cohort), "-o", str(run.out), *FLAGS, "--jobs=1", "--verbose", "--max-failed-fraction=0.5"]
    code = main([*words, f"--tracking-uri={UNREACHABLE}"])
    said = capfd.readouterr()
    assert code == 4, said.err
    assert "MLflow server http://127.0.0.1:9: connection refused" in said.err
    assert MARK not in said.out + said.err
    code = main([*words, "--tracking-uri=off"])
    said = capfd.readouterr()
    assert code == 0, said.err
    assert "metrics are not pushed: Pushgateway http://127.0.0.1:9" in said.err
    assert "P002" in said.out
    assert MARK not in said.out + said.err
    assert leaks(run.out) == []


def test_a_traceback_that_was_asked_for_repeats_no_secret(capfd: pytest.CaptureFixture[str]) -> None:
    main(["--debug", "registry", "find", "--tracking-uri", UNREACHABLE])
    said = capfd.readouterr()
    assert "connection refused" in said.err
    assert MARK not in said.out + said.err


@pytest.mark.slow
def test_compiled_pipelines_hold_nothing_of_the_environment(tmp_path: Path) -> None:
    """Compiled where the secrets are; what differs from the golden file would have come from there."""
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.compile", "--output", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    compiled = sorted(tmp_path.rglob("*.yaml"))
    assert compiled
    assert leaks(tmp_path) == []
    assert MARK not in done.stdout + done.stderr
    values = {value for name, value in os.environ.items() if len(value) > 7 and name in PLANTED}
    assert not any(value in path.read_text(encoding="utf-8") for path in compiled for value in values)


SECRET_WORDS = ("secret", "password", "token", "credential", "access_key", "accesskey", "api_key", "apikey")


def test_pod_specs_name_secrets_and_hold_none() -> None:
    goldens = sorted((ROOT / "tests" / "pipelines" / "golden").glob("*.yaml"))
    assert goldens
    for path in goldens:
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            assert list(plain_secrets(document)) == [], path.name


def plain_secrets(node: object) -> Iterator[str]:
    """Environment variables of a container that sound secret and have a value in plain text."""
    if isinstance(node, dict):
        for item in node.get("env") or ():
            name = item.get("name", "") if isinstance(item, dict) else ""
            if any(word in name.lower() for word in SECRET_WORDS) and item.get("value"):
                yield name
        for value in node.values():
            yield from plain_secrets(value)
    elif isinstance(node, list):
        for value in node:
            yield from plain_secrets(value)


def test_the_lint_of_pod_specs_sees_a_plain_secret() -> None:
    spec = {"container": {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}, {"name": "HOME", "value": "/tmp"}]}}
    assert list(plain_secrets(spec)) == ["AWS_SECRET_ACCESS_KEY"]
