"""What a family declares of its cohort, and what a declaration must keep to."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from cardioscar.cohort.layout import CohortLayout, OneOf, Role
from cardioscar.errors import ConfigError
from cardioscar.scar3d.subject_settings import SETTINGS, SubjectSettings
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT


@pytest.mark.parametrize(
    ("roles", "needs", "costs", "found"),
    [
        (("cine", "cine"), (), (), "cine"),
        (("settings",), (), (), "settings"),
        (("subject",), (), (), "subject"),
        (("cine",), (OneOf(("cine", "lge"), "one"),), (), "lge"),
        (("cine",), (), (("mesh",), ("cine",)), "mesh"),
    ],
)
def test_a_layout_names_each_role_once_and_no_other(
    roles: tuple[str, ...], needs: tuple[OneOf, ...], costs: tuple[tuple[str, ...], ...], found: str
) -> None:
    with pytest.raises(ConfigError, match=f"^cohort layout: .*, found {found}$"):
        CohortLayout(tuple(Role(name, (".nii",)) for name in roles), needs, costs, "")


def test_the_reconstructions_settings_are_those_of_its_science() -> None:
    assert (SCAR3D_LAYOUT.settings, SCAR3D_LAYOUT.settings_type) == (SETTINGS, SubjectSettings)


def test_a_layout_travels_to_another_process() -> None:
    assert SCAR3D_LAYOUT.columns  # what it has worked out travels, or not, with it
    assert pickle.loads(pickle.dumps(SCAR3D_LAYOUT)) == SCAR3D_LAYOUT


def test_declarations_load_no_science() -> None:
    heavy = "{'numpy', 'scipy', 'torch', 'vtkmodules', 'mlflow', 'boto3'}"
    code = f"import sys, cardioscar.stages.families; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
