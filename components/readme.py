"""Write the README of each component from its code and metadata: `python -m components.readme [--check]`.

What stands below the line `<!-- custom-content -->` is written by hand and kept.
"""

import argparse
import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import docstring_parser
from kfp import dsl

from components.metadata import Metadata, load_metadata

CUSTOM = "<!-- custom-content -->"
COMPONENTS = Path(__file__).resolve().parent


def components() -> Iterator[tuple[Path, dsl.base_component.BaseComponent]]:
    """Folder and object of every component."""
    for path in sorted(COMPONENTS.glob("*/*/component.py")):
        module = importlib.import_module(".".join(["components", *path.relative_to(COMPONENTS).with_suffix("").parts]))
        yield path.parent, getattr(module, path.parent.name)


def render(asset: Any, function: Any, metadata: Metadata, custom: str = "") -> str:
    """Write the README of a component or pipeline.

    Args:
        asset: What the decorator of kfp made.
        function: The function that was decorated, with its docstring.
        metadata: Contents of its `metadata.yaml`.
        custom: Text to keep below the generated part.

    Returns:
        Markdown.
    """
    document = docstring_parser.parse(function.__doc__)
    described = {parameter.arg_name: parameter.description or "" for parameter in document.params}
    spec = asset.component_spec
    signature = inspect.signature(function).parameters
    lines = [f"# {metadata.name}", "", f"Stability: {metadata.stability}", "", document.short_description or "", ""]
    if document.long_description:
        lines += [document.long_description, ""]
    rows = []
    for name, given in (spec.inputs or {}).items():
        default = signature[name].default
        shown = "required" if default is inspect.Parameter.empty else f"`{default!r}`"
        rows.append((f"`{name}`", _kind(given.type), shown, described[name]))
    lines += ["## Inputs", "", *_table(("Name", "Type", "Default", "Description"), rows), ""]
    if spec.outputs:
        returned = (document.returns.description if document.returns else None) or ""
        outputs = [
            (f"`{name}`", _kind(given.type), described.get(name, returned))
            for name, given in sorted(spec.outputs.items())
        ]
        lines += ["## Outputs", "", *_table(("Name", "Type", "Description"), outputs), ""]
    needs = [f"{d.name} {d.version}" for group in metadata.dependencies.values() for d in group]
    lines += ["## Metadata", "", f"- Needs: {', '.join(needs)}", f"- Tags: {', '.join(metadata.tags)}"]
    lines += [f"- Last verified: {metadata.last_verified.isoformat()}"]
    lines += [
        f"- Owners: {', '.join(name for names in metadata.owners.values() for name in names)}",
        "",
        CUSTOM,
        "",
    ]
    return "\n".join(lines) + custom


def write_readmes(assets: Iterable[tuple[Path, Any, Any]], *, check: bool) -> list[str]:
    """Write the README of each asset, or compare it with what it should be.

    Args:
        assets: Folder, decorated object and plain function of each.
        check: Write nothing.

    Returns:
        Faults, one line each.
    """
    faults = []
    for folder, asset, function in assets:
        path = folder / "README.md"
        present = path.read_text(encoding="utf-8") if path.is_file() else ""
        custom = present.partition(f"{CUSTOM}\n")[2]
        text = render(asset, function, load_metadata(folder / "metadata.yaml"), custom)
        if text == present:
            continue
        if check:
            faults.append(f"{folder.name}/README.md: is not current")
        else:
            path.write_text(text, encoding="utf-8")
    return faults


def run(assets: Iterable[tuple[Path, Any, Any]], arguments: Sequence[str] | None, description: str | None) -> int:
    """Parse the command line and write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a README is not current")
    faults = write_readmes(assets, check=parser.parse_args(arguments).check)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    return 1 if faults else 0


def _kind(name: str) -> str:
    return name.partition("@")[0].removeprefix("system.")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in line) + " |" for line in lines]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the README of every component."""
    return run(((folder, c, c.python_func) for folder, c in components()), arguments, __doc__)


if __name__ == "__main__":
    sys.exit(main())
