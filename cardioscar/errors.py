"""What can go wrong, by who has to mend it: the sender of the data, the author of a config, or the platform."""

from __future__ import annotations

DEBUG_VARIABLE = "CARDIOSCAR_DEBUG"
"""Environment variable: set, an unforeseen fault shows its traceback, which may name files and folders."""


class CardioscarError(Exception):
    """Base of every error that cardioscar raises on purpose.

    Attributes:
        kind: Short machine-readable name of the class of error, as written in `status.json`.
    """

    kind = "error"


class InputError(CardioscarError):
    """A file or value given by the user breaks a rule.

    The message reads `file: expected rule, found finding`.

    Args:
        where: File name or parameter that is at fault (no directory: paths may identify people).
        rule: What was expected.
        finding: What was found instead.

    >>> str(InputError("labels.nii.gz", "labels 0 to 3", "7 (12 voxels)"))
    'labels.nii.gz: expected labels 0 to 3, found 7 (12 voxels)'
    """

    kind = "input"

    def __init__(self, where: str, rule: str, finding: str) -> None:
        super().__init__(where, rule, finding)
        self.where, self.rule, self.finding = where, rule, finding

    def __str__(self) -> str:
        return f"{self.where}: expected {self.rule}, found {self.finding}"


class DivergedError(InputError):
    """A training ceased to be finite, or learned nothing: with these settings it would do so again."""


class GeometryError(InputError):
    """Frames, affines or meshes that cannot be what they claim to be, or do not fit together."""

    kind = "geometry"


class ConfigError(InputError):
    """An unknown key or an impossible value in a configuration."""

    kind = "config"


class UnreachableError(CardioscarError):
    """A service that the platform provides (tracking server, object store) does not answer."""

    kind = "unreachable"


class PlatformError(CardioscarError):
    """The machine itself fails (disk full, output not writable, memory): the stage ends non-zero."""

    kind = "platform"


def counted(count: int, thing: str, things: str = "") -> str:
    """A number and what it counts, in the singular or the plural, for messages.

    >>> counted(1, "subject"), counted(2, "subject"), counted(0, "copy", "copies")
    ('1 subject', '2 subjects', '0 copies')
    """
    return f"{count} {thing if count == 1 else things or thing + 's'}"
