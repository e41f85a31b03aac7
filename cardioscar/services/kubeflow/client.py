"""The door to Kubeflow Pipelines: its generated API client, with time limits, retries and plain words for what fails.

`kfp.Client` wraps the same generated client, but waits without end for a server that stalls, takes a cancelled run for
a running one, prints to the terminal and keeps settings in the home folder; hence the layer below it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cardioscar.errors import ConfigError, InputError, PlatformError, UnreachableError
from cardioscar.services.causes import causes
from cardioscar.services.kubeflow.target import KubeflowTarget

if TYPE_CHECKING:
    import kfp_server_api

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
PAUSES_S = (0.5, 2.0, 5.0)
"""Pauses before a call that may be repeated is repeated."""

_PASSING = (408, 425, 429, 500, 502, 503, 504)


class NoAnswerError(UnreachableError):
    """The call may have arrived or not; it can be made again."""


class AccessRefusedError(UnreachableError):
    """Kubeflow knows neither the caller nor what it may do."""


class RefusedError(InputError):
    """Kubeflow answered that it will not do what was asked.

    Attributes:
        status: HTTP status, such as 404 or 409.
    """

    def __init__(self, where: str, status: int, message: str) -> None:
        super().__init__(where, "what Kubeflow accepts", f"HTTP {status}{f': {message}' if message else ''}")
        self.status = status


class KubeflowApi:
    """A connection to one server; `pipelines`, `uploads`, `experiments`, `runs` and `recurring` are its services.

    Args:
        target: Server and credentials.
        read_timeout_s: How long one answer may take.
        pauses_s: Pauses before a call that may be repeated is repeated.

    Raises:
        PlatformError: If the Kubeflow client is not installed.
    """

    def __init__(
        self, target: KubeflowTarget, *, read_timeout_s: float = READ_TIMEOUT_S, pauses_s: tuple[float, ...] = PAUSES_S
    ) -> None:
        try:
            import kfp_server_api as api
        except ImportError:
            raise PlatformError("the Kubeflow client is not installed: pip install 'cardioscar[kfp]'") from None
        self.target, self.pauses_s = target, pauses_s
        self._timeout = (CONNECT_TIMEOUT_S, read_timeout_s)
        configuration = api.Configuration(host=target.label)
        configuration.retries = False  # urllib3 would follow redirects to a login page, and repeat without a pause
        if target.ca_file:
            configuration.ssl_ca_cert = str(target.ca_file)
        if target.token:
            configuration.api_key_prefix["authorization"] = "Bearer"
        self._client = api.ApiClient(configuration, cookie=target.cookies or None)
        self.health = api.HealthzServiceApi(self._client)
        self.pipelines = api.PipelineServiceApi(self._client)
        self.uploads = api.PipelineUploadServiceApi(self._client)
        self.experiments = api.ExperimentServiceApi(self._client)
        self.runs = api.RunServiceApi(self._client)
        self.recurring = api.RecurringRunServiceApi(self._client)

    def call(self, what: str, method: Callable[..., Any], *arguments: Any, repeat: bool = True, **options: Any) -> Any:
        """Call a method of one of the services.

        Args:
            what: What is being done, for messages: `list pipelines`.
            method: Bound method of a service.
            *arguments: Its arguments.
            repeat: Make the call again where no answer came; only for calls that change nothing.
            **options: Its keyword arguments.

        Returns:
            The service's answer.

        Raises:
            NoAnswerError: If no answer came, or the server failed (5xx).
            AccessRefusedError: If token or cookies are missing, wrong or run out, or the namespace is another's.
            RefusedError: If the server refused what was asked.
        """
        for pause_s in (*self.pauses_s, None) if repeat else (None,):
            try:
                return self._once(what, method, *arguments, **options)
            except NoAnswerError:
                if pause_s is None:
                    raise
                time.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, what: str, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        from kfp_server_api import ApiException
        from urllib3.exceptions import HTTPError

        if self.target.token:
            self._client.configuration.api_key["authorization"] = self.target.token()
        self._client.last_response = None
        try:
            answer = method(*arguments, _request_timeout=self._timeout, **options)
        except ApiException as error:
            if not error.status:
                raise NoAnswerError(f"Kubeflow {self.target.label}: {_reason(error)}") from None
            raise self._refusal(what, error) from None
        except AttributeError as error:
            if not isinstance(error.__context__, ApiException):
                raise
            # the generated client stumbles over its own report of a TLS fault, which has no body
            raise NoAnswerError(f"Kubeflow {self.target.label}: {_reason(error)}") from None
        except (HTTPError, UnicodeDecodeError, OSError) as error:
            raise NoAnswerError(f"Kubeflow {self.target.label}: {_reason(error)}") from None
        response = self._client.last_response
        if response is not None and "json" not in (response.getheader("content-type") or "").lower():
            raise AccessRefusedError(
                f"Kubeflow {self.target.label}: it answers with a page instead of data: a login page, or not the "
                "address of the API (often …/pipeline)"
            )
        return answer

    def _refusal(self, what: str, error: kfp_server_api.ApiException) -> Exception:
        status, message, server = int(error.status), self._words(error), f"Kubeflow {self.target.label}"
        if 300 <= status < 400:
            return AccessRefusedError(
                f"{server}: it redirects (HTTP {status}), as to a login page: give a token or cookies, or the address "
                "that it redirects to"
            )
        if status in (401, 403):
            return AccessRefusedError(
                f"{server}: access refused (HTTP {status}) to {what}: check token, cookies and namespace"
            )
        if status in _PASSING:
            said = f": {message}" if message else ""
            return NoAnswerError(f"{server}: it answers HTTP {status} to {what}{said}")
        return RefusedError(what, status, message)

    def _words(self, error: kfp_server_api.ApiException) -> str:
        """The server's own words: one line, without what is secret."""
        body = error.body if isinstance(error.body, str) else ""
        try:
            content = json.loads(body)
        except ValueError:
            content = {}
        if not isinstance(content, dict):
            return ""
        text = str(content.get("message") or content.get("error_message") or content.get("error") or "")
        secrets = [self.target.cookies, self.target.token() if self.target.token else ""]
        for secret in filter(None, secrets):
            text = text.replace(secret, "…")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text[:300]

    def pages(self, what: str, method: Callable[..., Any], items: str, **options: Any) -> Iterator[Any]:
        """Every item of a list that the server hands out in pages."""
        token = ""
        while True:
            page = self.call(what, method, page_token=token, page_size=100, **options)
            yield from getattr(page, items) or ()
            token = page.next_page_token or ""
            if not token:
                return

    def ensure(self, what: str, find: Callable[[], str], create: Callable[[], Any]) -> str:
        """Id of something, created if absent; a creation that was lost, or overtaken by another's, is found again.

        Args:
            what: What is being made, for messages.
            find: Returns the id, or "".
            create: Calls the service; its answer is not used.
        """
        for pause_s in (*self.pauses_s, None):
            if identity := find():
                return identity
            try:
                create()
            except (NoAnswerError, RefusedError) as error:
                if pause_s is None or (isinstance(error, RefusedError) and error.status != 409):
                    raise
                time.sleep(pause_s)
        if identity := find():
            return identity
        raise NoAnswerError(f"Kubeflow {self.target.label}: {what} had no effect")

    def once(self, create: Callable[[], Any], find: Callable[[], Any | None]) -> Any:
        """Make something that must not be there twice: where no answer came, look for it before the next attempt.

        Args:
            create: Calls the service, without repeating.
            find: Returns what an earlier attempt made, or None.

        Raises:
            NoAnswerError: If no answer came in all attempts, and nothing is found.
        """
        for pause_s in (*self.pauses_s, None):
            try:
                return create()
            except NoAnswerError:
                if (found := find()) is not None:
                    return found
                if pause_s is None:
                    raise
                time.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def multi_user(self) -> bool:
        """Whether this Kubeflow has several users, after a check that somebody answers.

        Raises:
            ConfigError: If it has, and no namespace is named.
        """
        try:
            several = bool(self.call("ask for its health", self.health.healthz_service_get_healthz).multi_user)
        except RefusedError as error:
            if error.status != 404:
                raise
            raise ConfigError(
                f"Kubeflow {self.target.label}", "the address of Kubeflow Pipelines (often …/pipeline)", "HTTP 404"
            ) from None
        if several and not self.target.namespace:
            raise ConfigError("namespace", "yours: this Kubeflow has several users", "none")
        return several

    def wait_until_up(self, timeout_s: float) -> None:
        """Wait until the server answers, for one that is just being installed.

        Raises:
            NoAnswerError: If it does not in time; the message says what the last attempt met.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = 1.0
        while True:
            try:
                self.call("ask for its health", self.health.healthz_service_get_healthz, repeat=False)
            except (NoAnswerError, RefusedError) as error:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise NoAnswerError(f"{error} (for {timeout_s:g} s)") from None
                time.sleep(min(pause_s, left))
                pause_s = min(pause_s * 1.5, 15.0)
            else:
                return


def named(name: str) -> str:
    """Filter of the list calls: display name equals."""
    return json.dumps({"predicates": [{"operation": 1, "key": "display_name", "stringValue": name}]})


def _reason(error: BaseException) -> str:
    """Say in a few words what failed, from the whole chain of exceptions."""
    chain = " ".join(f"{type(one).__name__} {one}" for one in causes(error))
    for pattern, words in (
        (r"NameResolutionError|getaddrinfo|gaierror", "the host name is unknown"),
        (r"CERTIFICATE_VERIFY_FAILED|SSL", "its TLS certificate is not accepted (see --ca-file)"),
        (r"ConnectionRefused|Connection refused", "connection refused: is it running, is the port forwarded?"),
        (r"[Tt]imeout|timed out", "it does not answer in time"),
        (r"ProtocolError|RemoteDisconnected|ConnectionReset|IncompleteRead", "the connection broke"),
    ):
        if re.search(pattern, chain):
            return words
    return "its answer cannot be read"
