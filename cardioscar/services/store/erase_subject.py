"""One subject out of an object store: every version of every object, and its row in the cohort's table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.files.private_folder import private_folder
from cardioscar.identity.erasable import FamilyNames, check_erasable, check_one_subject
from cardioscar.services.store.listing import Version, list_versions
from cardioscar.services.store.object_store import S3Place, Store

OBJECTS, TABLES = "objects and versions", "cohort tables"

_COHORT, _ROW = ("cohort.json", "cohort.csv", "cohort.html"), "status.json"

DropSubject = Callable[[Path, str], bool]
"""Takes a subject out of the cohort's files in a folder; tells whether it was there."""


def find_in_store(store: Store, place: S3Place, subject: str, drop: DropSubject, names: FamilyNames) -> Counter[str]:
    """Count what lies below a place of a subject: older versions too, in folders however deep.

    Raises:
        InputError: If the id is no subject's there but the name of a prefix of subjects.
        CardioscarError: As `Store`.
    """
    versions = _checked_versions(store, place, subject, names)
    found = Counter({OBJECTS: sum(_root_of(one.key, place, subject) is not None for one in versions)})
    found[TABLES] = len(_tables(store, place, subject, drop, versions))
    return +found


def erase_from_store(store: Store, place: S3Place, subject: str, drop: DropSubject, names: FamilyNames) -> None:
    """Erase what `find_in_store` finds.

    Of a table that names the subject, or an older version of which does, only the newest version stays, without it.

    Raises:
        CardioscarError: As `Store`. What was erased before the fault stays erased; the same call goes on.
    """
    versions = _checked_versions(store, place, subject, names)
    for root in sorted({root for one in versions if (root := _root_of(one.key, place, subject)) is not None}):
        store.delete(S3Place(place.bucket, root))
    for at in _tables(store, place, subject, drop, versions):
        with private_folder() as folder:
            for file in _COHORT:
                key = S3Place(place.bucket, at + file)
                if store.exists(key):
                    (folder / file).write_bytes(store.read(key))
            drop(folder, subject)
            for file in _COHORT:
                store.delete(S3Place(place.bucket, at + file))
                if (folder / file).is_file():
                    store.write(S3Place(place.bucket, at + file), (folder / file).read_bytes())


def _checked_versions(store: Store, place: S3Place, subject: str, names: FamilyNames) -> list[Version]:
    """All versions; refused where a prefix of the subject's name is not the subject's."""
    check_erasable(subject, names)
    if place.name == subject:
        raise InputError(str(place), "the prefix above the subject's", "the subject's own")
    versions = [one for one in list_versions(store.connection, place, place.under) if one.is_data]
    below = dict[str, set[str]]()
    for one in versions:
        if (root := _root_of(one.key, place, subject)) is not None:
            below.setdefault(root, set()).add(one.key.removeprefix(f"{root}/"))
    markers = store.read_many(S3Place(place.bucket, f"{root}/{_ROW}") for root in below)
    for root, files in below.items():
        at = S3Place(place.bucket, root)
        check_one_subject(str(at), files, _subject_of(markers[at / _ROW]), subject, names)
    return versions


def _subject_of(marker: bytes | None) -> str | None:
    try:
        found = json.loads(marker or b"").get("subject")
    except (ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _root_of(key: str, place: S3Place, subject: str) -> str | None:
    """The part of a key that ends with the subject's folder below the place; None if there is none."""
    parts = key.removeprefix(place.under).split("/")
    return place.under + "/".join(parts[: parts.index(subject) + 1]) if subject in parts[:-1] else None


def _tables(store: Store, place: S3Place, subject: str, drop: DropSubject, versions: list[Version]) -> list[str]:
    """Beginning of the key of each table, or page, some version of which names the subject."""
    found = set()
    for one in versions:
        above, _, name = one.key.rpartition("/")
        at = f"{above}/" if above else ""
        if name not in _COHORT or at in found or _root_of(one.key, place, subject):
            continue
        which = {"Key": one.key} if one.version == "null" else one.name
        read = partial(store.connection.client.get_object, Bucket=place.bucket, **which)
        body = store.connection.call(place, lambda read=read: read()["Body"].read())  # type: ignore[misc]
        with private_folder() as folder:
            (folder / name).write_bytes(body)
            if drop(folder, subject):
                found.add(at)
    return sorted(found)
