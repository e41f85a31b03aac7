"""MLflow with users: what does not exist is forbidden there, and its maker owns it only a moment after it is made.

With `default_permission = NO_PERMISSIONS` a server answers 403, not 404, to whoever asks for an experiment or a
registered model that he may not read, whether it exists or not. The right to what a request makes is given after it is
made, so that another process of the same user may be refused in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from cardioscar.services.tracking import records

if TYPE_CHECKING:
    from cardioscar.services.tracking.patience import PatientClient

T = TypeVar("T")

FORBIDDEN, MISSING, EXISTS = "PERMISSION_DENIED", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"

_PAUSES_S = (0.2, 0.5, 1.0, 2.0)


def once_granted(call: Callable[[], T], pause: Callable[[float], None] = time.sleep) -> T:
    """Make a call again while it is refused, for the 4 s in which a right may still be on its way."""
    from mlflow.exceptions import MlflowException

    for pause_s in _PAUSES_S:
        try:
            return call()
        except MlflowException as error:
            if error.error_code != FORBIDDEN:
                raise
        pause(pause_s)
    return call()


def check_model(client: PatientClient, name: str) -> None:
    """Refuse a registered model that this user may not add versions to; one that is not there may be made by anyone.

    Raises:
        MlflowException: If the server refuses, as it does where the model belongs to another user.
    """
    from mlflow.exceptions import MlflowException

    def tag() -> None:
        client.set_registered_model_tag(name, records.TAG_ASKED, records.YES)

    try:
        tag()
        return
    except MlflowException as error:
        if error.error_code == MISSING:
            return
        if error.error_code != FORBIDDEN:
            raise
    # another's, or none: only making it tells
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != EXISTS:
            raise
        once_granted(tag)


def create_version(client: PatientClient, name: str, **options: Any) -> int:
    """Make a version of a registered model, and the model itself where it is the first one; returns its number.

    Args:
        client: The client.
        name: Name of the registered model.
        options: Further arguments of `MlflowClient.create_model_version`.

    Raises:
        MlflowException: If the server refuses, as it does where the model belongs to another user.
    """
    from mlflow.exceptions import MlflowException

    def create() -> int:
        return int(client.create_model_version(name, await_creation_for=0, **options).version)

    try:
        return create()
    except MlflowException as error:
        if error.error_code not in (MISSING, FORBIDDEN):
            raise
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != EXISTS:  # made by another process meanwhile
            raise
    return once_granted(create)
