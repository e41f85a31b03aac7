"""What an object store's errors mean, in one line: endpoint and bucket, the rule, never a key or a secret."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from cardioscar.errors import CardioscarError, ConfigError, InputError, PlatformError, UnreachableError
from cardioscar.services.causes import causes

CREDENTIALS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role"

_REFUSED_CREDENTIALS = {
    "AuthorizationHeaderMalformed": "the region or the access key is wrong",
    "ExpiredToken": "the session token has expired",
    "InvalidAccessKeyId": "the access key is unknown",
    "InvalidSecurity": "the access key is refused",
    "InvalidToken": "the session token is refused",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "TokenRefreshRequired": "the session token has expired",
    "UnrecognizedClientException": "the access key is unknown",
}
_SKEW = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
_FULL = frozenset({"EntityTooLarge", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "TooManyObjects"})
_BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "RequestTimeout", "429"})
_DAMAGED = frozenset({"BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"})
"""A body that arrived other than it was sent; Ceph compares the signed sha256 before the MD5."""
_REGION = frozenset({"301", "PermanentRedirect", "IllegalLocationConstraintException", "TemporaryRedirect"})
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_REPLACED = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict"})


class MissingObjectError(InputError):
    """There is no object of that key."""


class ReplacedError(PlatformError):
    """An object is not what it was when it was looked at: somebody else writes there."""


def is_unsupported(error: Exception) -> bool:
    """Tell whether an answer says that the store does not know the operation."""
    return _code(error) in ("NotImplemented", "MethodNotAllowed", "501", "405")


def is_replaced(error: Exception) -> bool:
    """Tell whether an answer says that an object is not the one that a condition names."""
    return _code(error) in _REPLACED


def may_pass(error: Exception) -> bool:
    """Tell whether the same request may succeed later: the network, a busy store, a body damaged on its way."""
    from botocore import exceptions as boto
    from botocore.exceptions import ClientError
    from urllib3.exceptions import HTTPError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        passing = status in (429, 500, 502, 503, 504) or _code(error) in _BUSY | _DAMAGED
        return passing and not is_unsupported(error)
    if isinstance(error, boto.SSLError):
        return not _is_untrusted(error)
    # urllib3's own: botocore does not translate what breaks while it reads the body of an error
    return isinstance(error, boto.ConnectionError | boto.HTTPClientError | boto.IncompleteReadError | HTTPError)


@contextmanager
def plain_errors(endpoint: str, bucket: str, where: str) -> Iterator[None]:
    """Turn what boto3 raises into errors of cardioscar.

    Args:
        endpoint: `host:port`, for messages.
        bucket: Name of the bucket.
        where: Address of the object or prefix, for messages.

    Raises:
        ConfigError: For credentials, rights, region or a bucket that is not there.
        InputError: For an object that is not there.
        UnreachableError: If the store does not answer, or answers with 5xx until patience ends.
        PlatformError: For the machine's clock, a full store and everything unforeseen.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        raise _answered(error, endpoint, bucket, where) from None
    except (BotoCoreError, ResponseParserError, HTTPError) as error:
        raise _unanswered(error, endpoint, bucket) from None


def _answered(error: Exception, endpoint: str, bucket: str, where: str) -> CardioscarError:
    """The meaning of an error that the store sent."""
    code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)  # type: ignore[attr-defined]
    place = f"bucket '{bucket}' at {endpoint}"
    if code == "NoSuchBucket":
        return ConfigError(place, "a bucket that exists", "none of that name")
    if code in _REFUSED_CREDENTIALS:
        return ConfigError(place, "credentials that the store accepts", f"{_REFUSED_CREDENTIALS[code]} ({code})")
    if code in _SKEW:
        return PlatformError(f"{place}: this machine's clock differs too much from the store's ({code}); set the clock")
    if code in _REGION:
        return ConfigError(place, "the bucket's region in AWS_DEFAULT_REGION", f"another region ({code})")
    if code in _REPLACED:
        return ReplacedError(f"{where} at {endpoint} was replaced meanwhile; try again")
    if code in _MISSING:
        return MissingObjectError(where, f"an object at {endpoint}", "none")
    if code in ("401", "403", "AccessDenied", "AllAccessDisabled", "AccountProblem") or status in (401, 403):
        operation = getattr(error, "operation_name", "the request")
        return ConfigError(place, f"the right to {operation}", f"access denied ({code})")
    if code == "InvalidBucketName":
        return ConfigError(place, "a bucket name that the store allows", "another form")
    if code in _FULL or status == 507:
        return PlatformError(f"{place}: the store takes no more data ({code})")
    if code in _BUSY or status >= 500 or status == 429:
        return UnreachableError(f"{place} keeps answering with an error (HTTP {status}, {code})")
    return PlatformError(f"{place} refused {getattr(error, 'operation_name', 'a request')} (HTTP {status}, {code})")


def _unanswered(error: Exception, endpoint: str, bucket: str) -> CardioscarError:
    """The meaning of an error that arose on this side."""
    from botocore import exceptions as boto

    place = f"bucket '{bucket}' at {endpoint}"
    if isinstance(error, boto.NoCredentialsError):
        return ConfigError(place, CREDENTIALS, "no credentials")
    if isinstance(error, boto.CredentialRetrievalError | boto.TokenRetrievalError | boto.ProfileNotFound):
        return ConfigError(place, "credentials", f"none could be had ({type(error).__name__})")
    if isinstance(error, boto.ParamValidationError | boto.ValidationError | boto.InvalidDNSNameError):
        return ConfigError(place, "a bucket, key and region that S3 allows", "another form")
    reason = _network_reason(error)
    if reason is None:
        return PlatformError(f"{place}: the S3 client failed ({type(error).__name__})")
    return UnreachableError(f"{place}: {reason}")


def _network_reason(error: Exception) -> str | None:
    """One phrase for an error of the network; None for other errors."""
    from botocore import exceptions as boto
    from urllib3.exceptions import HTTPError, NameResolutionError

    chain = list(causes(error))
    if any(isinstance(c, ssl.SSLError | boto.SSLError) for c in chain):
        if _is_untrusted(error):
            return "the server's TLS certificate is not trusted (name the authority's file in AWS_CA_BUNDLE)"
        return "no TLS connection could be made (is the endpoint http:// instead of https://?)"
    if any(isinstance(c, socket.gaierror | NameResolutionError) for c in chain):
        return "the host name is unknown"
    if any(isinstance(c, ConnectionRefusedError) for c in chain):
        return "connection refused"
    if isinstance(error, boto.ConnectTimeoutError | boto.ReadTimeoutError):
        return "no answer in time"
    if isinstance(
        error, boto.IncompleteReadError | boto.ResponseStreamingError | boto.ConnectionClosedError | HTTPError
    ):
        return "the connection breaks off"
    if isinstance(error, boto.ProxyConnectionError):
        return "the proxy does not let the connection through"
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        return f"no connection ({type(error).__name__})"
    if type(error).__name__ == "ResponseParserError":
        return "the answer is not that of an S3 store"
    return None


def _is_untrusted(error: Exception) -> bool:
    return any("CERTIFICATE_VERIFY_FAILED" in str(c) for c in causes(error))


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
