"""Reading MLflow's exceptions: what failed, in one line without secrets, and whether it may pass."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Literal

from cardioscar.services.causes import causes

_HTTP_CODE = re.compile(r"too many (\d{3}) error responses|error code (\d{3})|(\d{3}) (?:Server|Client) Error")
_BUSY_CODES = {"408", "429", "500", "502", "503", "504"}
# MLflow answers HTTP 400 where all its connections to the database are taken, and sqlite's lock says so by itself.
_BUSY_WORDS = ("QueuePool limit", "database is locked")
_TIMEOUTS = {"Timeout", "ReadTimeout", "ConnectTimeout", "ReadTimeoutError", "ConnectTimeoutError"}
_CUT_OFF = {
    "ConnectionRefusedError", "ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", "ProtocolError",
    "RemoteDisconnected", "IncompleteRead", "ChunkedEncodingError", "NameResolutionError",
}  # fmt: skip

Passing = Literal["silent", "busy"]


def passing(error: BaseException) -> Passing | None:
    """Whether a failure may pass: `silent` for no answer, `busy` for an answer that says so, None for any other."""
    names, text = _names_and_text(error)
    if names & (_TIMEOUTS | _CUT_OFF):
        return "silent"
    code = _http_code(text)
    if code in _BUSY_CODES or any(words in text for words in _BUSY_WORDS):
        return "busy"
    return None


def reason(error: BaseException, private: Set[str]) -> str:
    """Say in one line what failed, from the whole chain of exceptions.

    Args:
        error: What MLflow raised.
        private: Words that must not be repeated.
    """
    names, text = _names_and_text(error)
    if "NameResolutionError" in names:
        return "the host name is unknown"
    if "ConnectionRefusedError" in names:
        return "connection refused: is the server running?"
    if names & _TIMEOUTS:
        return "it does not answer in time"
    if names & _CUT_OFF:
        return "it cut the connection"
    if "SSLError" in names:
        return "its TLS certificate is not accepted (see MLFLOW_TRACKING_SERVER_CERT_PATH)"
    if code := _http_code(text):
        if code == "403" and "Permission denied" in text:
            return (
                "it refuses the user (HTTP 403, Permission denied): the experiment or the registered model belongs to "
                "another one; its owner or the administrator has to grant EDIT, or READ to look at it"
            )
        if code in ("401", "403"):
            return (
                f"access refused (HTTP {code}): check MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD "
                "and the server's MLFLOW_SERVER_ALLOWED_HOSTS"
            )
        return f"it answers HTTP {code}"
    if "QueuePool limit" in text:
        return "all its database connections are taken (see MLFLOW_SQLALCHEMYSTORE_POOL_SIZE)"
    return _redacted(str(error).strip().partition("\n")[0], private)[:300] or type(error).__name__


def _http_code(text: str) -> str | None:
    found = _HTTP_CODE.search(text)
    return next(filter(None, found.groups())) if found else None


def _names_and_text(error: BaseException) -> tuple[set[str], str]:
    links = list(causes(error))
    return {type(link).__name__ for link in links}, " ".join(str(link) for link in links)


def _redacted(text: str, private: Set[str]) -> str:
    """Take credentials and folders out of a message of somebody else's making."""
    for words in sorted(private, key=len, reverse=True):
        text = text.replace(words, "…")
    text = re.sub(r"(?<=://)[^\s/?#]*@", "", text)
    return re.sub(r"file:/+\S*/|(?<![\w:/…])/(?:[^\s/]+/)+", "…/", text)
