"""`cardioscar doctor`: whether this machine has what the work needs, before hours of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal

State = Literal["ok", "missing", "fails"]
_NEEDED = ("numpy", "scipy", "torch", "vtk", "pyvista", "SimpleITK", "pydicom")
_PACKAGES = (*_NEEDED, "monai", "highdicom", "mlflow-skinny", "kfp")
_LEAST_GB = 5.0


@dataclass(frozen=True)
class Doctor:
    """Look at this machine: versions, GPU, disk, rendering, and the services that are named.

    Exit code 3 where something fails that every run needs, or that was asked for.
    """

    results: str = ""
    """s3:// place to ask for."""
    tracking_uri: str = ""
    """MLflow server or store to ask; by default MLFLOW_TRACKING_URI, if set."""
    host: str = ""
    """Kubeflow Pipelines to ask, such as http://localhost:8080."""
    folder: Path = Path()
    """Folder whose disk is looked at."""
    terminal: OnTerminal = TERMINAL


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    """Its name."""
    state: State
    """`missing`: an option that is not there; `fails`: something that was asked for, or that every run needs."""
    said: str
    """What was found."""


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar doctor`, look, and report."""
    form = parsed(Doctor, f"cardioscar {command}", words)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("cores and memory", _machine),
        ("disk", lambda: _disk(form.folder)),
        ("rendering", _rendering),
    ]
    tracking = form.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if tracking:
        checks.append(("MLflow", lambda: _mlflow(tracking)))
    if form.results:
        checks.append(("object store", lambda: _store(form.results)))
    if form.host:
        checks.append(("Kubeflow Pipelines", lambda: _kubeflow(form.host)))
    found = [_version(name) for name in _PACKAGES] + [_gpu()] + [_tried(what, check) for what, check in checks]
    signs = {"ok": "✓", "missing": "–", "fails": "✗"}
    width = max(len(one.what) for one in found)
    text = "\n".join(f"{signs[one.state]} {one.what:<{width}}  {one.said}" for one in found)
    form.terminal.answer([asdict(one) for one in found], text)
    return 3 if any(one.state == "fails" for one in found) else 0


def _version(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "fails" if name in _NEEDED else "missing", "not installed")


def _tried(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", check())
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what was asked
        return Finding(what, "fails", str(error).splitlines()[0][:300] if str(error) else type(error).__name__)


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("GPU", "missing", "torch is not installed")
    if not torch.cuda.is_available():
        return Finding("GPU", "missing", f"none that torch {torch.__version__} can use; fits run on the CPU")
    free, whole = torch.cuda.mem_get_info()
    return Finding("GPU", "ok", f"{torch.cuda.get_device_name()}, {free / 2**30:.0f} of {whole / 2**30:.0f} GiB free")


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB"


def _disk(folder: Path) -> str:
    if not folder.is_dir():
        raise OSError(f"--folder {folder}: no such folder")
    free = shutil.disk_usage(folder).free / 2**30
    if free < _LEAST_GB:
        raise OSError(f"{free:.1f} GiB free, fewer than {_LEAST_GB:g}")
    return f"{free:.0f} GiB free"


def _rendering() -> str:
    import numpy as np
    import pyvista as pv

    from cardioscar.report.camera import photograph, standard_views, studio
    from cardioscar.report.offscreen import prepare_rendering

    prepare_rendering()
    ball = pv.Sphere(radius=20.0)
    view = standard_views(np.array([0.0, 0, 1]), np.array([1.0, 0, 0]), "")[0]
    with studio() as plotter:
        plotter.add_mesh(ball, color="#921a4c")
        picture = photograph(plotter, view, np.asarray(ball.points, dtype=float), 25.0)
    if picture.std() < 1:
        raise RuntimeError("a ball was drawn and is not seen")
    return "3D pictures are drawn"


def _mlflow(uri: str) -> str:
    from cardioscar.services.tracking.client import TrackingTarget, answering, connect

    target = TrackingTarget(uri)
    client = connect(target, create=False)
    with answering(target):
        count = len(client.search_experiments(max_results=1000))
    return f"{target.label} answers, {count} experiment{'' if count == 1 else 's'}"


def _store(uri: str) -> str:
    from cardioscar.results.opening import read_results

    read_results(uri).ask()
    return f"{uri} answers"


def _kubeflow(host: str) -> str:
    from cardioscar.services.kubeflow.client import KubeflowApi
    from cardioscar.services.kubeflow.target import KubeflowTarget

    api = KubeflowApi(KubeflowTarget(host), pauses_s=())
    api.wait_until_up(10.0)
    return f"{host} answers"
