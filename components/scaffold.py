"""Write the files of a new component from a stage of a workflow: `python -m components.scaffold STAGE CATEGORY`.

What is written works and passes the lints. Take away the settings that the run form need not show (`options` takes
them all the same), say what the artifacts hold, and give an artifact another type than Dataset where it has one.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.util
import inspect
import sys
import textwrap
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docstring_parser
import yaml

from components.readme import COMPONENTS, write_readmes

WORKFLOW = "cardioscar.stages.scar3d.workflow:RECONSTRUCT"

_COHORT = {"cohort_uri": ("str", None, "Folder or s3:// prefix of subject folders, or of a cohort.csv.")}
_SUBJECTS = {"subjects": ("list[str]", None, "Ids of the subjects of this shard.")}
_RESULTS = {
    "results_uri": ("str", None, "Folder or s3:// prefix in which each subject's results are published."),
    "tracking_uri": ("str", "", "MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing."),
    "experiment": ("str", "cardioscar", "MLflow experiment of the cohort."),
    "run_id": ("str", "", "Name of the run, which vouches for what it publishes; empty for none."),
}
_PLAIN = (str, int, float, bool)

_CODE = '''"""{does}"""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def {name}(
{parameters}
    options: dict = {{}},  # noqa: B006
):
    """{does}

    Args:
{descriptions}
        options: Further settings of {name} by name.
    """
    from cardioscar.logs import configure
{recording}    from {room} import {module} as stage

    configure(stderr=True)
    settings = dict(
{settings}
        **options,
    )  # names a setting that is given twice
    stage.run(
{arguments}
    )
'''


def settings_of(config: type) -> dict[str, tuple[str, Any, str]]:
    """Type, default and description of each setting that a run form can show: text, numbers, switches, choices."""
    described = {p.arg_name: p.description or "" for p in docstring_parser.parse_from_object(config).params}
    hints, found = typing.get_type_hints(config), {}
    for name, parameter in inspect.signature(config).parameters.items():
        kind = str if typing.get_origin(hints[name]) is typing.Literal else hints[name]
        if kind in _PLAIN and isinstance(parameter.default, kind):
            found[name] = (kind.__name__, parameter.default, " ".join(described.get(name, "").split()))
    return found


def source(stage: Any) -> str:
    """Source of the component of a stage.

    Args:
        stage: What the workflow says of it: name, module, `reads`, `writes`, `publishes`.
    """
    artifacts = [name for name in stage.reads if name != "cohort"]
    settings = settings_of(stage.config)
    given: dict[str, tuple[str, Any, str]] = {
        **(_COHORT if "cohort" in stage.reads else {}),
        **_SUBJECTS,
        **{name: ("dsl.Input[dsl.Dataset]", None, f"Artifact {name} of an earlier stage.") for name in artifacts},
        stage.writes: ("dsl.Output[dsl.Dataset]", None, "One folder for each subject with status.json."),
        **(_RESULTS if stage.publishes else {}),
        **settings,
    }
    reads = ["cohort_uri" if name == "cohort" else f"{name}.path" for name in stage.reads]
    arguments = [*reads, "subjects", f"{stage.writes}.path", "settings"]
    if stage.publishes:
        arguments.append("Recording(results_uri, tracking_uri, experiment, run_id)")
    room, _, module = stage.module.rpartition(".")
    return _CODE.format(
        name=stage.name,
        does=stage.does,
        room=room,
        module=module,
        recording="    from cardioscar.stages.recording import Recording\n" if stage.publishes else "",
        parameters="\n".join(f"    {_parameter(name, kind, value)}," for name, (kind, value, _) in given.items()),
        descriptions="\n".join(_described(name, text) for name, (*_, text) in given.items()),
        settings="\n".join(f"        {name}={name}," for name in settings),
        arguments="\n".join(f"        {argument}," for argument in arguments),
    )


def scaffold(stage: Any, category: str, root: Path = COMPONENTS, *, owner: str = "cardioscar-maintainers") -> Path:
    """Write the files of the component of a stage.

    Args:
        stage: A stage of a workflow.
        category: Folder of components, such as `training`; made if absent.
        root: Folder of all components.
        owner: Who approves changes.

    Returns:
        The component's folder.

    Raises:
        FileExistsError: If there is one already; nothing is written over.
    """
    folder = root / category / stage.name
    folder.mkdir(parents=True)
    if not (folder.parent / "__init__.py").exists():
        (folder.parent / "__init__.py").write_text(f'"""{category.replace("_", " ").capitalize()}."""\n')
    needs = [{"name": "Pipelines", "version": ">=2.17.0"}]
    metadata: dict[str, Any] = {
        "name": stage.name,
        "stability": "alpha",
        "dependencies": {"kubeflow": needs},
        "tags": [category.replace("_", "-")],
        "lastVerified": datetime.datetime.now(tz=datetime.UTC).date(),
        "owners": {"approvers": [owner]},
    }
    if stage.publishes:
        metadata["dependencies"]["external"] = [{"name": "MLflow", "version": ">=3.17"}]
    package = f"components.{category}.{stage.name}"
    (folder / "component.py").write_text(source(stage), encoding="utf-8")
    (folder / "__init__.py").write_text(
        f'"""The `{stage.name}` component."""\n\nfrom {package}.component import {stage.name}\n\n'
        f'__all__ = ["{stage.name}"]\n'
    )
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata, sort_keys=False), encoding="utf-8")
    component = load(folder)
    write_readmes([(folder, component, component.python_func)], check=False)
    return folder


def load(folder: Path) -> Any:
    """The component of a folder, wherever it lies."""
    spec = importlib.util.spec_from_file_location(f"scaffold_{folder.name}", folder / "component.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder.name}/component.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, folder.name)


def _parameter(name: str, kind: str, default: Any) -> str:
    if default is None:
        return f"{name}: {kind}"
    shown = f'"{default}"' if isinstance(default, str) else repr(default)
    return f"{name}: {kind} = {shown}"


def _described(name: str, text: str) -> str:
    return textwrap.fill(
        f"{name}: {text or 'A setting of the stage.'}", 120, initial_indent=" " * 8, subsequent_indent=" " * 12
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m components.scaffold", description=__doc__)
    parser.add_argument("stage", help="name of a stage of the workflow")
    parser.add_argument("category", help="folder of components, such as training")
    parser.add_argument("--workflow", default=WORKFLOW, help=f"module:OBJECT (default: {WORKFLOW})")
    options = parser.parse_args(arguments)
    module, _, name = options.workflow.partition(":")
    workflow = getattr(importlib.import_module(module), name)
    if options.stage not in workflow.names:
        parser.error(f"expected a stage of {options.workflow}: {', '.join(workflow.names)}")
    try:
        folder = scaffold(workflow[options.stage], options.category)
    except FileExistsError:
        parser.error(f"{options.category}/{options.stage} is there already")
    sys.stdout.write(f"{folder.relative_to(COMPONENTS.parent)}: describe its artifacts, then make golden\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
