"""Pipelines, runs and schedules against a server that speaks Kubeflow's API, well and badly."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

pytest.importorskip("kfp")

from cardioscar.errors import ConfigError, InputError, UnreachableError
from cardioscar.services.kubeflow.client import (
    AccessRefusedError,
    KubeflowApi,
    NoAnswerError,
    RefusedError,
)
from cardioscar.services.kubeflow.parameters import PipelinePackage
from cardioscar.services.kubeflow.pipelines import Source, ensure_version, find_version, list_pipelines
from cardioscar.services.kubeflow.runs import Pace, RunFailedError, Schedule, schedule, submit, wait
from cardioscar.services.kubeflow.target import KubeflowTarget, token_source
from tests.services.kubeflow.kfp_api import MANY_USERS_TOKEN, Fault, KubeflowState, serving

PACKAGE = Path(__file__).resolve().parents[2] / "pipelines" / "golden" / "reconstruct_cohort.yaml"
PLACES = {"cohort_uri": "s3://hearts/cohort", "results_uri": "s3://hearts/results"}
QUICK = Pace(first_s=0.01, most_s=0.02, outage_s=0.4, refused_s=0.2)
NIGHTLY = Schedule("0 0 2 * * *")


@pytest.fixture
def server() -> Iterator[KubeflowState]:
    with serving() as state:
        yield state


def connected(server: KubeflowState, **settings) -> KubeflowApi:
    return KubeflowApi(KubeflowTarget(server.url, **settings), read_timeout_s=1.0, pauses_s=(0.01, 0.01, 0.01))


@pytest.fixture
def api(server: KubeflowState) -> KubeflowApi:
    return connected(server)


@pytest.fixture
def source(api: KubeflowApi) -> Source:
    ensure_version(api, PACKAGE, "0.1.0")
    return find_version(api, "reconstruct-cohort")


def changed(folder: Path) -> Path:
    path = folder / "changed.yaml"
    path.write_text(PACKAGE.read_text().replace("defaultValue: fourier", "defaultValue: reference"))
    assert path.read_text() != PACKAGE.read_text()
    return path


# pipelines


def test_a_pipeline_is_created_and_its_versions_are_added(server, api, tmp_path):
    assert ensure_version(api, PACKAGE, "0.1.0") == ("reconstruct-cohort", "created")
    assert ensure_version(api, changed(tmp_path), "0.2.0") == ("reconstruct-cohort", "created")
    (listed,) = list_pipelines(api)
    assert (listed.name, listed.versions) == ("reconstruct-cohort", ("0.2.0", "0.1.0"))
    (pipeline,) = server.pipelines.values()
    assert pipeline["description"].startswith("3D myocardial scar maps")
    assert find_version(api, "reconstruct-cohort").version == "0.2.0"


def test_uploading_the_same_again_changes_nothing(server, api, tmp_path):
    ensure_version(api, PACKAGE, "0.1.0")
    reordered = tmp_path / "same content, other text.yaml"
    reordered.write_text(yaml.safe_dump_all(yaml.safe_load_all(PACKAGE.read_text()), sort_keys=False, width=60))
    before = dict(server.versions)
    assert ensure_version(api, reordered, "0.1.0") == ("reconstruct-cohort", "unchanged")
    assert server.versions == before


def test_a_version_is_never_given_other_content(server, api, tmp_path):
    ensure_version(api, PACKAGE, "0.1.0")
    with pytest.raises(ConfigError, match=r"changed\.yaml: .*reconstruct-cohort 0\.1\.0.*other content"):
        ensure_version(api, changed(tmp_path), "0.1.0")
    assert len(server.versions) == 1


@pytest.mark.parametrize("kind", ["503", "drop", "lose"])
@pytest.mark.parametrize("path", ["pipelines", "pipelines/upload_version"])
def test_an_upload_that_breaks_is_there_once(server, api, path, kind):
    server.faults.append(Fault("POST", path, kind))
    assert ensure_version(api, PACKAGE, "0.1.0") == ("reconstruct-cohort", "created")
    assert (len(server.pipelines), len(server.versions)) == (1, 1)


def test_uploads_at_the_same_time_make_one_version(server):
    said: list[str] = []

    def upload() -> None:
        said.append(ensure_version(connected(server), PACKAGE, "0.1.0")[1])

    threads = [threading.Thread(target=upload) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 6
    assert (len(server.pipelines), len(server.versions)) == (1, 1)


def test_what_is_not_there_is_named_with_what_is(api, source):
    with pytest.raises(ConfigError, match=r"'reconstruct' \(there is reconstruct-cohort\)"):
        find_version(api, "reconstruct")
    with pytest.raises(ConfigError, match=r"'9\.9' \(there is 0\.1\.0\)"):
        find_version(api, "reconstruct-cohort", "9.9")


def test_lists_longer_than_a_page_are_read_whole(server, api, source, tmp_path):
    server.page_size = 2
    for number in range(5):
        ensure_version(api, PACKAGE, f"1.{number}")
    (listed,) = list_pipelines(api)
    assert len(listed.versions) == 6


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("a: [", "ParserError"),
        ("a: 1", "something else"),
        ("- 1", "1 documents"),
        ("a: 1\n---\nb: 1\n---\nc: 1", "3 doc"),
    ],
)
def test_a_file_that_is_no_pipeline_is_refused_before_it_is_sent(server, api, tmp_path, text, finding):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"x\.yaml: .*{finding}"):
        ensure_version(api, path, "1")
    assert server.requests == []


# runs


def test_a_run_carries_its_parameters_pipeline_and_experiment(server, api, source):
    run, started = submit(api, source, PLACES | {"shard_size": 4}, run_name="trial", experiment="trial")
    assert started
    stored = server.runs[run.run_id]
    assert stored["runtime_config"]["parameters"] == PLACES | {"shard_size": 4}
    (version,) = server.versions
    assert stored["pipeline_version_reference"]["pipeline_version_id"] == version
    assert server.experiments[stored["experiment_id"]]["display_name"] == "trial"


def test_a_package_travels_with_its_run(server, api):
    package = PipelinePackage.read(PACKAGE)
    run, _ = submit(api, Source(package), PLACES, run_name="trial", experiment="trial")
    assert server.runs[run.run_id]["pipeline_spec"] == package.content
    assert set(package.content) == {"pipeline_spec", "platform_spec"}
    again, started = submit(api, Source(package), PLACES, run_name="trial", experiment="trial")
    assert (again.run_id, started) == (run.run_id, False)


def test_a_name_stands_for_one_run(server, api, source):
    first, _ = submit(api, source, PLACES, run_name="night", experiment="trial")
    again, started = submit(api, source, PLACES, run_name="night", experiment="trial")
    assert (again.run_id, started, len(server.runs)) == (first.run_id, False, 1)
    with pytest.raises(ConfigError, match=r"run 'night': expected its seed 'its default', or another name, found '7'"):
        submit(api, source, PLACES | {"seed": 7}, run_name="night", experiment="trial")
    other, started = submit(api, source, PLACES, run_name="night", experiment="other")
    assert started
    assert other.run_id != first.run_id


def test_the_same_name_with_another_pipeline_is_refused(server, api, source, tmp_path):
    submit(api, source, PLACES, run_name="night", experiment="trial")
    ensure_version(api, changed(tmp_path), "0.2.0")
    with pytest.raises(
        ConfigError, match=r"its pipeline and version, or another name, found reconstruct-cohort 0\.2\.0"
    ):
        submit(api, find_version(api, "reconstruct-cohort"), PLACES, run_name="night", experiment="trial")
    with pytest.raises(ConfigError, match=r"its pipeline and version"):
        submit(api, Source(PipelinePackage.read(PACKAGE)), PLACES, run_name="night", experiment="trial")


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_a_run_that_failed_does_not_stand_in_the_way(server, api, source, state):
    first, _ = submit(api, source, PLACES, run_name="night", experiment="trial")
    server.runs[first.run_id]["state"] = state
    second, started = submit(api, source, PLACES, run_name="night", experiment="trial")
    assert started
    assert second.run_id != first.run_id


@pytest.mark.parametrize("kind", ["503", "drop", "lose", "stall"])
def test_a_submission_whose_answer_is_lost_starts_one_run(server, api, source, kind):
    server.faults.append(Fault("POST", "runs", kind))
    run, started = submit(api, source, PLACES, run_name="night", experiment="trial")
    assert started
    assert set(server.runs) == {run.run_id}


@pytest.mark.parametrize("kind", ["503", "lose"])
def test_a_lost_answer_is_not_mistaken_for_an_earlier_failure(server, api, source, kind):
    first, _ = submit(api, source, PLACES, run_name="night", experiment="trial")
    server.runs[first.run_id]["state"] = "FAILED"
    server.faults.append(Fault("POST", "runs", kind))
    second, _ = submit(api, source, PLACES, run_name="night", experiment="trial")
    assert set(server.runs) == {first.run_id, second.run_id}
    assert second.run_id != first.run_id


def test_a_server_that_stays_broken_is_given_up(server, api, source):
    server.faults.append(Fault("POST", "runs", "503", times=99))
    with pytest.raises(NoAnswerError, match=r"it answers HTTP 503 to start the run"):
        submit(api, source, PLACES, run_name="night", experiment="trial")
    assert server.asked("POST", "runs") == 4


def test_what_the_server_refuses_is_said_in_its_words(server, api, source):
    with pytest.raises(
        RefusedError, match=r"start the run: .*HTTP 400: InvalidInputError: missing required input .*_uri"
    ):
        submit(api, source, {}, run_name="night", experiment="trial")
    assert server.asked("POST", "runs") == 1


# waiting


def waited(api: KubeflowApi, source: Source, timeout_s: float = 5, pace: Pace = QUICK) -> list[str]:
    run, _ = submit(api, source, PLACES, run_name="night", experiment="trial")
    said: list[str] = []
    wait(api, run.run_id, timeout_s, pace=pace, on_state=said.append)
    return said


def test_waiting_ends_with_the_run(server, api, source):
    server.script = ["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]
    assert waited(api, source) == ["PENDING", "RUNNING", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        (["Summarize cohort"], r"the cohort was rejected"),
        (["Train", "Preprocess"], r"failed in Preprocess, Train: http"),
        ([], r"failed: http"),
    ],
)
def test_a_failed_run_says_where_it_failed(server, api, source, tasks, words):
    server.script, server.failed_tasks = ["RUNNING", "FAILED"], tasks
    with pytest.raises(RunFailedError, match=words) as caught:
        waited(api, source)
    (run,) = server.runs
    assert f"{server.url}/#/runs/details/{run}" in str(caught.value)


def test_a_cancelled_run_ends_the_wait(server, api, source):
    server.script = ["RUNNING", "CANCELING", "CANCELED"]
    with pytest.raises(RunFailedError, match="was cancelled"):
        waited(api, source)


@pytest.mark.parametrize("kind", ["503", "drop", "stall", "401", "page"])
def test_waiting_survives_a_server_that_comes_back(server, api, source, kind):
    server.script = ["RUNNING"] * 3 + ["SUCCEEDED"]
    server.faults.append(Fault("GET", "runs/.*", kind, times=1 if kind == "stall" else 3))
    said = waited(api, source, pace=Pace(first_s=0.01, most_s=0.01))
    assert said[-2:] == ["RUNNING", "SUCCEEDED"]
    assert sum("waiting" in line for line in said) == 1


def test_waiting_gives_up_a_server_that_stays_away(server, api, source):
    server.faults.append(Fault("GET", "runs/.*", "503", times=9999))
    start = time.monotonic()
    with pytest.raises(NoAnswerError, match="HTTP 503"):
        waited(api, source)
    assert QUICK.outage_s <= time.monotonic() - start < 3


def test_a_run_that_takes_longer_than_the_wait_goes_on(server, api, source):
    server.script = ["RUNNING"]
    with pytest.raises(UnreachableError, match=r"RUNNING after 0\.2 s; it goes on: http"):
        waited(api, source, timeout_s=0.2)


# schedules


def test_a_recurring_run_is_set_up_once(server, api, source):
    made, new = schedule(api, source, PLACES, NIGHTLY, name="nightly", experiment="trial")
    again, newer = schedule(api, source, PLACES, NIGHTLY, name="nightly", experiment="trial")
    assert (new, newer) == (True, False)
    assert again.recurring_run_id == made.recurring_run_id
    (stored,) = server.recurring.values()
    assert stored["trigger"] == {"cron_schedule": {"cron": "0 0 2 * * *"}}
    assert (stored["mode"], stored["max_concurrency"], stored["no_catchup"]) == ("ENABLE", "1", True)
    assert stored["runtime_config"]["parameters"] == PLACES


@pytest.mark.parametrize("difference", ["cron", "parameters", "version"])
def test_a_recurring_run_is_only_replaced_when_asked(server, api, source, tmp_path, difference):
    made, _ = schedule(api, source, PLACES, NIGHTLY, name="nightly", experiment="trial")
    when, parameters = NIGHTLY, PLACES
    if difference == "cron":
        when = Schedule("0 30 3 * * *")
    elif difference == "parameters":
        parameters = PLACES | {"seed": 1}
    else:
        ensure_version(api, changed(tmp_path), "0.2.0")
        source = find_version(api, "reconstruct-cohort")
    with pytest.raises(ConfigError, match=r"recurring run 'nightly': .*--replace"):
        schedule(api, source, parameters, when, name="nightly", experiment="trial")
    assert set(server.recurring) == {made.recurring_run_id}
    other, new = schedule(api, source, parameters, when, name="nightly", experiment="trial", replace=True)
    assert new
    assert set(server.recurring) == {other.recurring_run_id} != {made.recurring_run_id}


@pytest.mark.parametrize("kind", ["503", "lose"])
def test_a_schedule_whose_answer_is_lost_is_there_once(server, api, source, kind):
    server.faults.append(Fault("POST", "recurringruns", kind))
    schedule(api, source, PLACES, NIGHTLY, name="nightly", experiment="trial")
    assert len(server.recurring) == 1


def test_a_schedule_of_five_fields_is_explained():
    with pytest.raises(ConfigError, match=r"six fields, seconds first, found five \(did you mean '0 0 2 \* \* \*'\?\)"):
        Schedule("0 2 * * *")


# access


def test_a_kubeflow_of_several_users_needs_a_namespace_and_a_token():
    with serving(multi_user=True) as server:
        with pytest.raises(ConfigError, match="namespace: expected yours"):
            connected(server).multi_user()
        stranger = connected(server, namespace="team-a")
        assert stranger.multi_user()
        with pytest.raises(AccessRefusedError, match=r"access refused \(HTTP 401\) to find the pipeline"):
            ensure_version(stranger, PACKAGE, "1")
        with pytest.raises(AccessRefusedError, match=r"HTTP 403"):
            ensure_version(connected(server, namespace="team-b", token=lambda: MANY_USERS_TOKEN), PACKAGE, "1")
        for access in ({"token": lambda: MANY_USERS_TOKEN}, {"cookies": "authservice_session=ann"}):
            ann = connected(server, namespace="team-a", **access)
            ensure_version(ann, PACKAGE, "1")
            run, _ = submit(ann, find_version(ann, "reconstruct-cohort"), PLACES, run_name="night", experiment="trial")
            assert server.experiments[run.experiment_id]["namespace"] == "team-a"


def test_a_renewed_token_is_read_again(tmp_path):
    path = tmp_path / "token"
    path.write_text("expired\n")
    with serving(multi_user=True) as server:
        api = connected(server, namespace="team-a", token=token_source(file=path))
        with pytest.raises(AccessRefusedError):
            list(list_pipelines(api))
        path.write_text(f"{MANY_USERS_TOKEN}\n")
        assert list(list_pipelines(api)) == []


def test_secrets_are_in_no_message_and_no_representation(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "s3cret-token")
    token = token_source("MY_TOKEN")
    with serving(multi_user=True) as server:
        target = KubeflowTarget(server.url, namespace="team-a", token=token, cookies="session=s3cret-cookie")
        api = KubeflowApi(target, pauses_s=())
        with pytest.raises(AccessRefusedError) as caught:
            list(list_pipelines(api))
        server.faults.append(Fault("GET", "pipelines", "echo"))
        with pytest.raises(RefusedError, match="rejected Bearer … …") as other:
            list(list_pipelines(api))
    assert "s3cret" not in f"{caught.value!r} {other.value!r} {target!r}"


@pytest.mark.parametrize(
    ("kind", "words"),
    [("page", "a page instead of data: a login page"), ("login", r"it redirects \(HTTP 302\), as to a login page")],
)
def test_a_login_page_is_called_by_its_name(server, api, kind, words):
    server.faults.append(Fault("GET", "healthz", kind))
    with pytest.raises(AccessRefusedError, match=words):
        api.multi_user()


def test_an_address_without_kubeflow_is_said(server):
    api = KubeflowApi(KubeflowTarget(f"{server.url}/elsewhere"), pauses_s=())
    with pytest.raises(ConfigError, match=r"elsewhere: expected the address of Kubeflow Pipelines .*HTTP 404"):
        api.multi_user()


def test_a_server_that_does_not_answer_is_left_in_time(dead_port, stalling_port):
    start = time.monotonic()
    with pytest.raises(NoAnswerError, match=r"connection refused: is it running"):
        KubeflowApi(KubeflowTarget(f"http://127.0.0.1:{dead_port}"), pauses_s=(0.01,)).multi_user()
    stalling = KubeflowTarget(f"http://127.0.0.1:{stalling_port}")
    with pytest.raises(NoAnswerError, match=r"it does not answer in time"):
        KubeflowApi(stalling, read_timeout_s=0.2, pauses_s=(0.01,)).multi_user()
    with pytest.raises(NoAnswerError, match=r"its TLS certificate is not accepted"):
        KubeflowApi(KubeflowTarget(server_without_tls(dead_port)), pauses_s=()).multi_user()
    assert time.monotonic() - start < 5


def server_without_tls(port: int) -> str:
    """Address of a server that answers a TLS greeting with plain text."""
    import socket

    listener = socket.create_server(("127.0.0.1", port))

    def answer() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()
    return f"https://127.0.0.1:{port}"


def test_waiting_for_a_server_that_starts(server, api):
    server.faults.append(Fault("GET", "healthz", "503", times=1))
    start = time.monotonic()
    api.wait_until_up(10)
    assert 1 <= time.monotonic() - start < 4
    server.faults.append(Fault("GET", "healthz", "503", times=99))
    with pytest.raises(NoAnswerError, match=r"HTTP 503 .*\(for 0\.1 s\)"):
        api.wait_until_up(0.1)


@pytest.mark.parametrize("host", ["kubeflow.example.org", "ftp://kubeflow", "https://ann:pw@kubeflow", "http://", ""])
def test_an_impossible_address_is_refused_without_being_repeated(host):
    with pytest.raises(ConfigError) as caught:
        KubeflowTarget(host)
    assert "pw" not in str(caught.value)


def test_where_a_token_comes_from(tmp_path, monkeypatch):
    monkeypatch.delenv("KF_PIPELINES_SA_TOKEN_PATH", raising=False)
    assert token_source() is None
    path = tmp_path / "token"
    path.write_text("abc\n")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(path))
    found = token_source()
    assert found is not None
    assert found() == "abc"
    monkeypatch.setenv("EMPTY", " ")
    for arguments, words in (
        ({"variable": "EMPTY"}, "a value of the variable EMPTY"),
        ({"variable": "EMPTY", "file": path}, "a variable or a file"),
        ({"file": tmp_path / "none"}, "No such file"),
    ):
        with pytest.raises(ConfigError, match=words):
            token_source(**arguments)
    path.write_text("two\nlines")
    with pytest.raises(ConfigError, match="found several"):
        token_source(file=path)


# the server of these tests


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_test_server_satisfies_the_sdk_itself(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    from kfp import Client

    client = Client(host=server.url)
    package = tmp_path / "pipeline.yaml"
    shutil.copy(PACKAGE, package)
    uploaded = client.upload_pipeline(str(package))
    assert uploaded.display_name == "reconstruct-cohort"
    assert client.get_pipeline_id("reconstruct-cohort") == uploaded.pipeline_id
    version = client.upload_pipeline_version(str(package), "2", pipeline_id=uploaded.pipeline_id)
    assert [v.display_name for v in client.list_pipeline_versions(uploaded.pipeline_id).pipeline_versions] == [
        "reconstruct-cohort",
        "2",
    ]
    experiment = client.create_experiment("trial")
    run = client.run_pipeline(
        experiment.experiment_id, "by the SDK", params=PLACES, pipeline_id=uploaded.pipeline_id,
        version_id=version.pipeline_version_id,
    )  # fmt: skip
    server.script = ["SUCCEEDED"]
    assert client.wait_for_run_completion(run.run_id, 5).state == "SUCCEEDED"
    made = client.create_recurring_run(
        experiment.experiment_id, "nightly", cron_expression="0 0 2 * * *", params=PLACES,
        pipeline_id=uploaded.pipeline_id, version_id=version.pipeline_version_id,
    )  # fmt: skip
    (found,) = client.list_recurring_runs(experiment_id=experiment.experiment_id).recurring_runs
    assert found.recurring_run_id == made.recurring_run_id
    # a package as the SDK sends it is the package as it is sent here
    sent = client.create_run_from_pipeline_package(
        str(package), arguments=PLACES, experiment_name="trial", run_name="x"
    )
    assert server.runs[sent.run_id]["pipeline_spec"] == PipelinePackage.read(PACKAGE).content
