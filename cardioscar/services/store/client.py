"""The door to an object store: a boto3 client that soon says that nobody answers, and waits for one who did."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields
from typing import Any, TypeVar
from urllib.parse import urlsplit

from cardioscar.errors import ConfigError
from cardioscar.services.first_contact import first_patience_s
from cardioscar.services.store.errors import CREDENTIALS, may_pass, plain_errors
from cardioscar.services.store.s3_uri import S3Place

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741

MIB = 1 << 20

_log = logging.getLogger(__name__)

# A store that has not answered yet is probably a wrong address; one that has is probably restarting.
_FIRST_PATIENCE_S = 5.0
_PROBE_READ_TIMEOUT_S = 10.0
# botocore repeats what stalled as often as what was refused at once: eight times a minute.
_REPEAT_FOR_S = 90.0


@dataclass(frozen=True)
class S3Settings:
    """How long to wait and how much to do at once."""

    connect_timeout_s: float = 5.0
    """Longest wait for a connection in seconds."""
    read_timeout_s: float = 60.0
    """Longest silence of the store within an answer in seconds."""
    patience_s: float = 25.0
    """How long a store that has answered before may be away, in seconds."""
    attempts: int = 8
    """Attempts of one request that botocore makes."""
    workers: int = 16
    """Requests at once."""
    multipart_from_bytes: int = 64 * MIB
    """Files of this size and above are sent in parts."""
    part_bytes: int = 16 * MIB
    """Size of a part, at least 5 MiB on most stores."""

    @classmethod
    def from_environment(cls) -> S3Settings:
        """The defaults, replaced by `CARDIOSCAR_S3_<NAME IN CAPITALS>`.

        Raises:
            ConfigError: If such a variable is no positive number.
        """
        found: dict[str, Any] = {}
        for field in fields(cls):
            name = f"CARDIOSCAR_S3_{field.name.upper()}"
            text = os.environ.get(name, "")
            if not text:
                continue
            found[field.name] = _positive(text, int if field.type == "int" else float, name)
        return cls(**found)


def _positive(text: str, kind: type, name: str) -> Any:
    with contextlib.suppress(ValueError):
        if 0 < kind(text) < float("inf"):
            return kind(text)
    raise ConfigError(name, "a positive number", repr(text))


class S3Connection:
    """One boto3 client and the rules for calling it. Thread-safe.

    Attributes:
        client: The boto3 client.
        endpoint: `host:port` of the store, for messages.
        settings: Times and limits.
        knows_conditions: The store has not yet said that it does not know conditional writes.
    """

    def __init__(self, settings: S3Settings) -> None:
        # botocore reports where it found credentials, and at DEBUG whole request headers
        for name in ("botocore", "boto3", "s3transfer", "urllib3"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.settings = settings
        self.client, self._probe = _make_clients(settings)
        url = urlsplit(self.client.meta.endpoint_url)
        self.endpoint = f"{url.hostname}:{url.port or {'http': 80}.get(url.scheme, 443)}"
        self.knows_conditions = True
        self._reached = False
        self._refusal: tuple[float, Exception] | None = None
        self._lock = threading.Lock()

    def call(self, place: S3Place, request: Callable[[], T]) -> T:
        """Make a request, again and again while what hinders it may pass and patience lasts.

        Args:
            place: What it is about, for messages.
            request: Calls the client. It may be called more than once.

        Raises:
            CardioscarError: See `plain_errors`.
        """
        with plain_errors(self.endpoint, place.bucket, str(place)):
            self._reach(place)
            try:
                return patiently(request, self.settings.patience_s)
            except Exception as error:
                self._reached = not may_pass(error)
                raise

    def together(self, work: Callable[[I], T], items: Iterable[I]) -> list[T]:
        """Do work on each item in threads; the first failure cancels what has not begun.

        Returns:
            Results in the order of the items.
        """
        items = list(items)
        with ThreadPoolExecutor(max(1, min(self.settings.workers, len(items)))) as pool:
            futures = [pool.submit(work, item) for item in items]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [future.result() for future in futures]

    def _reach(self, place: S3Place) -> None:
        """Find out in seconds whether anybody answers, before the first request and after an outage."""
        from botocore.exceptions import ClientError

        with self._lock:
            if self._reached:
                return
            if self._refusal and time.monotonic() - self._refusal[0] < _FIRST_PATIENCE_S:
                # what one thread has just found out, the threads that waited for it need not find out again
                raise self._refusal[1]
            try:
                patiently(lambda: self._probe.head_bucket(Bucket=place.bucket), first_patience_s(_FIRST_PATIENCE_S))
            except Exception as error:
                # any other answer is one; what is wrong is said better by the request itself, whose error has a body
                if may_pass(error) or not isinstance(error, ClientError):
                    self._refusal = time.monotonic(), error
                    raise
            self._reached, self._refusal = True, None


def patiently(request: Callable[[], T], patience_s: float) -> T:
    """Repeat a request with growing pauses while its error may pass, for a time."""
    started, pause = time.monotonic(), 0.2
    while True:
        try:
            return request()
        except Exception as error:
            left = patience_s - (time.monotonic() - started)
            if left <= 0 or not may_pass(error):
                raise
            _log.debug("object store: %s; trying again", type(error).__name__)
        time.sleep(min(left, pause * random.uniform(0.5, 1.0)))  # noqa: S311 (spreads the clients, guards nothing)
        pause = min(2 * pause, 4.0)


def _make_clients(settings: S3Settings) -> tuple[Any, Any]:
    """The client for work, and one that gives up early."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, PartialCredentialsError

    def config(connect_s: float, read_s: float, attempts: int) -> Config:
        return Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"total_max_attempts": attempts, "mode": os.environ.get("AWS_RETRY_MODE", "adaptive")},
            connect_timeout=connect_s,
            read_timeout=read_s,
            max_pool_connections=max(32, settings.workers),
        )

    try:
        session = boto3.Session()
        region = session.region_name or "us-east-1"
        short = min(settings.connect_timeout_s, 3.0), min(settings.read_timeout_s, _PROBE_READ_TIMEOUT_S), 1
        long = settings.connect_timeout_s, settings.read_timeout_s, settings.attempts
        client, probe = (session.client("s3", region_name=region, config=config(*times)) for times in (long, short))
    except PartialCredentialsError:
        raise ConfigError("AWS settings", CREDENTIALS, "half of them") from None
    except (BotoCoreError, ValueError) as error:
        raise ConfigError("AWS settings", "an endpoint, region and profile that exist", type(error).__name__) from None
    client.meta.events.register("before-call.s3.DeleteObjects", _add_md5)
    client.meta.events.register("before-call.s3", _note_start)
    client.meta.events.register_first("needs-retry.s3", _stop_late)
    return client, probe


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """Stores older than 2022 demand this header for a batch deletion and do not know its successor."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()


def _note_start(params: dict[str, Any], **_: Any) -> None:
    params["context"]["cardioscar_started"] = time.monotonic()


def _stop_late(request_dict: dict[str, Any], **_: Any) -> bool | None:
    """End botocore's repeating after a time, whatever attempts are left: False is final, None lets it decide."""
    started = request_dict["context"].get("cardioscar_started", time.monotonic())
    return False if time.monotonic() - started > _REPEAT_FOR_S else None
