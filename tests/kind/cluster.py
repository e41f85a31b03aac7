"""The cluster of these tests: whether it is there, what it holds, and ports that lead into it.

It is the kind cluster that `make kind-up` makes, or the one that `CARDIOSCAR_KUBECONFIG` names.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "kind"
TOOLS = ("docker", "kind", "kubectl", "helm")
MLFLOW_PORT = 15000
"""Local port of MLflow, which checks the Host header: `values.yaml` admits this one."""


def pins() -> dict[str, str]:
    """What `versions.env` says."""
    lines = (HERE / "versions.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))


PINS = pins()


GIVEN = os.environ.get("CARDIOSCAR_KUBECONFIG", "")
"""Kubeconfig of a cluster that is there already; empty for the kind cluster."""
NAMESPACE = os.environ.get("CARDIOSCAR_NAMESPACE") or PINS["NAMESPACE"]
RELEASE = os.environ.get("CARDIOSCAR_RELEASE") or PINS["RELEASE"]


def absent() -> str:
    """Why there is no cluster to test; empty if there is one."""
    missing = [tool for tool in (("kubectl",) if GIVEN else TOOLS) if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if GIVEN:
        command = ["kubectl", "--namespace", NAMESPACE, "get", "service", "ml-pipeline", "--output", "name"]
        found = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
        return (
            "" if found.returncode == 0 else f"no Kubeflow Pipelines in namespace {NAMESPACE}: {found.stderr.strip()}"
        )
    if subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=60).returncode:
        return "the Docker engine does not answer"
    found = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=False, timeout=60)
    if PINS["CLUSTER"] not in found.stdout.split():
        return f"no kind cluster '{PINS['CLUSTER']}': make kind-up"
    if not (BUILD / "image").is_file():
        return "make kind-up has not come to its end"
    return ""


def environment() -> dict[str, str]:
    """Environment of kubectl and helm: the cluster's own kubeconfig."""
    return os.environ | {"KUBECONFIG": GIVEN or str(BUILD / "kubeconfig")}


def stage_image() -> str:
    """Reference of the image that stages run in: `CARDIOSCAR_IMAGE`, or the one that `up.sh` installed."""
    given = os.environ.get("CARDIOSCAR_IMAGE", "").replace("{target}", "cpu")
    return given or (BUILD / "image").read_text(encoding="utf-8").strip()


def store_address(default: str) -> str:
    """Address of the object store as the cluster sees it: `CARDIOSCAR_STORE`, or that of the chart's values."""
    return os.environ.get("CARDIOSCAR_STORE") or default.replace(f".{PINS['NAMESPACE']}.", f".{NAMESPACE}.")


def in_cluster(address: str) -> tuple[str, int] | None:
    """Service and port of an address inside the cluster; None for one that can be reached from here as it is."""
    url = urlsplit(address)
    parts = (url.hostname or "").split(".")
    if len(parts) < 3 or parts[2] != "svc":
        return None
    return parts[0], url.port or (443 if url.scheme == "https" else 80)


def kubectl(*words: str, timeout_s: float = 120) -> str:
    """Output of kubectl in the namespace."""
    command = ["kubectl", "--namespace", NAMESPACE, *words]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=timeout_s)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def listed(kind: str, *words: str) -> list[dict[str, Any]]:
    """Objects of a kind."""
    return list(json.loads(kubectl("get", kind, "--output", "json", *words))["items"])


def secret(name: str) -> dict[str, str]:
    """Values of a secret."""
    data = json.loads(kubectl("get", "secret", name, "--output", "json"))["data"]
    return {key: base64.b64decode(value).decode().strip() for key, value in data.items()}


def workflow(run_id: str) -> dict[str, Any]:
    """The Argo workflow of a run."""
    (found,) = listed("workflows.argoproj.io", "--selector", f"pipeline/runid={run_id}")
    return found


def dump() -> str:
    """Write the cluster's state to a folder; its name."""
    done = subprocess.run(["bash", str(HERE / "dump.sh")], capture_output=True, text=True, check=False, timeout=600)
    return (done.stdout or done.stderr).strip()


class PortForward:
    """A local port that leads to a service, and is restored when the pod behind it is replaced."""

    def __init__(self, service: str, port: int, local: int = 0) -> None:
        self.service, self.port = service, port
        self.local = local or _free_port()
        self.url = f"http://localhost:{self.local}"
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def _keep(self) -> None:
        command = ["kubectl", "--namespace", NAMESPACE, "port-forward", "--address", "127.0.0.1"]
        command += [f"service/{self.service}", f"{self.local}:{self.port}"]
        while not self._stop.is_set():
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(command, env=environment(), **quiet)
            self._process.wait()
            self._stop.wait(1)

    def __enter__(self) -> PortForward:
        self._thread.start()
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.local), timeout=2).close()
                return self
            except OSError:
                assert time.monotonic() < deadline, f"no way to service {self.service}"
                time.sleep(0.5)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._process:
            self._process.terminate()
        self._thread.join(timeout=10)


@contextlib.contextmanager
def way_to(address: str) -> Iterator[str]:
    """Address under which a server of the cluster, or outside of it, is reached from here."""
    inside = in_cluster(address)
    if inside is None:
        yield address
        return
    with PortForward(*inside) as forward:
        yield forward.url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Watched:
    """What a command said while the pods of the namespace were watched."""

    code: int = 0
    out: str = ""
    err: str = ""
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The newest state of each pod that was seen, by uid: finished ones may be removed before the end."""

    @property
    def run_id(self) -> str:
        """Id of the run that was submitted."""
        found = re.search(r"^run +(\S+)$", self.out, re.MULTILINE)
        assert found, f"no run: {self.out}{self.err}"
        return found[1]

    def pods_of(self, workflow_name: str) -> list[dict[str, Any]]:
        """Pods of a workflow."""
        label = "workflows.argoproj.io/workflow"
        return [pod for pod in self.pods.values() if pod["metadata"].get("labels", {}).get(label) == workflow_name]


def cardioscar(*words: str, **variables: str) -> Watched:
    """Run `cardioscar WORDS…` on this machine, and watch the pods meanwhile."""
    watched, over = Watched(), threading.Event()

    def watch() -> None:
        while not over.wait(2):
            watched.pods |= {pod["metadata"]["uid"]: pod for pod in listed("pods")}

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cardioscar.cli", *words],
            env=os.environ | variables, cwd=ROOT, capture_output=True, text=True, check=False, timeout=3600,
        )  # fmt: skip
    finally:
        over.set()
        thread.join(timeout=60)
    watched.code, watched.out, watched.err = done.returncode, done.stdout, done.stderr
    return watched
