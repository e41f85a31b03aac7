"""Write the map of the package into `CONTRIBUTING.md`: each room with its first line, floor by floor, from the code.

python docs/house_map.py
"""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- map: made by docs/house_map.py -->", "<!-- end of the map -->"


def first_line(path: Path) -> str:
    """First line of a module's docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").rstrip(".")


def floors() -> list[list[str]]:
    """Rooms of the package from the top down; those of a floor do not know each other."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [one["layers"] for one in contracts if one["name"] == "Layers of the package"]
    return [[name.strip() for name in layer.split("|")] for layer in layers]


def house_map() -> str:
    """The map as a table."""
    rows = []
    for floor in floors():
        for room in floor:
            place = ROOT / "cardioscar" / room
            if not place.is_dir():
                rows.append(f"| `{room}.py` | {first_line(place.with_suffix('.py'))} |")
                continue
            rows.append(f"| **`{room}/`** | {first_line(place / '__init__.py')} |")
            parts = [part for part in sorted(place.iterdir()) if (part / "__init__.py").is_file()]
            rows += [f"| `{room}/{part.name}/` | {first_line(part / '__init__.py')} |" for part in parts]
    return "\n".join(["| room | what is there |", "|---|---|", *rows])


def main(words: list[str] | None = None) -> int:
    """Replace the map in the page, or with `--check` say whether it is the one that the code makes."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    made = f"{before}{BEGIN}\n\n{house_map()}\n\n{END}{rest.partition(END)[2]}"
    if "--check" in (sys.argv[1:] if words is None else words):
        if made != text:
            sys.stderr.write(f"{PAGE.name}: another map than the code's; run make golden\n")
        return int(made != text)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
