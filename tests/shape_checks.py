"""pytest plugin (`-p tests.shape_checks`): every call of the science is checked against its annotations.

jaxtyping checks shapes and kinds of arrays, beartype all other types. `make shapes` runs it apart from `make test`.
"""

from __future__ import annotations

import sys

from beartype import BeartypeConf, beartype
from jaxtyping import Int, install_import_hook

ROOMS = [f"cardioscar.{room}" for room in ("imaging", "learning", "metrics", "phantom", "scar3d")]

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""An int may stand for a float, as type checkers have it."""

# VTK hands indices over as C's long long: int64 to numpy, another name to jaxtyping.
Int.dtypes = (*Int.dtypes, "longlong")

# Workers of pytest-xdist load plugins after conftest.py, and what that imports would go unchecked in silence.
if late := [room for room in ROOMS if room in sys.modules]:
    raise RuntimeError(f"imported before they could be checked: {', '.join(late)}")
install_import_hook(ROOMS, "tests.shape_checks.checked")
