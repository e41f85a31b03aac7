"""A store that refuses, or is not there, ends in one clear line in seconds; nothing secret is said."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cardioscar.errors import ConfigError, InputError, PlatformError, UnreachableError
from cardioscar.services.store import client as s3_client
from cardioscar.services.store.object_store import S3Place, Store
from tests.integration.fault_proxy import Answer, FaultProxy, Rule, Stall, Truncate, s3_error
from tests.services.store.s3 import point_at

PLACE = S3Place("hearts") / "results/P001"


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    """A store that answers by the proxy's rules alone; the environment names it."""
    with FaultProxy("127.0.0.1", 9) as proxy:
        point_at(proxy.url)
        os.environ["CARDIOSCAR_S3_PATIENCE_S"] = "0.3"
        os.environ["CARDIOSCAR_S3_ATTEMPTS"] = "2"
        yield proxy


@pytest.fixture
def hasty(monkeypatch) -> None:
    """Waits half a second for the first answer, not five."""
    monkeypatch.setattr(s3_client, "_FIRST_PATIENCE_S", 0.5)


def refusal(kind: type[Exception], work=lambda store: store.read(PLACE)) -> str:
    """The message of what a new store raises; it says nothing secret, nor does what lies behind it."""
    with pytest.raises(kind) as caught:
        work(Store())
    assert type(caught.value) is kind
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert caught.value.__cause__ is None
    text = str(caught.value)
    for secret in ("AKIDEXAMPLE", "wJalrSECRET", "s3cret"):
        assert secret not in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "SignatureDoesNotMatch", ConfigError, "that the store accepts, found the secret key is wrong"),
        (403, "InvalidAccessKeyId", ConfigError, "the access key is unknown"),
        (400, "ExpiredToken", ConfigError, "the session token has expired"),
        (403, "AccessDenied", ConfigError, "expected the right to GetObject, found access denied"),
        (404, "NoSuchBucket", ConfigError, "expected a bucket that exists, found none of that name"),
        (400, "InvalidBucketName", ConfigError, "a bucket name that the store allows"),
        (301, "PermanentRedirect", ConfigError, "AWS_DEFAULT_REGION"),
        (403, "RequestTimeTooSkewed", PlatformError, "this machine's clock differs too much"),
        (507, "InsufficientStorage", PlatformError, "takes no more data"),
        (503, "SlowDown", UnreachableError, "keeps answering with an error (HTTP 503, SlowDown)"),
        (500, "InternalError", UnreachableError, "keeps answering with an error (HTTP 500, InternalError)"),
        (418, "Teapot", PlatformError, "refused GetObject (HTTP 418, Teapot)"),
    ],
)  # fmt: skip
def test_each_answer_of_a_store_has_its_line(proxy, status, code, kind, words):
    proxy.rules = [Rule(Answer(200), method="HEAD"), Rule(s3_error(status, code))]
    text = refusal(kind)
    assert words in text
    assert text.startswith(f"bucket 'hearts' at 127.0.0.1:{proxy.port}")


def test_a_missing_object_is_named(proxy):
    proxy.rules = [Rule(Answer(200), method="HEAD"), Rule(s3_error(404, "NoSuchKey"))]
    with pytest.raises(InputError, match="s3://hearts/results/P001: expected an object at 127.0.0.1"):
        Store().read(PLACE)


def test_the_first_answer_may_refuse_the_probe(proxy):
    proxy.rules = [Rule(Answer(403), method="HEAD"), Rule(Answer(200, b"data"))]
    assert Store().read(PLACE) == b"data"


def test_an_error_that_is_no_xml_is_reported_by_its_status(proxy):
    proxy.rules = [Rule(Answer(200), method="HEAD"), Rule(Answer(502, b"<html>Bad gateway", "text/html"))]
    assert "HTTP 502" in refusal(UnreachableError)


@pytest.mark.parametrize("page", [b"<html>Welcome</p>", b"<html><p>Welcome</p></html>", b"Welcome"])
def test_a_web_server_is_no_store(proxy, page):
    proxy.rules = [Rule(Answer(200, page, "text/html"))]
    refusal(UnreachableError, lambda store: store.files(PLACE))


def test_a_dead_port_is_reported_in_seconds_and_then_at_once():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    point_at(f"http://ann:s3cret@127.0.0.1:{port}")
    store, started = Store(), time.monotonic()
    assert f"127.0.0.1:{port}: connection refused" in refusal(UnreachableError, lambda _: store.read(PLACE))
    assert time.monotonic() - started < 20
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="connection refused"):
        store.files(PLACE)
    with pytest.raises(UnreachableError, match="connection refused"):
        store.read_many([PLACE / str(i) for i in range(40)])
    assert time.monotonic() - started < s3_client._FIRST_PATIENCE_S / 2


