"""A server that is busy or silent for a while costs time and nothing else; a creation is never done twice."""

from __future__ import annotations

import json
import time

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from cardioscar.errors import UnreachableError
from cardioscar.services.tracking import patience as mlflow_patience
from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.failures import passing
from cardioscar.services.tracking.patience import PatientClient
from cardioscar.services.tracking.recording import record_cohort, record_subject
from cardioscar.stages.scar3d.workflow import SCAR_FIELD

QUEUE_POOL = (
    400,
    {
        "error_code": "BAD_REQUEST",
        "message": "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
    },
)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(mlflow_patience, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


@pytest.fixture
def scripted(http_server):
    """A server that gives the given answers in turn, and the last one for ever; and the list of its calls."""

    def start(*answers):
        calls = []

        def answer(handler):
            if handler.path == "/health":
                status, body = 200, {}
            else:
                calls.append((handler.command, handler.path.partition("?")[0]))
                status, body = answers[min(len(calls), len(answers)) - 1]
            if status is None:
                handler.close_connection = True  # cut off without an answer
                handler.connection.close()
                return
            text = json.dumps(body).encode()
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
            handler.wfile.write(text)

        return http_server(answer), calls

    return start


FOUND = (200, {"experiment": {"experiment_id": "7", "name": "trial", "lifecycle_stage": "active"}})


@pytest.mark.parametrize(
    "failure",
    [QUEUE_POOL, *[(code, {}) for code in (429, 500, 502, 503, 504)], (None, {})],
    ids=lambda failure: str(failure[0]),
)
def test_a_question_is_repeated_until_it_is_answered(scripted, failure):
    target, calls = scripted(failure, failure, FOUND)
    with answering(target):
        assert connect(target).get_experiment_by_name("trial").experiment_id == "7"
    assert len(calls) == 3


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409])
def test_a_refusal_is_not_repeated(scripted, code):
    target, calls = scripted((code, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}))
    with pytest.raises(UnreachableError), answering(target):
        connect(target).search_experiments()
    assert len(calls) == 1


def test_a_creation_is_not_repeated_without_looking(scripted):
    target, calls = scripted((503, {}))
    with pytest.raises(UnreachableError, match="HTTP 503"), answering(target):
        connect(target).create_run("7")
    assert len(calls) == 1


def test_taken_connections_are_named(scripted, monkeypatch):
    monkeypatch.setattr(mlflow_patience, "PATIENCE_S", {"silent": 0.1, "busy": 0.1})
    target, _ = scripted(QUEUE_POOL)
    with pytest.raises(UnreachableError, match="connections are taken .see MLFLOW_SQLALCHEMYSTORE_POOL_SIZE"):
        ask(target)


def ask(target):
    with answering(target):
        connect(target).search_experiments()


