"""A small server that speaks the part of Kubeflow Pipelines' REST API (v2beta1, 2.17) that cardioscar uses.

Paths, field names, filters, pages, error bodies and status codes are those of the API server; what it does not do is
run anything: a run's states are scripted. The generated client and `kfp.Client` themselves talk to it in the tests.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

PREFIX = "/apis/v2beta1/"
MANY_USERS_TOKEN = "token-of-ann"


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of a method and path."""

    method: str
    path: str
    kind: str
    """`503`, or another status; `drop` (never arrives), `lose` (is done, its answer is lost), `stall`, `page`, `login`,
    `garbage` (JSON cut short), `echo` (an error that repeats the caller's credentials)."""
    times: int = 1


@dataclass
class KubeflowState:
    """What the server holds, and how it behaves."""

    multi_user: bool = False
    script: list[str] = field(default_factory=lambda: ["PENDING", "RUNNING", "SUCCEEDED"])
    """States that a run goes through, one at each look."""
    failed_tasks: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    recurring: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    page_size: int = 100
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    defects: list[BaseException] = field(default_factory=list)
    url: str = ""

    def asked(self, method: str, path: str) -> int:
        """How often a method and path were asked for."""
        return sum(m == method and bool(re.fullmatch(path, p)) for m, p in self.requests)


class ApiError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def not_found(kind: str, identity: str) -> ApiError:
    return ApiError(404, 5, f"ResourceNotFoundError: {kind} {identity} not found")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *arguments: object) -> None:
        pass

    def _serve(self) -> None:
        state = self.server.state
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = parts.path.removeprefix(PREFIX)
        with state.lock:
            state.requests.append((self.command, path))
            state.headers.append(dict(self.headers))
            fault = next(
                (f for f in state.faults if f.times and f.method == self.command and re.fullmatch(f.path, path)), None
            )
            if fault:
                fault.times -= 1
        if fault and fault.kind != "lose":
            self._fail(fault.kind)
            return
        try:
            if not parts.path.startswith(PREFIX):
                raise ApiError(404, 5, "Not Found")
            self._authorize(parts.query)
            with state.lock:
                answer = self._route(path, {k: v[0] for k, v in parse_qs(parts.query).items()}, body)
            status = 200
        except ApiError as error:
            upload = path.startswith("pipelines/upload")
            words = {"error_message": str(error), "error_details": str(error)}
            grpc = {"error": str(error), "code": error.code, "message": str(error), "details": []}
            answer, status = words if upload else grpc, error.status
        if fault:
            self.close_connection = True
            self.connection.close()
            return
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _fail(self, kind: str) -> None:
        if kind == "drop":
            self.close_connection = True
            self.connection.close()
        elif kind == "stall":
            self.server.state.stop.wait(30)
            self.close_connection = True
        elif kind == "page":
            self._send(200, b"<html>Log in</html>", "text/html; charset=utf-8")
        elif kind == "login":
            self._send(302, b"", "text/html", Location="/dex/auth?client_id=x")
        elif kind == "garbage":
            self._send(200, b'{"run_id": "x', "application/json")
        elif kind == "echo":
            said = f"InvalidInputError: rejected {self.headers.get('Authorization')} {self.headers.get('Cookie')}"
            self._send(400, json.dumps({"code": 3, "message": said}).encode(), "application/json")
        else:
            self._send(int(kind), b"upstream connect error\n", "text/plain")

    def _authorize(self, query: str) -> None:
        if not self.server.state.multi_user or self.path.endswith("/healthz"):
            return
        token = self.headers.get("Authorization", "")
        cookie = self.headers.get("Cookie", "")
        if token != f"Bearer {MANY_USERS_TOKEN}" and cookie != "authservice_session=ann":
            raise ApiError(401, 16, f"Unauthenticated: Request header error: there is no user identity in '{token}'")
        namespace = parse_qs(query).get("namespace", [""])[0]
        if namespace not in ("", "team-a"):
            raise ApiError(403, 7, f"PermissionDenied: User 'ann' is not authorized in namespace {namespace}")

    def _route(self, path: str, query: dict[str, str], body: bytes) -> Any:
        key = f"{self.command} {path}"
        for pattern, function in ROUTES.items():
            if match := re.fullmatch(pattern, key):
                return function(self.server.state, query, self._content(body), *match.groups())
        raise ApiError(404, 5, "Not Found")

    def _content(self, body: bytes) -> Any:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/"):
            return json.loads(body or b"null")
        message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        parts = {str(p.get_param("name", header="content-disposition")): p for p in message.get_payload()}  # type: ignore[union-attr]
        if "uploadfile" not in parts:
            raise ApiError(400, 3, "Failed to read pipeline from file")
        return parts["uploadfile"].get_payload(decode=True)