def test_an_unknown_host_is_reported(hasty):
    point_at("http://no-such-host.invalid:9000")
    assert "no-such-host.invalid:9000: the host name is unknown" in refusal(UnreachableError)


def test_a_store_that_stalls_from_the_beginning_is_reported(proxy, hasty, monkeypatch):
    monkeypatch.setenv("CARDIOSCAR_S3_READ_TIMEOUT_S", "0.2")
    proxy.rules = [Rule(Stall(5))]
    started = time.monotonic()
    assert "no answer in time" in refusal(UnreachableError)
    assert time.monotonic() - started < 4.5


def test_a_store_that_stalls_later_is_reported(proxy, monkeypatch):
    monkeypatch.setenv("CARDIOSCAR_S3_READ_TIMEOUT_S", "0.2")
    proxy.rules = [Rule(Answer(200), method="HEAD"), Rule(Stall(5))]
    started = time.monotonic()
    assert "no answer in time" in refusal(UnreachableError)
    assert time.monotonic() - started < 4
    assert proxy.counts["Stall"] >= 2


def test_a_body_that_always_breaks_off_is_reported(s3_endpoint, bucket, s3, proxy):
    s3.write(bucket / "a", b"x" * 1000)
    proxy.upstream = "127.0.0.1", int(s3_endpoint.rpartition(":")[2])
    proxy.rules = [Rule(Truncate(0), method="GET")]
    assert "the connection breaks off" in refusal(UnreachableError, lambda store: store.read(bucket / "a"))
    assert proxy.counts["Truncate"] >= 2


def test_botocore_stops_repeating_when_time_is_up(proxy, monkeypatch):
    monkeypatch.setenv("CARDIOSCAR_S3_ATTEMPTS", "50")
    monkeypatch.setattr(s3_client, "_REPEAT_FOR_S", 0.5)
    proxy.rules = [Rule(Answer(200), method="HEAD"), Rule(s3_error(500, "InternalError"))]
    started = time.monotonic()
    refusal(UnreachableError)
    assert time.monotonic() - started < 5


def test_http_where_tls_was_asked_for_is_reported(proxy, hasty):
    point_at(proxy.url.replace("http://", "https://"))
    assert "no TLS connection could be made" in refusal(UnreachableError)


@pytest.fixture
def tls_port(tmp_path) -> Iterator[int]:
    """A TLS server whose certificate nobody vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = (
        builder.not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=True)
    )
    signed = certificate.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(private + signed)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")

    class Server(ThreadingHTTPServer):
        def handle_error(self, *arguments) -> None:
            pass

    server = Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_certificate_that_nobody_vouches_for_is_reported_at_once(tls_port):
    point_at(f"https://localhost:{tls_port}")
    started = time.monotonic()
    assert "certificate is not trusted (name the authority's file in AWS_CA_BUNDLE)" in refusal(UnreachableError)
    assert time.monotonic() - started < 4.5


def test_no_credentials_and_half_of_them_are_reported(proxy):
    proxy.rules = [Rule(Answer(200), method="HEAD")]
    del os.environ["AWS_SECRET_ACCESS_KEY"]
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role, found half of them" in refusal(
        ConfigError
    )
    del os.environ["AWS_ACCESS_KEY_ID"]
    assert "found no credentials" in refusal(ConfigError)


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_PROFILE", "none"), ("AWS_ENDPOINT_URL_S3", "store:9000"), ("AWS_ENDPOINT_URL_S3", "http://a b")],
)
def test_settings_that_name_nothing_are_reported(monkeypatch, name, value):
    point_at("http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    assert "AWS settings: expected an endpoint, region and profile that exist" in refusal(ConfigError)


@pytest.mark.parametrize("value", ["soon", "0", "-1", "inf", "nan"])
def test_a_setting_that_is_no_positive_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("CARDIOSCAR_S3_READ_TIMEOUT_S", value)
    assert "CARDIOSCAR_S3_READ_TIMEOUT_S: expected a positive number" in refusal(ConfigError)


def test_nothing_is_logged_about_requests_and_credentials(s3_endpoint, bucket):
    code = f"""
import logging
logging.basicConfig(level=logging.DEBUG)
from cardioscar.services.store import client
from cardioscar.services.store.object_store import S3Place, Store
store = Store()
store.write(S3Place("{bucket.bucket}", "a"), b"data")
assert store.read(S3Place("{bucket.bucket}", "a")) == b"data"
logging.debug("logging works")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "logging works" in done.stderr
    for secret in ("AKIDEXAMPLE", "wJalrSECRET", "Signature", "credentials"):
        assert secret not in done.stderr


def test_the_store_is_imported_without_boto3():
    code = (
        "import sys, cardioscar.services.store.object_store as s; assert not {'boto3', 'botocore'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
