"""Where something lies in an object store: `s3://bucket/prefix`, with keys that are safe as paths."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cardioscar.errors import ConfigError, InputError

SCHEME = "s3://"
_BUCKET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){1,253}[A-Za-z0-9]", re.ASCII)
_SEGMENT_BYTES, _KEY_BYTES = 255, 1024


@dataclass(frozen=True)
class S3Place:
    """A bucket, or a key or key prefix in it.

    >>> results = S3Place.parse("s3://hearts/results/trial/", where="results_uri")
    >>> str(results / "P001" / "status.json")
    's3://hearts/results/trial/P001/status.json'
    >>> results / "../other"
    Traceback (most recent call last):
    cardioscar.errors.InputError: object key: expected parts that are plain file names, found '..'
    """

    bucket: str
    """Name of the bucket."""
    prefix: str = ""
    """Key, or common beginning of keys, without a slash at either end; empty for the whole bucket."""

    def __post_init__(self) -> None:
        """Refuse what is no bucket name and keys that would leave their folder.

        Raises:
            ConfigError: If the bucket's name is impossible.
            InputError: If a part of the key is empty, `.`, `..`, too long or holds a backslash or control character.
        """
        if not _BUCKET.fullmatch(self.bucket):
            # not repeated: `s3://key:secret@bucket` is a way to get here
            raise ConfigError("bucket name", "3 to 255 letters, digits, '.', '_' or '-'", "another form")
        if self.prefix:
            check_key(self.prefix)

    @classmethod
    def parse(cls, uri: str, *, where: str) -> S3Place:
        """Read an address.

        Args:
            uri: `s3://bucket` or `s3://bucket/prefix`; one slash at the end is allowed.
            where: Name of the setting, for errors.

        Raises:
            ConfigError: If it is no such address. The message does not repeat it.
        """
        if not uri.startswith(SCHEME):
            raise ConfigError(where, "an address s3://bucket/prefix", "another form")
        bucket, _, prefix = uri.removeprefix(SCHEME).partition("/")
        try:
            return cls(bucket, prefix.removesuffix("/"))
        except InputError as error:
            raise ConfigError(where, f"s3://bucket/prefix with {error.rule}", error.finding) from None

    def __str__(self) -> str:
        return SCHEME + self.bucket + (f"/{self.prefix}" if self.prefix else "")

    def __truediv__(self, name: str) -> S3Place:
        """The place of that relative key below this one.

        Raises:
            InputError: If a part of the name is unsafe; see `check_key`.
        """
        check_key(name)
        return S3Place(self.bucket, self.under + name)

    @property
    def name(self) -> str:
        """Last part of the key; the bucket's name where there is none."""
        return self.prefix.rpartition("/")[2] or self.bucket

    @property
    def under(self) -> str:
        """What the keys of all objects below this place begin with."""
        return self.prefix and f"{self.prefix}/"


def check_key(key: str) -> str:
    """Return a key unchanged if it can be a relative path below any folder, or refuse it.

    Args:
        key: Relative key with `/` between its parts, as a bucket lists it or a caller builds it.

    Raises:
        InputError: If a part is empty, `.` or `..`, is longer than a file name can be, or holds a backslash or a
            control character. Only the part at fault is shown, shortened.

    >>> check_key("P001/figures/bullseye.png")
    'P001/figures/bullseye.png'
    """
    rule = "parts that are plain file names"
    if _bytes(key) > _KEY_BYTES:
        raise InputError("object key", f"at most {_KEY_BYTES} bytes", f"{_bytes(key)}")
    for part in key.split("/"):
        if part in ("", ".", ".."):
            raise InputError("object key", rule, repr(part))
        if _bytes(part) > _SEGMENT_BYTES:
            raise InputError("object key", rule, f"a part of {_bytes(part)} bytes")
        bad = next((c for c in part if c == "\\" or not c.isprintable()), None)
        if bad is not None:
            raise InputError("object key", rule, f"the character {bad!a}")
    return key


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
