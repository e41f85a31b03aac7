"""Print what pyproject.toml requires, one requirement a line: `python images/requirements.py EXTRA…`.

The dependencies get a layer of their own, which stays as it is when only the sources change.
"""

import sys
import tomllib
from pathlib import Path


def requirements(pyproject: Path, extras: list[str]) -> list[str]:
    """Return the dependencies of the project and of some of its extras.

    Raises:
        KeyError: If there is no such extra.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    return project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(Path("pyproject.toml"), sys.argv[1:])) + "\n")
