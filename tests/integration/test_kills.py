"""`cardioscar run` over ten hearts, killed at random moments, with results in S3 and records in MLflow."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.ceph import Ceph
from tests.integration.counts import Counts
from tests.integration.mlflow_server import MlflowServer
from tests.integration.published import complete, recorded, recorded_once, rows

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = int(os.environ.get("CARDIOSCAR_KILLS", "12"))
"""A multiple of four; before a release more of them."""
ANCHORS = {"start": 4.0, "train": 0.8, "evaluate": 0.5, "record": 3.0}
"""What a kill waits for, and the longest time after it in s: moments drawn over the whole run would nearly all lie
in the import of torch. Every fourth kill waits for each; `record` begins when the last subject is evaluated."""

FLAGS = ("--steps=40", "--checkpoint-seconds=0", "--samples=3", "--device=cpu", "--no-figures", "--jobs=2")


def start(words: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start the command as the leader of a process group."""
    return subprocess.Popen(
        [sys.executable, "-m", "cardioscar.cli", *words], env=os.environ | environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def seen(log: Path, begin: int) -> list[str]:
    """The stages that the log has named since this run began, one for each line."""
    lines = log.read_bytes()[begin:].decode(errors="replace").splitlines() if log.is_file() else []
    return [words[2] for words in map(str.split, lines) if len(words) > 2]


def reached(anchor: str, stages: list[str], subjects: int) -> bool:
    """Whether the moment has come from which a kill's delay counts."""
    if anchor == "start":
        return bool(stages)
    return stages.count("evaluate") >= subjects if anchor == "record" else anchor in stages


def wait_for(process: subprocess.Popen[str], log: Path, begin: int, anchor: str, delay_s: float, subjects: int) -> None:
    """Wait for a kill's moment, or the end of the run."""
    while process.poll() is None and not reached(anchor, seen(log, begin), subjects):
        time.sleep(0.003)
    deadline = time.monotonic() + delay_s
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.003)


def test_kills_leave_every_subject_once(
    ceph: Ceph, mlflow_server: MlflowServer, hearts: Path, tmp_path, counts: Counts
):
    moments = random.Random(20)
    anchors = list(ANCHORS) * (KILLS // len(ANCHORS))
    moments.shuffle(anchors)
    subjects = sorted(path.name for path in hearts.iterdir() if path.is_dir())
    environment = ceph.environment() | {"OMP_NUM_THREADS": "1"}
    bucket = ceph.bucket()
    ceph.upload(hearts, bucket, "cohort")
    kills, rounds, runs_done, half_done = 0, 0, 0, 0
    where: Counter[str] = Counter()
    clock = time.perf_counter()
    while kills < KILLS:
        rounds += 1
        out, prefix, experiment = tmp_path / f"out-{rounds}", f"results/{rounds}", f"kills-{secrets.token_hex(4)}"
        words = [
            "run", f"s3://{bucket}/cohort", "-o", str(out), "--results", f"s3://{bucket}/{prefix}",
            "--tracking-uri", mlflow_server.url, "--experiment", experiment, *FLAGS,
        ]  # fmt: skip
        ended = False
        while not ended:
            process, log = start(words, environment), out / "run.log"
            begin = log.stat().st_size if log.is_file() else 0
            if kills < KILLS:
                anchor = anchors[kills]
                wait_for(process, log, begin, anchor, moments.uniform(0.0, ANCHORS[anchor]), len(subjects))
            if kills < KILLS and process.poll() is None:
                stages = seen(log, begin)
                where["record" if reached("record", stages, len(subjects)) else stages[-1]] += 1
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                kills += 1
                whole = rows(ceph, bucket, prefix)  # every marker vouches for what is there
                known, _ = recorded(mlflow_server.url, experiment)
                assert all(len(of_subject) == 1 for of_subject in known.values())
                half_done += len(
                    {key.split("/")[0] for key in ceph.objects(bucket, prefix) if "/" in key} - whole.keys()
                )
            else:
                said, _ = process.communicate(timeout=300)
                assert process.returncode == 0, said
                ended = True
        runs_done += 1
        complete(ceph, bucket, prefix, subjects)
        recorded_once(mlflow_server.url, experiment, subjects)
    counts.add(
        "kills", "cardioscar run, 10 subjects", kills=kills, cohorts_completed=runs_done,
        subjects_complete=runs_done * len(subjects), lost=0, twice=0, unfinished_publications_seen=half_done,
        seconds=time.perf_counter() - clock, killed_during=", ".join(f"{k} {n}" for k, n in where.most_common()),
    )  # fmt: skip
