"""How a family's cohort is laid out: which file of a subject is for what, and which of them make a subject.

A family declares its `CohortLayout`; listing, reading and copying obey it and name no role of any family themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pkgutil import resolve_name
from typing import Literal

from cardioscar.errors import ConfigError

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
MESH_SUFFIXES = (".vtu", ".vtk", ".vtp", ".ply", ".stl", ".pts", ".elem")
OPENCARP = (".pts", ".elem")
"""Endings of two files that are one mesh; a third, `.lon`, may lie beside them."""

MANIFEST = "cohort.csv"
SUBJECT, SETTINGS_COLUMN = "subject", "settings"
"""Columns of a manifest that are no roles."""


@dataclass(frozen=True)
class Role:
    """What a file of a subject is for: it is named `<role><ending>`.

    Attributes:
        name: The role: small letters.
        endings: Endings that its file may have.
        folder: What a folder named like the role holds, where the role may be one: a `series` of DICOM files,
            `layers`, VTK grids that end in `.vtk`, or other `files`.
    """

    name: str
    endings: tuple[str, ...]
    folder: Literal["", "series", "layers", "files"] = ""

    @property
    def is_pair(self) -> bool:
        """Whether its file may be an openCARP mesh, which is two."""
        return {*OPENCARP} <= {*self.endings}


@dataclass(frozen=True)
class OneOf:
    """Roles of which a subject needs one.

    Attributes:
        roles: Their names.
        rule: The same for a message.
    """

    roles: tuple[str, ...]
    rule: str


@dataclass(frozen=True)
class CohortLayout:
    """The files of a subject, as a family declares them; it travels with the cohort to other processes.

    Attributes:
        roles: What files are for, in the order of a manifest's columns.
        needs: What makes a subject complete.
        costs: Groups of roles by whose bytes a subject's cost is estimated: the first group counts of which any subject
            has a role, and in it a subject's first role. Bytes of different groups do not compare.
        settings_class: Where the dataclass of a subject's settings is, as `module:name`; loaded when it is needed.
        settings: Name of the file with a subject's settings.
        no_typos: Words of their own that are one letter away from a role.

    Raises:
        ConfigError: If two roles have one name, or a need or a cost names none of them.
    """

    roles: tuple[Role, ...]
    needs: tuple[OneOf, ...]
    costs: tuple[tuple[str, ...], ...]
    settings_class: str
    settings: str = "subject.yaml"
    no_typos: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [SUBJECT, SETTINGS_COLUMN, *(role.name for role in self.roles)]
        doubled = next((name for name in names if names.count(name) > 1), "")
        named = {role for need in self.needs for role in need.roles} | {role for group in self.costs for role in group}
        if doubled or not named <= {*names[2:]}:
            found = doubled or ", ".join(sorted(named - {*names[2:]}))
            raise ConfigError("cohort layout", "roles of different names, and needs and costs of them", found)

    @cached_property
    def endings(self) -> dict[str, tuple[str, ...]]:
        """Endings of each role."""
        return {role.name: role.endings for role in self.roles}

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """Roles that may be a folder."""
        return tuple(role.name for role in self.roles if role.folder)

    @cached_property
    def by_name(self) -> Mapping[str, Role]:
        """The roles by name."""
        return {role.name: role for role in self.roles}

    @cached_property
    def fibres(self) -> frozenset[str]:
        """Names of the third file of openCARP meshes."""
        return frozenset(f"{role.name}.lon" for role in self.roles if role.is_pair)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that a manifest may have."""
        return (SUBJECT, *self.endings, SETTINGS_COLUMN)

    @property
    def settings_type(self) -> type:
        """The dataclass of a subject's settings."""
        found: type = resolve_name(self.settings_class)
        return found

    def role_of(self, name: str, *, folder: bool = False) -> str | None:
        """The role that a file, or a folder, is named for.

        >>> layout = CohortLayout((Role("lge", IMAGE_SUFFIXES, "series"),), (), (), "")
        >>> layout.role_of("lge.nii.gz"), layout.role_of("lge", folder=True), layout.role_of("notes.txt")
        ('lge', 'lge', None)
        """
        if folder:
            return name if name in self.folders else None
        return next((role for role, endings in self.endings.items() if name.removeprefix(role) in endings), None)

    def missing(self, roles: Collection[str]) -> OneOf | None:
        """What a subject with files of these roles needs besides; None where it is complete."""
        return next((need for need in self.needs if not {*need.roles} & {*roles}), None)
