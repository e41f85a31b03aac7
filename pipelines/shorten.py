"""Shorter tasks: Argo keeps what describes a task several times over, and a workflow may have 1 MiB.

Descriptions and docstrings stay where somebody reads them: in the run form (the outermost inputs), in the components'
code and in their READMEs.
"""

from __future__ import annotations

import ast
from typing import Any

from pipelines.ir import IR

_LAUNCH = (
    'd=$(mktemp -d)\nprintf "%s" "$0" > "$d/c.py"\n'
    '_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path "$d/c.py" "$@"\n'
)
"""What the SDK's launch script does, in a third of its length."""


def shorten(ir: IR) -> None:
    """Take out of a compiled pipeline what no driver, launcher or run form reads.

    Args:
        ir: Compiled pipeline of lightweight components; changed in place.

    Raises:
        ValueError: If a container is not started by the SDK's launch script.
    """
    for component in ir.pipeline["components"].values():
        for side in ("inputDefinitions", "outputDefinitions"):
            for kind in component.get(side, {}).values():
                for definition in kind.values():
                    definition.pop("description", None)
    for executor in ir.pipeline["deploymentSpec"]["executors"].values():
        _shorten_command(executor["container"])


def _shorten_command(container: dict[str, Any]) -> None:
    shell, option, script, source = container["command"]
    if (shell, option) != ("sh", "-ec") or "kfp.dsl.executor_main" not in script:
        raise ValueError(f"{container['args']}: expected the launch script of a lightweight component")
    container["command"] = [shell, option, _LAUNCH, without_docstrings(source)]


def without_docstrings(source: str) -> str:
    """The same code without docstrings, comments and blank lines.

    >>> without_docstrings('def f(a: int = 1):\\n    "What."\\n\\n    return a  # one\\n')
    'def f(a: int=1):\\n    return a\\n'
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None and len(node.body) > 1:
            node.body = node.body[1:]
    return ast.unparse(tree) + "\n"
