"""Numbers of a shard pushed to a Prometheus Pushgateway: pods end before anybody could scrape them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit

from cardioscar.errors import ConfigError, PlatformError, UnreachableError

URL_VARIABLE = "CARDIOSCAR_PUSHGATEWAY"
"""Environment variable with the gateway's address, `http(s)://[user:password@]host[:port][/path]`."""

JOB = "cardioscar"
_TIMEOUT_S = 3.0
_HELP = {
    "cardioscar_subjects": "Subjects of the shard by outcome so far",
    "cardioscar_shard_subjects": "Subjects of the shard in all",
    "cardioscar_shard_seconds": "Wall time of the shard so far",
    "cardioscar_subject_seconds_max": "Longest wall time of one subject",
    "cardioscar_peak_memory_mib": "Highest resident memory of one subject's work",
    "cardioscar_cuda_peak_memory_mib": "Highest GPU memory of one subject's work",
}


def push_shard(
    url: str, *, stage: str, shard: str, outcomes: Mapping[str, int], gauges: Mapping[str, float | None]
) -> None:
    """Replace what the gateway holds of one shard in one stage. No label names a subject.

    Args:
        url: Address of the gateway.
        stage: Name of the stage.
        shard: Short name of the shard; the same for a repeated attempt, which so replaces the first.
        outcomes: Number of subjects by outcome.
        gauges: Further gauges by the part of their name behind `cardioscar_`; None is left out.

    Raises:
        ConfigError: If the address is none of a server.
        PlatformError: If prometheus-client is not installed.
        UnreachableError: If the gateway does not answer within 3 s, or refuses.
    """
    address, label, login = _gateway(url)
    try:
        from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
    except ImportError:
        raise PlatformError("prometheus-client is not installed: pip install 'cardioscar[metrics]'") from None
    registry = CollectorRegistry()
    subjects = Gauge("cardioscar_subjects", _HELP["cardioscar_subjects"], ["outcome"], registry=registry)
    for outcome, count in outcomes.items():
        subjects.labels(outcome).set(count)
    for name, value in gauges.items():
        if value is not None:
            Gauge(f"cardioscar_{name}", _HELP[f"cardioscar_{name}"], registry=registry).set(value)
    try:
        grouping = {"stage": stage, "shard": shard}
        push_to_gateway(address, JOB, registry, grouping, timeout=_TIMEOUT_S, handler=_handler(login))
    except HTTPError as error:
        error.close()
        raise UnreachableError(f"Pushgateway {label}: it answers HTTP {error.code}") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(f"Pushgateway {label}: {getattr(reason, 'strerror', None) or 'no answer'}") from None


def _gateway(url: str) -> tuple[str, str, tuple[str, str] | None]:
    """Address without credentials, its name for messages, and the credentials."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(URL_VARIABLE, "http://host:port or https://host", "another form")
    netloc = parts.netloc.rpartition("@")[2]
    address = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return address, f"{parts.scheme}://{netloc}", login


def _handler(login: tuple[str, str] | None) -> Callable[..., Callable[[], None]]:
    from prometheus_client.exposition import basic_auth_handler, default_handler

    if login is None:
        return default_handler

    def handler(url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes) -> Callable:
        return basic_auth_handler(url, method, timeout, headers, data, *login)

    return handler
