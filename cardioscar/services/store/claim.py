"""Who publishes to a place: the last one that said so.

A store has no locks, and a process that was given up may wake up and write. So a publisher leaves a claim beside the
files. Who finds another claim in the place of its own has lost and shows nothing. Who finds none has lost too where a
publication is shown; where none is, the claim was taken away by one who had just ended (looking at a claim and removing
it are two steps), and is made again.
"""

from __future__ import annotations

import uuid

from cardioscar.services.store import object_io as s3_object
from cardioscar.services.store.client import S3Connection
from cardioscar.services.store.erase import remove
from cardioscar.services.store.errors import MissingObjectError, ReplacedError
from cardioscar.services.store.s3_uri import S3Place

NAME = "publishing.json"
"""Object that holds a claim. One that a killed process left says nothing about the files beside it."""


class Claim:
    """A claim to a place, made when it is created.

    Args:
        connection: The store.
        place: Prefix of the publication.
    """

    def __init__(self, connection: S3Connection, place: S3Place) -> None:
        self._connection, self._place = connection, place
        self._token = uuid.uuid4().hex.encode()
        s3_object.upload(connection, place / NAME, self._token, s3_object.digests_of(self._token))

    def holds(self) -> bool:
        """Whether nobody has claimed the place since."""
        try:
            return s3_object.read(self._connection, self._place / NAME, limit=1000) == self._token
        except MissingObjectError:
            return False

    def renew(self) -> bool:
        """Claim the place again where nobody does; returns whether it is ours."""
        try:
            s3_object.read(self._connection, self._place / NAME, limit=1000)
            return self.holds()
        except MissingObjectError:
            pass
        try:
            digests = s3_object.digests_of(self._token)
            s3_object.upload(self._connection, self._place / NAME, self._token, digests, instead_of=s3_object.NOTHING)
        except ReplacedError:
            return False
        return self.holds()

    def drop(self) -> None:
        """Take the claim away, unless it is another's."""
        if self.holds():
            clear(self._connection, self._place)


def clear(connection: S3Connection, place: S3Place) -> None:
    """Remove the claim that a killed process left."""
    remove(connection, place, [{"Key": (place / NAME).prefix}])
