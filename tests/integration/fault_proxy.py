"""A proxy on loopback that does to HTTP what networks and servers do: errors, resets, stalls, torn and damaged bodies.

Headers pass unchanged, `Host` too, so that a client's signature of the proxy's address stays valid where the server
only compares it with what it received.

>>> import urllib.error, urllib.request
>>> with FaultProxy("127.0.0.1", 9, rules=[Rule(s3_error(503, "SlowDown"), path="/bucket", times=1)]) as proxy:
...     try:
...         urllib.request.urlopen(f"{proxy.url}/bucket/key")
...     except urllib.error.HTTPError as error:
...         error.code, error.close(), dict(proxy.counts)
(503, None, {'Answer 503': 1})
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

_CHUNK = 1 << 16
_HOP_BY_HOP = frozenset({"connection", "expect", "keep-alive", "proxy-connection", "transfer-encoding"})


@dataclass(frozen=True)
class Answer:
    """Answer in the server's place, which never sees the request."""

    status: int = 503
    body: bytes = b""
    content_type: str = "text/plain"

    def __str__(self) -> str:
        return f"Answer {self.status}"


def s3_error(status: int, code: str) -> Answer:
    """An error as an S3 store says it."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return Answer(status, body.encode(), "application/xml")


def mlflow_error(status: int, code: str, message: str) -> Answer:
    """An error as an MLflow server says it."""
    return Answer(status, f'{{"error_code": "{code}", "message": "{message}"}}'.encode(), "application/json")


@dataclass(frozen=True)
class Reset:
    """Reset the connection: before the server sees the request, or after some bytes of its answer's body."""

    after_bytes: int | None = None

    def __str__(self) -> str:
        return "Reset" if self.after_bytes is None else "Reset in body"


@dataclass(frozen=True)
class Truncate:
    """End the answer's body early: headers promise all of it, the connection closes in an orderly way."""

    after_bytes: int = 0

    def __str__(self) -> str:
        return "Truncate"


@dataclass(frozen=True)
class Stall:
    """Keep silent before the server sees the request, or after some bytes of its answer's body; then close."""

    seconds: float
    after_bytes: int | None = None

    def __str__(self) -> str:
        return "Stall" if self.after_bytes is None else "Stall in body"


@dataclass(frozen=True)
class Delay:
    """Pass the request on later: a client that no longer waits has its request carried out all the same."""

    seconds: float

    def __str__(self) -> str:
        return "Delay"


@dataclass(frozen=True)
class Corrupt:
    """Flip one bit in the middle of the body of the request or of the answer."""

    of: str = "answer"

    def __str__(self) -> str:
        return f"Corrupt {self.of}"


Fault = Answer | Reset | Truncate | Stall | Delay | Corrupt


@dataclass
class Rule:
    """When to do what. The first rule of the list that applies to a request decides; without one it passes.

    Attributes:
        fault: What to do.
        method: HTTP method; empty for all.
        path: Regular expression to find in path and query.
        when: Further condition on method and path.
        skip: Requests of this kind that pass first.
        times: How often at most; None without end.
        probability: Share of the requests, 0 to 1, by the proxy's seeded generator.
    """

    fault: Fault
    method: str = ""
    path: str = ""
    when: Callable[[str, str], bool] | None = None
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    done: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)

    def applies(self, method: str, path: str, generator: random.Random) -> bool:
        """Decide about one request, and count it."""
        wanted = (not self.method or method == self.method) and re.search(self.path, path) is not None
        if not wanted or (self.when and not self.when(method, path)):
            return False
        self._seen += 1
        if self._seen <= self.skip or (self.times is not None and self.done >= self.times):
            return False
        if generator.random() >= self.probability:
            return False
        self.done += 1
        return True


