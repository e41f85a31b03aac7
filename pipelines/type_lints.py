"""Rules about the types of what tasks hand on: Kubeflow's drivers check them at run time, its local runner does not."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

from pipelines.ir import IR, Task

_UNTYPED = {"list", "List", "typing.List"}
_ITEM_TYPES: dict[type, str] = {
    bool: "BOOLEAN", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", str: "STRING", list: "LIST", dict: "STRUCT",
}  # fmt: skip


def mistyped_inputs(ir: IR) -> Iterator[str]:
    """A parameter reaches a task with the type that its component declares."""
    for task in ir.tasks():
        declared = ir.parameters(task.component)
        for name, source in task.spec.get("inputs", {}).get("parameters", {}).items():
            wanted = declared.get(name, {}).get("parameterType")
            given = _type_of(ir, task, source)
            if given and wanted and given != wanted and (given, wanted) != ("NUMBER_INTEGER", "NUMBER_DOUBLE"):
                yield f"{task.dag}/{task.name}: {name!r} receives {given}, {task.component} declares {wanted}"


def untyped_loops(ir: IR) -> Iterator[str]:
    """The items of every loop have a type: those of an untyped list compile to STRING, whatever they are.

    The compiled types do not tell `list` from `list[str]`; the source of the component that makes the list does.
    """
    for task in ir.tasks():
        iterator = task.spec.get("parameterIterator")
        if iterator is None:
            continue
        where = f"{task.dag}/{task.name}"
        item = ir.parameters(task.component).get(iterator["itemInput"], {}).get("parameterType", "none")
        items = iterator["items"]
        if "raw" in items:
            found = {_ITEM_TYPES.get(type(value), "none") for value in json.loads(items["raw"])}
            if found - {item}:
                yield f"{where}: loops over items declared {item}, found {', '.join(sorted(found))}"
            continue
        source = task.spec["inputs"]["parameters"].get(items["inputParameter"], {}).get("taskOutputParameter")
        if source and _annotation(ir, task, source) in _UNTYPED:
            yield f"{where}: loops over an untyped list of {source['producerTask']}; declare the type of its items"


def _type_of(ir: IR, task: Task, source: dict[str, Any]) -> str | None:
    if outer := source.get("componentInputParameter"):
        return ir.parameters(task.dag).get(outer, {}).get("parameterType")
    if output := source.get("taskOutputParameter"):
        producer = ir.component(task.dag)["dag"]["tasks"][output["producerTask"]]["componentRef"]["name"]
        outputs = ir.component(producer).get("outputDefinitions", {}).get("parameters", {})
        found = outputs.get(output["outputParameterKey"], {}).get("parameterType")
        return None if found is None else str(found)
    return None  # a constant, which the compiler has checked


def _annotation(ir: IR, task: Task, source: dict[str, Any]) -> str | None:
    """What the source of the producing component says of the type of an output; None where there is no source."""
    producer = ir.component(task.dag)["dag"]["tasks"][source["producerTask"]]["componentRef"]["name"]
    label = ir.component(producer).get("executorLabel")
    if label is None:
        return None
    container = ir.pipeline["deploymentSpec"]["executors"][label]["container"]
    for text in container.get("command", []):
        try:
            functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        except SyntaxError:
            continue
        for function in functions:
            if function.name in container.get("args", []):
                return _declared(function, source["outputParameterKey"])
    return None


def _declared(function: ast.FunctionDef, output: str) -> str | None:
    """Annotation of the value that is returned, or of the `OutputPath` of that name."""
    for argument in function.args.args:
        if argument.arg == output and isinstance(argument.annotation, ast.Call):
            return ast.unparse(argument.annotation.args[0])
    return ast.unparse(function.returns) if function.returns is not None else None
