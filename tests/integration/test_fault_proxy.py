"""Each fault is done to a plain HTTP server's answers, as often as asked, and to nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.integration.fault_proxy import (
    Answer,
    Corrupt,
    Delay,
    FaultProxy,
    Reset,
    Rule,
    Stall,
    Truncate,
    mlflow_error,
    s3_error,
)

BODY = bytes(range(256)) * 1000


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments) -> None:
        pass

    def _serve(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), sent))
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("X-Kept", "yes")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(BODY)


for _method in ("GET", "HEAD", "PUT"):
    setattr(_Server, f"do_{_method}", _Server._serve)


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *arguments) -> None:
        """Say nothing of clients that leave in the middle of an answer."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A server that remembers what it was asked and answers 256 kB."""
    server = _QuietServer(("127.0.0.1", 0), _Server)
    server.daemon_threads, server.seen = True, []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(server) -> Iterator[FaultProxy]:
    """A proxy before that server."""
    with FaultProxy("127.0.0.1", server.server_port) as proxy:
        yield proxy


@dataclass
class Got:
    """A whole answer."""

    status: int
    body: bytes
    headers: Message


def ask(proxy: FaultProxy, method: str = "GET", path: str = "/a", body: object = None, *, timeout=5.0, **how) -> Got:
    """One request on a connection of its own."""
    with closing(HTTPConnection("127.0.0.1", proxy.port, timeout=timeout)) as connection:
        connection.request(method, path, body=body, **how)
        with connection.getresponse() as answer:
            return Got(answer.status, answer.read(), answer.headers)


def test_without_rules_everything_passes_unchanged(proxy, server):
    answer = ask(proxy, "PUT", "/bucket/key%20a?x=1", b"sent", headers={"X-Signed": "a"})
    assert (answer.status, answer.body, answer.headers["X-Kept"]) == (200, BODY, "yes")
    method, path, headers, sent = server.seen[0]
    assert (method, path, sent, headers["X-Signed"]) == ("PUT", "/bucket/key%20a?x=1", b"sent", "a")
    assert headers["Host"] == f"127.0.0.1:{proxy.port}"
    assert proxy.counts == {"pass": 1}


def test_a_chunked_body_and_one_that_waits_for_leave_arrive(proxy, server):
    ask(proxy, "PUT", body=iter([b"one", b"two"]), headers={"Transfer-Encoding": "chunked"}, encode_chunked=True)
    ask(proxy, "PUT", body=b"three", headers={"Expect": "100-continue"})
    assert [seen[3] for seen in server.seen] == [b"onetwo", b"three"]


def test_one_connection_serves_several_requests(proxy, server):
    with closing(HTTPConnection("127.0.0.1", proxy.port, timeout=5)) as connection:
        for _ in range(3):
            connection.request("GET", "/a")
            assert connection.getresponse().read() == BODY
        connection.request("HEAD", "/a")
        assert connection.getresponse().headers["Content-Length"] == str(len(BODY))


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (s3_error(503, "SlowDown"), 503, b"<Code>SlowDown</Code>"),
        (mlflow_error(400, "BAD_REQUEST", "QueuePool limit of size 5"), 400, b"QueuePool limit"),
        (Answer(500), 500, b""),
    ],
)
def test_an_answer_in_the_servers_place(proxy, server, fault, status, words):
    proxy.rules = [Rule(fault, times=1)]
    answer = ask(proxy)
    assert answer.status == status
    assert words in answer.body
    assert server.seen == []
    assert ask(proxy).status == 200
    assert proxy.counts == {f"Answer {status}": 1, "pass": 1}


def test_a_reset_before_the_server_sees_the_request(proxy, server):
    proxy.rules = [Rule(Reset())]
    with pytest.raises(ConnectionResetError):
        ask(proxy)
    assert server.seen == []


def test_a_reset_within_the_body(proxy, server):
    proxy.rules = [Rule(Reset(after_bytes=1000))]
    with pytest.raises(ConnectionResetError):
        ask(proxy)
    assert len(server.seen) == 1


def test_a_truncated_body_ends_in_order(proxy):
    proxy.rules = [Rule(Truncate(after_bytes=1000))]
    with pytest.raises(IncompleteRead) as caught:
        ask(proxy)
    assert caught.value.partial == BODY[:1000]


def test_a_body_shorter_than_where_it_would_be_cut_loses_its_last_byte(proxy):
    proxy.rules = [Rule(Truncate(after_bytes=10 * len(BODY)))]
    with pytest.raises(IncompleteRead) as caught:
        ask(proxy)
    assert caught.value.partial == BODY[:-1]


def test_a_stall_keeps_silent_and_then_closes(proxy, server):
    proxy.rules = [Rule(Stall(0.3), times=2)]
    with pytest.raises(TimeoutError):
        ask(proxy, timeout=0.1)
    started = time.monotonic()
    with pytest.raises(RemoteDisconnected):
        ask(proxy)
    assert time.monotonic() - started > 0.25
    assert server.seen == []


def test_a_stall_within_the_body(proxy, server):
    proxy.rules = [Rule(Stall(0.5, after_bytes=1000))]
    with pytest.raises(TimeoutError):
        ask(proxy, timeout=0.2)
    assert len(server.seen) == 1


def test_a_delayed_request_is_carried_out_even_if_nobody_waits(proxy, server):
    proxy.rules = [Rule(Delay(0.3))]
    with pytest.raises(TimeoutError):
        ask(proxy, timeout=0.1)
    for _ in range(100):
        if server.seen:
            return
        time.sleep(0.02)
    pytest.fail("the request did not arrive")


def test_one_bit_of_the_request_or_of_the_answer_is_flipped(proxy, server):
    proxy.rules = [Rule(Corrupt("request"), method="PUT"), Rule(Corrupt("answer"), method="GET")]
    ask(proxy, "PUT", body=b"\0\0\0")
    assert server.seen[0][3] == b"\0\1\0"
    damaged = ask(proxy).body
    assert len(damaged) == len(BODY)
    assert sum(a != b for a, b in zip(damaged, BODY, strict=True)) == 1


def test_rules_choose_by_method_path_and_order(proxy):
    proxy.rules = [
        Rule(Answer(500), method="PUT", path=r"key$", skip=1, times=1),
        Rule(Answer(503), when=lambda method, path: path.startswith("/other")),
    ]
    asked = [("PUT", "/key"), ("PUT", "/key"), ("PUT", "/key"), ("GET", "/key"), ("GET", "/other"), ("GET", "/other")]
    assert [ask(proxy, *what).status for what in asked] == [200, 500, 200, 200, 503, 503]
    assert proxy.requests == asked


def test_chance_is_repeatable(server):
    def statuses(seed: int) -> list[int]:
        rules = [Rule(Answer(500), probability=0.5)]
        with FaultProxy("127.0.0.1", server.server_port, rules=rules, seed=seed) as proxy:
            return [ask(proxy).status for _ in range(30)]

    first = statuses(1)
    assert statuses(1) == first
    assert statuses(2) != first
    assert 5 < first.count(500) < 25


def test_a_server_that_is_away_resets_the_client():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with FaultProxy("127.0.0.1", port) as proxy:
        with pytest.raises(ConnectionResetError):
            ask(proxy)
        assert proxy.counts["upstream down"] == 1
