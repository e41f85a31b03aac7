"""Write the chart's README from Chart.yaml and the comments of values.yaml: `python -m charts.readme [--check]`.

A comment that begins with `# --` describes the key below it. What stands below `<!-- custom-content -->` in the README
is written by hand and kept.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent / "cardioscar"
CUSTOM = "<!-- custom-content -->"
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][\w.-]*):(?: |$)")


def descriptions(text: str) -> dict[str, str]:
    """Find the comment of each key.

    Args:
        text: Content of values.yaml, indented by two spaces.

    Returns:
        Dotted path of each described key, with its description.

    >>> descriptions("a:\\n  # -- Number of pods;\\n  # one at least.\\n  b: 1\\n")
    {'a.b': 'Number of pods; one at least.'}
    """
    found: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [stripped.removeprefix("# -- ")]
        elif stripped.startswith("#") and comment:
            comment.append(stripped.removeprefix("#").strip())
        elif match := KEY.match(line):
            depth = len(match["indent"]) // 2
            path = [*path[:depth], match["key"]]
            if comment:
                found[".".join(path)] = " ".join(comment)
            comment = []
    return found


def leaves(values: Any, described: dict[str, str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key with its default; a map that has a description of its own is one."""
    if isinstance(values, dict) and values and path not in described:
        for key, value in values.items():
            yield from leaves(value, described, f"{path}.{key}" if path else key)
    else:
        yield path, values


def render(chart: Path, custom: str = "") -> str:
    """Write the README.

    Args:
        chart: Folder of the chart.
        custom: Text to keep below the generated part.

    Returns:
        Markdown.

    Raises:
        ValueError: If a key of values.yaml has no description.
    """
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    text = (chart / "values.yaml").read_text(encoding="utf-8")
    described = descriptions(text)
    rows = list(leaves(yaml.safe_load(text), described))
    if missing := [path for path, _ in rows if path not in described]:
        raise ValueError(f"values.yaml: expected a comment that begins with '# --' above {', '.join(missing)}")
    lines = [f"# {about['name']}", "", f"{about['description']}.", ""]
    lines += [f"Chart {about['version']}, application {about['appVersion']}, Kubernetes {about['kubeVersion']}.", ""]
    lines += ["## Values", "", "| Key | Default | Description |", "| --- | --- | --- |"]
    for path, default in rows:
        shown = json.dumps(default, ensure_ascii=False)
        lines.append(f"| `{path}` | `{shown}` | {described[path]} |".replace("\\", "\\\\"))
    return "\n".join([*lines, "", CUSTOM, ""]) + custom


def main(arguments: Sequence[str] | None = None, chart: Path = CHART) -> int:
    """Write the README, or compare it with what it should be.

    Returns:
        0 if all is well, 1 if a key has no description or, with `--check`, the README is not current.
    """
    parser = argparse.ArgumentParser(prog="python -m charts.readme", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the README is not current")
    check = parser.parse_args(arguments).check
    path = chart / "README.md"
    present = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        text = render(chart, present.partition(f"{CUSTOM}\n")[2])
    except ValueError as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    if check and text != present:
        sys.stderr.write(f"{chart.name}/README.md: is not current; run python -m charts.readme\n")
        return 1
    if not check:
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
