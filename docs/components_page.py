"""Write the list of pipelines and components from their READMEs: `python -m docs.components_page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from docs.written import keep, table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "components.md"

_HEAD = """# Pipelines, components, chart

A component is one container step with a typed door; a pipeline wires components, and compiles to what Kubeflow runs.
Their pages are generated from their code and `metadata.yaml`.
"""
_TAIL = """
[Helm chart](../../charts/cardioscar/README.md): MLflow, buckets, network rules, registered pipelines. How to use
all of it: [deploy](../how-to/deploy.md), [run a cohort on Kubeflow](../how-to/run-a-cohort-on-kubeflow.md).

This page is written from those READMEs: `python -m docs.components_page`.
"""


def render() -> str:
    """Text of the page."""
    lines = [_HEAD, "## Pipelines", "", *_list("pipelines/*/README.md")]
    for category in sorted({path.parts[-3] for path in ROOT.glob("components/*/*/README.md")}):
        lines += ["", f"## Components: {category.replace('_', ' ')}", "", *_list(f"components/{category}/*/README.md")]
    return "\n".join(lines) + "\n" + _TAIL


def _list(pattern: str) -> Iterator[str]:
    pages = sorted(ROOT.glob(pattern))
    rows = [(f"[{page.parent.name}](../../{page.relative_to(ROOT)})", _first_sentence(page)) for page in pages]
    yield from table(("name", "what it does"), rows)


def _first_sentence(page: Path) -> str:
    """What stands below title and stability."""
    return page.read_text(encoding="utf-8").split("\n\n")[2].replace("\n", " ")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; returns the exit code."""
    return keep({PAGE: render()}, arguments, __doc__)


if __name__ == "__main__":
    sys.exit(main())