@pytest.mark.parametrize("kind", ["silent", "busy"])
def test_patience_is_for_one_client_and_all_its_calls_together(kind, monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(mlflow_patience.time, "monotonic", clock)
    error = TimeoutErrorOfRequests() if kind == "silent" else MlflowException("too many 503 error responses")

    class Failing:
        def __init__(self):
            self.calls = 0

        def get_run(self, run_id):
            self.calls += 1
            clock.now += 6
            if run_id == "flaky" and self.calls % 2 == 0:
                return run_id
            raise error

    server = Failing()
    client = PatientClient(server, pause=clock.pass_by)
    assert client.get_run("flaky") == "flaky"  # one failure survived: 6 s are lost
    with pytest.raises(type(error)):
        client.get_run("dead")
    assert clock.now < mlflow_patience.PATIENCE_S[kind] + 2 * 6 + mlflow_patience.LONGEST_PAUSE_S
    assert server.calls >= 2 + mlflow_patience.PATIENCE_S[kind] // (6 + mlflow_patience.LONGEST_PAUSE_S)


class TimeoutErrorOfRequests(Exception):  # noqa: N818
    pass


TimeoutErrorOfRequests.__name__ = "ReadTimeout"


class FakeClock:
    now = 0.0

    def __call__(self):
        return self.now

    def pass_by(self, seconds):
        self.now += seconds


def test_pauses_grow_and_differ_between_clients(monkeypatch):
    monkeypatch.setattr(mlflow_patience, "FIRST_PAUSE_S", 0.5)

    class Busy:
        def get_run(self, run_id):
            raise MlflowException("too many 503 error responses")

    def pauses():
        waited = []
        with pytest.raises(MlflowException):
            PatientClient(Busy(), pause=waited.append).get_run("x")
        return waited

    one, other = pauses(), pauses()
    assert one != other
    assert 0.25 <= one[0] <= 0.5
    assert all(4 <= pause <= 8 for pause in one[4:])
    assert 52 < sum(one) <= 60


CREATIONS = ["create_experiment", "create_run", "create_logged_model", "log_outputs", "create_model_version"]


def contents(store, cohort):
    client = connect(store)
    experiment = client.get_experiment_by_name(cohort).experiment_id
    runs = client.search_runs([experiment])
    models = client.search_logged_models([experiment])
    text = f"name = '{SCAR_FIELD.name}' AND tags.`{records.TAG_COHORT}` = '{cohort}'"
    return list(runs), list(models), list(client.search_model_versions(text))


def lost_answer():
    return MlflowException("API request to http://… failed with exception too many 504 error responses")


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("step", CREATIONS)
def test_a_creation_without_an_answer_leaves_one_of_each(store, make_record, cohort, monkeypatch, step, done):
    whole, calls = getattr(MlflowClient, step), []

    def lossy(self, *arguments, **options):
        calls.append(step)
        if len(calls) > 1:
            return whole(self, *arguments, **options)
        if done:
            whole(self, *arguments, **options)
        raise lost_answer()

    monkeypatch.setattr(MlflowClient, step, lossy)
    got = record_subject(store, make_record())
    (run,), (model,), (version,) = contents(store, cohort)
    assert (got.run_id, got.model_id, got.version) == (run.info.run_id, model.model_id, int(version.version))
    assert (run.info.status, model.status) == ("FINISHED", "READY")
    assert len(run.outputs.model_outputs) == 1
    # only what has a unique name is repeated without looking
    assert len(calls) == (1 if done and step != "create_experiment" else 2)


@pytest.mark.parametrize("step", ["create_run", "create_logged_model", "create_model_version"])
def test_a_creation_that_shows_up_late_is_deleted(store, make_record, cohort, monkeypatch, step):
    """The server works on while the client, which waited long enough, looks, finds nothing and creates again."""
    whole, late = getattr(MlflowClient, step), []

    def slow(self, *arguments, **options):
        if not late:
            late.append(lambda: whole(self, *arguments, **options))
            raise lost_answer()
        made = whole(self, *arguments, **options)
        while len(late) == 1:
            late.append(late[0]())
        return made

    monkeypatch.setattr(MlflowClient, step, slow)
    got = record_subject(store, make_record())
    assert len(late) == 2
    (run,), (model,), (version,) = contents(store, cohort)
    assert (got.run_id, got.model_id, got.version) == (run.info.run_id, model.model_id, int(version.version))
    assert record_subject(store, make_record()).run_id == got.run_id


def test_a_run_that_shows_up_after_the_end_is_deleted_at_the_next_attempt(store, make_record, cohort):
    record = make_record()
    got = record_subject(store, record)
    client = connect(store)
    experiment = client.get_experiment_by_name(cohort).experiment_id
    tags = {records.TAG_RUN_KEY: record.run_key}
    client.create_run(experiment, start_time=record.started_ms, tags=tags)
    assert record_subject(store, record).reused
    (run,), _, _ = contents(store, cohort)
    assert run.info.run_id == got.run_id


@pytest.mark.parametrize(
    "step",
    ["log_artifacts", "log_model_artifacts", "log_batch", "finalize_logged_model", "set_logged_model_tags",
     "set_terminated"],
)  # fmt: skip
def test_whatever_else_is_repeated_changes_nothing(store, make_record, cohort, monkeypatch, step):
    whole, calls = getattr(MlflowClient, step), []

    def lossy(self, *arguments, **options):
        calls.append(step)
        whole(self, *arguments, **options)
        if len(calls) % 2:
            raise lost_answer()

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, step, lossy)
        record_subject(store, make_record())
    assert len(calls) >= 2
    (run,), (model,), _ = contents(store, cohort)
    assert run.data.metrics == {"dice": 0.8, "scar_volume_ml": 7.5}
    assert len(connect(store).get_metric_history(run.info.run_id, "dice")) == 1
    assert [metric.key for metric in model.metrics] == ["dice"]  # what models are looked up by


def test_the_run_of_a_cohort_is_not_doubled(store, tmp_path, cohort, monkeypatch):
    whole, calls = MlflowClient.create_run, []

    def lossy(self, *arguments, **options):
        calls.append(whole(self, *arguments, **options))
        raise lost_answer()

    (tmp_path / "t.csv").write_text("subject\nP001\n")
    (tmp_path / "r.html").write_text("report")
    monkeypatch.setattr(MlflowClient, "create_run", lossy)
    target = TrackingTarget(store.uri, cohort)
    run_id = record_cohort(target, table_csv=tmp_path / "t.csv", report_html=tmp_path / "r.html", metrics={})
    assert [run.info.run_id for run in calls] == [run_id]


def test_what_is_deleted_although_the_answer_got_lost_is_deleted(store, make_record, monkeypatch):
    got = record_subject(store, make_record())
    whole, calls = MlflowClient.delete_tag, []

    def lossy(self, *arguments, **options):
        calls.append(1)
        whole(self, *arguments, **options)
        if len(calls) == 1:
            raise lost_answer()

    monkeypatch.setattr(MlflowClient, "delete_tag", lossy)
    client = connect(store)
    client.delete_tag(got.run_id, records.TAG_QC)
    assert len(calls) == 2
    with pytest.raises(MlflowException, match="No tag with name"):  # it was gone before the first attempt
        client.delete_tag(got.run_id, records.TAG_QC)


def test_a_locked_local_store_is_busy_and_a_broken_one_is_not():
    assert passing(MlflowException("(sqlite3.OperationalError) database is locked")) == "busy"
    assert passing(MlflowException("(sqlite3.OperationalError) disk I/O error")) is None


def test_a_server_that_dies_on_the_way_is_given_up_within_the_patience(http_server, make_record, monkeypatch):
    monkeypatch.setattr(mlflow_patience, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(mlflow_patience, "PATIENCE_S", {"silent": 1.5, "busy": 1.5})

    def dying(handler):
        if handler.path == "/health":
            handler.send_response(200)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.close_connection = True
        handler.connection.close()

    started = time.monotonic()
    with pytest.raises(UnreachableError, match="cut the connection"):
        record_subject(http_server(dying), make_record())
    assert 0.4 < time.monotonic() - started < 4
