"""Write the README of each pipeline from its code and metadata: `python -m pipelines.readme [--check]`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from components.readme import run
from pipelines.compile import PIPELINES


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the README of every pipeline."""
    root = Path(__file__).resolve().parent
    assets = ((root / name, function, function.pipeline_func) for name, (function, _) in PIPELINES.items())
    return run(assets, arguments, __doc__)


if __name__ == "__main__":
    sys.exit(main())
