"""What MLflow calls the subjects of a family and the models that are made of them: declared once by the family.

Families record beside each other, in one experiment where their cohorts have one name. A look-up asks for one kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cardioscar.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_TAG = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


@dataclass(frozen=True)
class ModelFile:
    """A file of a model.

    Attributes:
        name: Its name in the model, and when it is loaded.
        role: What it is; its SHA-256 is the tag `cs.<role>_sha256` of a version.
    """

    name: str
    role: str

    @property
    def sha256_tag(self) -> str:
        """Tag of a version that holds the hash of the file.

        >>> ModelFile("field.json", "field_description").sha256_tag
        'cs.field_description_sha256'
        """
        return f"cs.{self.role}_sha256"


@dataclass(frozen=True)
class ModelKind:
    """The subjects of a family in MLflow.

    Attributes:
        name: The registered model; each accepted subject is a version of it.
        model_type: Type of the logged models.
        run_kind: Value of the tag `cs.kind` on the runs of subjects.
        files: What a model holds; none for a family whose subjects have runs and no models.
        key_metrics: Metrics that a logged model bears besides its run: what models are usually looked up by. Each one
            more makes every look-up slower.
        texts: Facts in words that are tags `cs.<name>` of run, model and version.
        opened_by: Where the function is, as `module:name`, that opens the files in a folder and says in a few words
            what they are; it raises InputError where they are none. Empty: their hashes are all that is checked.

    Raises:
        ConfigError: If a name cannot be recorded, or files share a name or a role.
    """

    name: str
    model_type: str
    run_kind: str
    files: tuple[ModelFile, ...] = ()
    key_metrics: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    opened_by: str = ""

    def __post_init__(self) -> None:
        for name in (self.name, self.model_type, self.run_kind, *self.names):
            if not _NAME.fullmatch(name):
                raise ConfigError("model kind", "1 to 64 letters, digits, '_', '.' or '-' for each name", repr(name))
        roles = [file.role for file in self.files]
        for tag in (*self.texts, *roles):
            if not _TAG.fullmatch(tag):
                raise ConfigError("model kind", "lower-case words joined by '_' for texts and roles", repr(tag))
        if len({*self.names}) < len(self.files) or len({*roles}) < len(self.files):
            raise ConfigError("model kind", "a name and a role for each file", "one twice")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files."""
        return tuple(file.name for file in self.files)