class FaultProxy:
    """The proxy; a context manager that listens on a free port of 127.0.0.1.

    Attributes:
        rules: What to do; replace the list or add to it at any time.
        counts: How often each fault was done; `pass` for requests without one, `upstream down` where nobody answered.
        requests: Method and path of every request, in order of arrival.
    """

    def __init__(self, host: str, port: int, *, rules: Sequence[Rule] = (), seed: int = 0) -> None:
        self.upstream = host, port
        self.rules = list(rules)
        self.counts: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self._generator = random.Random(seed)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self._server.daemon_threads = True
        self._server.request_queue_size = 128
        self._server.proxy = self  # type: ignore[attr-defined]

    def __enter__(self) -> FaultProxy:
        self._server.server_bind()
        self._server.server_activate()
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Port on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"http://127.0.0.1:{self.port}"

    def decide(self, method: str, path: str) -> Fault | None:
        """The fault for a request, which is counted."""
        with self._lock:
            self.requests.append((method, path))
            found = next((r.fault for r in self.rules if r.applies(method, path, self._generator)), None)
            self.counts[str(found) if found else "pass"] += 1
            return found

    def count(self, what: str) -> None:
        """Count what happened to a request on its way."""
        with self._lock:
            self.counts[what] += 1

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the proxy's end."""
        self._closing.wait(seconds)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ThreadingHTTPServer

    def log_message(self, *arguments: object) -> None:
        pass

    def handle(self) -> None:
        # a client that leaves while it is served is what the faults provoke
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def _serve(self) -> None:
        proxy: FaultProxy = self.server.proxy  # type: ignore[attr-defined]
        body = self._request_body()
        fault = proxy.decide(self.command, self.path)
        if isinstance(fault, Answer):
            self._answer(fault)
            return
        if isinstance(fault, Reset) and fault.after_bytes is None:
            self._reset()
            return
        if isinstance(fault, Stall) and fault.after_bytes is None:
            proxy.wait(fault.seconds)
            self.close_connection = True
            return
        if isinstance(fault, Delay):
            proxy.wait(fault.seconds)
        if fault == Corrupt("request"):
            body = _flipped(body)
        upstream = HTTPConnection(*proxy.upstream, timeout=120)
        try:
            self._send_on(upstream, body)
            self._return(upstream.getresponse(), fault, proxy)
        except (HTTPException, OSError) as error:
            if not isinstance(error, BrokenPipeError | ConnectionResetError):
                proxy.count("upstream down")
            self._reset()
        finally:
            upstream.close()

    def _request_body(self) -> bytes:
        """The whole body; tests send no more than memory holds."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _send_on(self, upstream: HTTPConnection, body: bytes) -> None:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                upstream.putheader(name, value)
        if body and "Content-Length" not in self.headers:
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body or None)

    def _return(self, answer: HTTPResponse, fault: Fault | None, proxy: FaultProxy) -> None:
        """Send the server's answer to the client, with what is to befall its body."""
        bare = self.command == "HEAD" or answer.status in (204, 304)
        whole = b"" if bare else None
        length = answer.headers.get("Content-Length")
        if whole is None and (length is None or fault == Corrupt("answer")):
            whole = answer.read()
        total = int(length) if whole is None and length else len(whole or b"")
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if length is None and not bare:
            self.send_header("Content-Length", str(total))
        self.end_headers()
        if whole is not None:
            whole = _flipped(whole) if fault == Corrupt("answer") else whole
        breaks_off = getattr(fault, "after_bytes", None) is not None and not bare
        left = min(fault.after_bytes, max(total - 1, 0)) if breaks_off else total  # type: ignore[union-attr]
        source = io.BytesIO(whole) if whole is not None else answer
        while left > 0 and (chunk := source.read(min(left, _CHUNK))):
            self.wfile.write(chunk)
            left -= len(chunk)
        if breaks_off:
            self._break_off(fault, proxy)

    def _break_off(self, fault: Fault | None, proxy: FaultProxy) -> None:
        if isinstance(fault, Reset):
            # what was written leaves before the reset throws the rest away
            time.sleep(0.05)
            self._reset()
            return
        if isinstance(fault, Stall):
            proxy.wait(fault.seconds)
        self.close_connection = True

    def _answer(self, fault: Answer) -> None:
        self.send_response_only(fault.status)
        self.send_header("Content-Type", fault.content_type)
        self.send_header("Content-Length", str(len(fault.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(fault.body)

    def _reset(self) -> None:
        """Close with RST: lingering for zero seconds throws away what was not sent."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # the socket lives until the file object that reads from it is closed
        for stream in (self.rfile, self.connection):
            with contextlib.suppress(OSError):
                stream.close()


for _method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)


def _flipped(body: bytes) -> bytes:
    changed = bytearray(body)
    if changed:
        changed[len(changed) // 2] ^= 1
    return bytes(changed)