for _method in ("GET", "POST", "DELETE"):
    setattr(Handler, f"do_{_method}", Handler._serve)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    state: KubeflowState

    def handle_error(self, *arguments: object) -> None:
        """A client that went away is what some tests are about; anything else is a defect of this file."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.state.defects.append(error)


def _listed(state: KubeflowState, rows: list[dict[str, Any]], query: dict[str, str], name: str) -> dict[str, Any]:
    if query.get("filter"):
        for predicate in json.loads(query["filter"])["predicates"]:
            if predicate["operation"] not in (1, "EQUALS"):
                raise ApiError(400, 3, "InvalidInputError: unsupported operation")
            rows = [row for row in rows if row[predicate["key"]] == predicate["stringValue"]]
    if sort := query.get("sort_by"):
        field_name, _, order = sort.partition(" ")
        rows = sorted(rows, key=lambda row: row[field_name], reverse=order == "desc")
    start = int(query.get("page_token") or 0)
    size = min(int(query.get("page_size") or 10), state.page_size)
    page: dict[str, Any] = {name: rows[start : start + size], "total_size": len(rows)}
    if start + size < len(rows):
        page["next_page_token"] = str(start + size)
    return page if rows else {}


_started = datetime(2026, 1, 1, tzinfo=UTC)


def _row(held: KubeflowState, id_name: str, **values: Any) -> dict[str, Any]:
    count = sum(map(len, (held.pipelines, held.versions, held.experiments, held.runs, held.recurring)))
    created = (_started + timedelta(seconds=count)).isoformat().replace("+00:00", "Z")
    return {id_name: str(uuid.uuid4()), "created_at": created, **values}


def healthz(state: KubeflowState, *_: Any) -> Any:
    return {"multi_user": state.multi_user, "pipeline_store": "database"}


def list_pipelines(state: KubeflowState, query: dict[str, str], _: Any) -> Any:
    rows = [p for p in state.pipelines.values() if p["namespace"] == query.get("namespace", "")]
    return _listed(state, rows, query, "pipelines")


def create_pipeline(state: KubeflowState, query: dict[str, str], body: Any) -> Any:
    name, namespace = body.get("name") or body["display_name"], body.get("namespace", "")
    if any(p["name"] == name and p["namespace"] == namespace for p in state.pipelines.values()):
        raise ApiError(409, 6, f"AlreadyExistsError: The name {name} already exist. Please specify a new name")
    row = _row(
        state, "pipeline_id", name=name, display_name=body.get("display_name") or name, namespace=namespace,
        description=body.get("description", ""),
    )  # fmt: skip
    state.pipelines[row["pipeline_id"]] = row
    return row


def upload_pipeline(state: KubeflowState, query: dict[str, str], content: bytes) -> Any:
    made = create_pipeline(state, query, {"name": query["name"], "namespace": query.get("namespace", "")})
    upload_version(state, {"name": query["name"], "pipelineid": made["pipeline_id"]}, content)
    return made


def upload_version(state: KubeflowState, query: dict[str, str], content: bytes) -> Any:
    pipeline = query.get("pipelineid", "")
    if pipeline not in state.pipelines:
        raise ApiError(400, 3, "Failed to create a pipeline version")
    name = query["name"]
    if any(v["pipeline_id"] == pipeline and v["name"] == name for v in state.versions.values()):
        raise ApiError(409, 6, "Failed to create a pipeline version")
    try:
        documents = list(yaml.load_all(content, yaml.CSafeLoader))
        spec = documents[0] if len(documents) == 1 else {"pipeline_spec": documents[0], "platform_spec": documents[1]}
        (spec.get("pipeline_spec") or spec)["pipelineInfo"]["name"]
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise ApiError(400, 3, "InvalidInputError: unknown template format: pipeline spec is invalid") from error
    row = _row(
        state, "pipeline_version_id", pipeline_id=pipeline, name=name, display_name=name, pipeline_spec=spec,
        description=query.get("description", ""),
    )  # fmt: skip
    state.versions[row["pipeline_version_id"]] = row
    return row


def list_versions(state: KubeflowState, query: dict[str, str], _: Any, pipeline: str) -> Any:
    if pipeline not in state.pipelines:
        raise not_found("Pipeline", pipeline)
    rows = [v for v in state.versions.values() if v["pipeline_id"] == pipeline]
    return _listed(state, rows, query, "pipeline_versions")


def list_experiments(state: KubeflowState, query: dict[str, str], _: Any) -> Any:
    if state.multi_user and not query.get("namespace"):
        raise ApiError(400, 3, "InvalidInputError: In multi-user mode, listing experiments needs a namespace")
    rows = [e for e in state.experiments.values() if e["namespace"] == query.get("namespace", "")]
    return _listed(state, rows, query, "experiments")


def create_experiment(state: KubeflowState, query: dict[str, str], body: Any) -> Any:
    name, namespace = body["display_name"], body.get("namespace", "")
    if any(e["display_name"] == name and e["namespace"] == namespace for e in state.experiments.values()):
        raise ApiError(409, 6, f"AlreadyExistsError: The name {name} already exist. Please specify a new name")
    row = _row(state, "experiment_id", display_name=name, namespace=namespace, storage_state="AVAILABLE")
    state.experiments[row["experiment_id"]] = row
    return row


def _check_job(state: KubeflowState, body: Any) -> None:
    if not body.get("display_name"):
        raise ApiError(400, 3, "InvalidInputError: The run name is empty. Please specify a valid name")
    if body.get("experiment_id") not in state.experiments:
        raise not_found("Experiment", str(body.get("experiment_id")))
    reference = body.get("pipeline_version_reference")
    if bool(reference) == bool(body.get("pipeline_spec")):
        raise ApiError(400, 3, "InvalidInputError: a run needs a pipeline spec or a pipeline version")
    if reference and reference.get("pipeline_version_id") not in state.versions:
        raise not_found("PipelineVersion", str(reference.get("pipeline_version_id")))
    stored = body.get("pipeline_spec") or state.versions[reference["pipeline_version_id"]]["pipeline_spec"]
    declared = (stored.get("pipeline_spec") or stored)["root"].get("inputDefinitions", {}).get("parameters", {})
    given = (body.get("runtime_config") or {}).get("parameters") or {}
    for name, one in declared.items():
        if name not in given and "defaultValue" not in one and not one.get("isOptional"):
            raise ApiError(400, 3, f"InvalidInputError: missing required input parameter: {name}")


def create_run(state: KubeflowState, query: dict[str, str], body: Any) -> Any:
    _check_job(state, body)
    row = _row(state, "run_id", state="PENDING", storage_state="AVAILABLE", **body)
    state.runs[row["run_id"]] = row | {"_looks": 0}
    return row


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def list_runs(state: KubeflowState, query: dict[str, str], _: Any) -> Any:
    rows = [_shown(r) for r in state.runs.values() if r["experiment_id"] == query.get("experiment_id")]
    return _listed(state, rows, query, "runs")


def get_run(state: KubeflowState, query: dict[str, str], _: Any, identity: str) -> Any:
    if identity not in state.runs:
        raise not_found("Run", identity)
    run = state.runs[identity]
    run["state"] = state.script[min(run["_looks"], len(state.script) - 1)]
    run["_looks"] += 1
    if run["state"] == "FAILED":
        tasks = [{"task_id": str(n), "display_name": t, "state": "FAILED"} for n, t in enumerate(state.failed_tasks)]
        run["run_details"] = {"task_details": [{"task_id": "r", "display_name": "", "state": "FAILED"}, *tasks]}
    return _shown(run)


def list_recurring(state: KubeflowState, query: dict[str, str], _: Any) -> Any:
    rows = [r for r in state.recurring.values() if r["experiment_id"] == query.get("experiment_id")]
    # the one list of this API whose field is not in snake case
    return _listed(state, rows, query, "recurringRuns")


def create_recurring(state: KubeflowState, query: dict[str, str], body: Any) -> Any:
    _check_job(state, body)
    if not 1 <= int(body["max_concurrency"]) <= 10:
        raise ApiError(400, 3, "InvalidInputError: The max concurrency of the recurring run must be 1 to 10")
    cron = body["trigger"]["cron_schedule"]["cron"].split()
    if len(cron) != 6 or not all(re.fullmatch(r"[\d*/,?A-Za-z-]+", one) for one in cron):
        raise ApiError(400, 3, "InvalidInputError: Schedule cron is not a supported format")
    row = _row(state, "recurring_run_id", status="ENABLED", **body)
    state.recurring[row["recurring_run_id"]] = row
    return row


def delete_recurring(state: KubeflowState, query: dict[str, str], _: Any, identity: str) -> Any:
    if state.recurring.pop(identity, None) is None:
        raise not_found("Job", identity)
    return {}


ROUTES: dict[str, Callable[..., Any]] = {
    r"GET healthz": healthz,
    r"GET pipelines": list_pipelines,
    r"POST pipelines": create_pipeline,
    r"POST pipelines/upload": upload_pipeline,
    r"POST pipelines/upload_version": upload_version,
    r"GET pipelines/([^/]+)/versions": list_versions,
    r"GET experiments": list_experiments,
    r"POST experiments": create_experiment,
    r"GET runs": list_runs,
    r"POST runs": create_run,
    r"GET runs/([^/:]+)": get_run,
    r"GET recurringruns": list_recurring,
    r"POST recurringruns": create_recurring,
    r"DELETE recurringruns/([^/:]+)": delete_recurring,
}


@contextmanager
def serving(**settings: Any) -> Iterator[KubeflowState]:
    """A server on loopback."""
    server = Server(("127.0.0.1", 0), Handler)
    server.state = state = KubeflowState(**settings, url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
    if state.defects:
        raise state.defects[0]
