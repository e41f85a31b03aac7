"""Nothing that is read can run: no pickle, no evaluated text, no shell, no archive unpacked by its own paths."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for room in ("cardioscar", "components", "pipelines", "images") for path in (ROOT / room).rglob("*.py")
)

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "telnetlib", "xmlrpc"}
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp", "shutil.unpack_archive",
    "torch.jit.load", "torch.hub.load", "yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all",
    "yaml.full_load_all", "pandas.read_pickle", "numpy.ctypeslib.load_library", "mlflow.pyfunc.load_model",
    "mlflow.pytorch.load_model", "ssl._create_unverified_context",
}  # fmt: skip
BUILTINS = {"eval", "exec", "compile", "__import__"}
SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "BaseLoader"}
METHODS = {"extractall", "extract"}
"""Of archives: their members say where they go."""


def flaws(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    names = dict(_imports(tree)) | dict(_made(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"import {a.name}" for a in node.names if a.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield f"from {node.module} import"
        elif isinstance(node, ast.Call):
            yield from _call(node, names)


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((a.asname or a.name, a.name) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((a.asname or a.name, f"{node.module}.{a.name}") for a in node.names)


def _made(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names of the module's own for a loader of YAML."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and "Loader" in ast.unparse(node.value)
        ):
            words = set(re.findall(r"\w*Loader\b", ast.unparse(node.value)))
            yield node.targets[0].id, "yaml.SafeLoader" if words <= SAFE_LOADERS else "yaml.Loader"


def _call(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    parts: list[str] = []
    called = node.func
    while isinstance(called, ast.Attribute):
        parts.insert(0, called.attr)
        called = called.value
    if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
        yield node.func.attr
    if isinstance(called, ast.Name):
        parts.insert(0, names.get(called.id, called.id))
    name = ".".join(parts).replace("np.", "numpy.")
    options = {k.arg: k.value for k in node.keywords}
    if name in CALLS and (name not in BUILTINS or isinstance(node.func, ast.Name)):
        yield name
    if name == "torch.load" and not _is(options.get("weights_only"), True):
        yield "torch.load without weights_only"
    if name == "numpy.load" and "allow_pickle" in options and not _is(options["allow_pickle"], False):
        yield "numpy.load with allow_pickle"  # without, it refuses pickles
    if name in ("yaml.load", "yaml.load_all"):
        loader = options.get("Loader") or (node.args[1] if len(node.args) > 1 else None)
        text = ast.unparse(loader) if loader is not None else ""
        if names.get(text, text).split(".")[-1] not in SAFE_LOADERS:
            yield "yaml.load"
    if "shell" in options and not _is(options["shell"], False):
        yield f"{name} with a shell"
    if _is(options.get("verify"), False):
        yield f"{name} without checking certificates"


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def test_the_search_covers_the_package() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} >= {"cardioscar", "components", "pipelines"}
    assert len(SOURCES) > 100


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_loads_what_can_run(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert list(flaws(source)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import numpy\nnumpy.load(p, allow_pickle=True)",
        "import torch\ntorch.load(p)",
        "import torch\ntorch.load(p, weights_only=False)",
        "import yaml\nyaml.load(t)",
        "import yaml\nyaml.load(t, Loader=yaml.Loader)",
        "from yaml import load\nload(t, yaml.FullLoader)",
        "eval(t)",
        "import subprocess\nsubprocess.run(t, shell=True)",
        "import zipfile\nzipfile.ZipFile(p).extractall(q)",
        "import tempfile\ntempfile.mktemp()",
        "import os\nos.system(t)",
        "import requests\nrequests.get(u, verify=False)",
        "from shutil import unpack_archive\nunpack_archive(p)",
        "import yaml\nL = yaml.FullLoader\nyaml.load(t, L)",
    ],
)
def test_the_search_sees(source: str) -> None:
    assert list(flaws(source))


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.load(p, allow_pickle=False)",
        "import torch\ntorch.load(p, weights_only=True)",
        "import yaml\nyaml.load(t, Loader=yaml.SafeLoader)\nyaml.safe_load(t)",
        "import re\nre.compile(t)",
        "field.eval()",
        "import subprocess\nsubprocess.run([a, b])",
        "text.extract_surface()",
        "import yaml\nL = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)\nyaml.load(t, L)",
    ],
)
def test_the_search_passes_over_what_is_safe(source: str) -> None:
    assert list(flaws(source)) == []
