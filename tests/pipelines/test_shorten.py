"""What a compiled pipeline loses so that more shards fit into a run, and what it keeps."""

from __future__ import annotations

import ast
import copy
import json

import pytest

pytest.importorskip("kfp")

from pipelines.ir import IR, find
from pipelines.shorten import shorten, without_docstrings


def function_of(container) -> ast.FunctionDef:
    tree = ast.parse(container["command"][-1])
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return function


def test_sources_keep_signature_and_statements(ir):
    """Compared with the components' own code, docstrings apart."""
    from components.readme import components

    plain = {component.python_func.__name__: component for _, component in components()}
    seen = 0
    for _, container in ir.container_tasks():
        function = function_of(container)
        original = plain[function.name].component_spec.implementation.container
        (before,) = [node for node in ast.parse(original.command[-1]).body if isinstance(node, ast.FunctionDef)]
        assert ast.dump(function.args) == ast.dump(before.args)
        assert [ast.dump(node) for node in function.body] == [ast.dump(node) for node in before.body[1:]]
        assert ast.get_docstring(function) is None
        seen += 1
    assert seen == 7


def test_descriptions_stay_in_the_run_form_alone(ir):
    assert all(spec["description"] for spec in ir.parameters("root").values())
    assert list(find(ir.pipeline["components"], "description")) == []


def test_a_container_that_the_sdk_does_not_start_is_not_touched(ir):
    broken = copy.deepcopy(ir)
    broken.pipeline["deploymentSpec"]["executors"]["exec-train"]["container"]["command"][2] = "exec train"
    with pytest.raises(ValueError, match="expected the launch script of a lightweight component"):
        shorten(broken)


def test_a_function_that_is_only_its_docstring_stays_one():
    assert without_docstrings('def f():\n    """What."""\n') == 'def f():\n    """What."""\n'


def test_a_third_of_the_bytes_of_a_task_is_gone(ir):
    """Against what the SDK alone compiles."""
    import tempfile
    from pathlib import Path

    from kfp import compiler

    from pipelines.argo_size import compressed_bytes
    from pipelines.reconstruct_cohort.pipeline import reconstruct_cohort

    with tempfile.TemporaryDirectory() as folder:
        compiler.Compiler().compile(reconstruct_cohort, f"{folder}/p.yaml")
        plain = IR.parse(Path(f"{folder}/p.yaml").read_text(encoding="utf-8"))
    shards = [[f"S{shard}{one}" for one in range(8)] for shard in range(3)]
    assert compressed_bytes(ir, shards) < 0.72 * compressed_bytes(plain, shards)
    assert len(json.dumps(ir.pipeline)) < 0.85 * len(json.dumps(plain.pipeline))
