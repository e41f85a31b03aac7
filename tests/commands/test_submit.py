"""`cardioscar submit` against a server that speaks Kubeflow's API."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

pytest.importorskip("kfp")

from cardioscar.cohort.source import Listed
from cardioscar.errors import ConfigError
from cardioscar.services.kubeflow import runs as kubeflow
from cardioscar.services.kubeflow.client import KubeflowApi
from cardioscar.services.kubeflow.pipelines import ensure_version
from cardioscar.services.kubeflow.run_size import WorkflowSize, check_run_size
from cardioscar.services.kubeflow.target import KubeflowTarget
from cardioscar.stages.run_parts import run_parts
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from tests.commands.conftest import Said
from tests.services.kubeflow.kfp_api import MANY_USERS_TOKEN, Fault, KubeflowState, serving
from tests.services.store.s3 import emulated_endpoint, fill  # noqa: F401 - a fixture

PACKAGE = Path(__file__).resolve().parents[1] / "pipelines" / "golden" / "reconstruct_cohort.yaml"
MOUNTED = ("--cohort", "/mnt/hearts/acute", "--results", "/mnt/hearts/results")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeflowState]:
    """A Kubeflow that holds the pipeline; waiting asks often."""
    monkeypatch.setattr(kubeflow, "Pace", lambda: kubeflow_pace)
    with serving() as state:
        ensure_version(KubeflowApi(KubeflowTarget(state.url)), PACKAGE, "0.1.0")
        yield state


kubeflow_pace = kubeflow.Pace(first_s=0.01, most_s=0.02, outage_s=5, refused_s=0.1)


@pytest.fixture
def submit(server: KubeflowState, cardioscar: Callable[..., Said]) -> Callable[..., Said]:
    """`cardioscar submit` to that server, for a cohort that pods see and this machine does not."""
    return lambda *words: cardioscar("submit", "--host", server.url, *MOUNTED, *words)


def only_run(server: KubeflowState) -> dict:
    (run,) = server.runs.values()
    return run


def test_a_submission_prints_where_the_run_is(server, submit):
    said = submit("--set", "shard_size=4", "--set", 'train_options={"steps": 50}', "--set", "figures=False")
    assert said.code == 0, said.err
    run = only_run(server)
    assert f"run       {run['run_id']}\n" in said.out
    assert f"link      {server.url}/#/runs/details/{run['run_id']}\n" in said.out
    assert "pipeline  reconstruct-cohort 0.1.0\n" in said.out
    assert run["runtime_config"]["parameters"] == {
        "cohort_uri": "/mnt/hearts/acute",
        "results_uri": "/mnt/hearts/results",
        "shard_size": 4,
        "train_options": {"steps": 50},
        "figures": False,
        "experiment": "acute",
    }
    assert server.experiments[run["experiment_id"]]["display_name"] == "acute"
    assert re.fullmatch(r"acute \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", run["display_name"])


@pytest.mark.parametrize(
    ("states", "tasks", "code", "words"),
    [
        (["PENDING", "RUNNING", "SUCCEEDED"], [], 0, "verdict   accepted"),
        (["RUNNING", "FAILED"], ["Summarize cohort"], 1, "the cohort was rejected"),
        (["RUNNING", "FAILED"], ["Train"], 1, "failed in Train"),
        (["RUNNING", "CANCELED"], [], 1, "was cancelled"),
    ],
)
def test_waiting_ends_with_the_verdict(server, submit, states, tasks, code, words):
    server.script, server.failed_tasks = states, tasks
    said = submit("--wait")
    assert said.code == code
    assert words in said.out + said.err
    for state in states[:-1]:
        assert f"cardioscar: {state}\n" in said.err


def test_waiting_outlives_a_restart_of_the_server(server, submit):
    server.faults.append(Fault("GET", "runs/.*", "503", times=4))
    said = submit("--wait")
    assert (said.code, said.err.count("waiting")) == (0, 1)


def test_a_wait_that_ends_too_early_says_that_the_run_goes_on(server, submit):
    server.script = ["RUNNING"]
    said = submit("--wait", "--timeout", "0.2")
    assert said.code == 4
    assert "RUNNING after 0.2 s; it goes on" in said.err


def test_a_name_is_submitted_once(server, submit):
    first = submit("--run-name", "night of the 5th")
    second = submit("--run-name", "night of the 5th", "--wait")
    assert (first.code, second.code, len(server.runs)) == (0, 0, 1)
    assert "(there already)" in second.out
    assert "accepted" in second.out
    third = submit("--run-name", "night of the 5th", "--set", "seed=1")
    assert third.code == 2
    assert "its seed 'its default', or another name, found '1'" in third.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "shard_sise=4"], "unknown parameter 'shard_sise' (did you mean 'shard_size'?)"),
        (["--set", "shard_size=many"], "--set shard_size: expected a whole number, found 'many'"),
        (["--set", "shard_size=2.5"], "--set shard_size: expected a whole number, found '2.5'"),
        (["--set", "figures=1"], "--set figures: expected true or false, found '1'"),
        (["--set", "threshold=NaN"], "--set threshold: expected a number"),
        (["--set", "method=furier"], "one of fourier, reference, found 'furier' (did you mean 'fourier'?)"),
        (["--set", "accelerator_limit=2"], "one of 0, 1, found '2'"),
        (["--set", "node_selector=gpu"], "--set node_selector: expected a mapping as JSON, found 'gpu'"),
        (["--set", "tolerations={}"], "--set tolerations: expected a list"),
        (["--set", "seed"], "--set: expected name=value, found 'seed'"),
        (["--cohort", "gs://hearts/x"], "cohort_uri: expected"),
        (["--cohort", "hearts/x"], "cohort_uri: expected s3://bucket/prefix or the whole path of a mounted volume"),
        (["--results", "out"], "results_uri: expected s3://bucket/prefix or the whole path of a mounted volume"),
        (["--recurring", "0 2 * * *"], "did you mean '0 0 2 * * *'?"),
        (["--recurring", "0 0 2 * * *", "--wait"], "--wait: expected a run, not a schedule"),
        (["--version", "9"], "--version: expected a version of reconstruct-cohort, found '9' (there is 0.1.0)"),
        (["--pipeline", "reconstruct"], "--pipeline: expected the name of an uploaded pipeline"),
        (["--existing-token-env", "NO_SUCH_VARIABLE"], "token: expected a value of the variable NO_SUCH_VARIABLE"),
        (["--package", PACKAGE, "--version", "1"], "no --pipeline and --version beside it"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_started(server, submit, words, message):
    said = submit(*words)
    assert said.code == 2
    assert message in said.err
    assert len(said.err.splitlines()) == 1
    assert not server.runs
    assert not server.recurring
    assert not server.experiments


def test_nothing_without_a_default_is_left_out(server, cardioscar):
    said = cardioscar("submit", "--host", server.url, "--cohort", "/mnt/hearts/acute")
    assert (said.code, said.err) == (
        2, "cardioscar: results_uri: expected a value: reconstruct-cohort 0.1.0 has no default, found none\n"
    )  # fmt: skip


def test_a_file_of_parameters_is_checked_like_flags_and_loses_to_them(server, submit, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("seed: 3\nshard_size: 2\ntolerations: []\nexperiment: trial\n")
    assert submit("--options-file", path, "--set", "seed=4").code == 0
    parameters = only_run(server)["runtime_config"]["parameters"]
    assert [parameters[name] for name in ("seed", "shard_size", "tolerations", "experiment")] == [4, 2, [], "trial"]
    for text, message in (
        ("cpu: 4", "run.yaml: cpu: expected text, found '4' (put it in quotes)"),
        ("sede: 4", "run.yaml: sede: expected a parameter of reconstruct-cohort 0.1.0, found unknown parameter 'sede'"),
        ("- 4", "run.yaml: expected parameters and their values, found list"),
        ("a: [", "run.yaml: expected YAML"),
    ):
        path.write_text(text)
        said = submit("--options-file", path)
        assert said.code == 2
        assert message in said.err
    assert len(server.runs) == 1


def test_a_run_over_kubeflows_limits_is_refused_with_a_shard_size(server, cardioscar, tmp_path):
    for number in range(81):
        folder = tmp_path / "cohort" / f"P{number:03d}"
        folder.mkdir(parents=True)
        (folder / "labels.nii.gz").write_bytes(b"")
    words = ("submit", "--host", server.url, "--cohort", tmp_path / "cohort", "--results", "/mnt/results")
    said = cardioscar(*words, "--set", "shard_size=1")
    assert said.code == 2
    assert re.search(r"shard_size: expected at least \d+ for 81 subjects, found 1", said.err)
    assert not server.runs
    said = cardioscar(*words)
    assert said.code == 0
    assert said.err == "cardioscar: 81 subjects in shards of up to 8: 11 shards, 138 pods\n"


@pytest.fixture
def large(server: KubeflowState, cardioscar: Callable[..., Said], tmp_path: Path) -> Callable[..., Said]:
    """`cardioscar submit` for 81 subjects in shards of one: three times what a run holds."""
    for number in range(81):
        folder = tmp_path / "cohort" / f"P{number:03d}"
        folder.mkdir(parents=True)
        (folder / "labels.nii.gz").write_bytes(b"")
    words = ("submit", "--host", server.url, "--cohort", tmp_path / "cohort", "--results", "/mnt/results")
    return lambda *more: cardioscar(*words, "--set", "shard_size=1", *more)


def upload_summary(server: KubeflowState) -> None:
    ensure_version(KubeflowApi(KubeflowTarget(server.url)), PACKAGE.with_name("summarize_cohort.yaml"), "0.1.0")


def test_a_cohort_over_the_limits_is_split_into_runs_that_each_pass(server, large):
    refused = large()
    assert re.search(r"splitting the cohort into 3 runs, as cardioscar submit --split does", refused.err)
    missing = large("--split")
    assert missing.code == 2
    assert "'summarize-cohort' (there is reconstruct-cohort)" in missing.err
    assert not server.runs

    upload_summary(server)
    said = large("--split", "--run-name", "all", "--set", "max_failed_fraction=0.2")
    assert said.code == 0, said.err
    assert "cardioscar: 3 runs, each below the limit of a workflow, and a summary\n" in said.err
    assert "no verdict is taken yet" in said.err
    runs = sorted(server.runs.values(), key=lambda run: run["display_name"])
    assert [run["display_name"] for run in runs] == [f"all, part {number} of 3" for number in (1, 2, 3)]
    parts = [run["runtime_config"]["parameters"]["subjects"].split(",") for run in runs]
    assert sorted(chain(*parts)) == [f"P{number:03d}" for number in range(81)]
    for part in parts:
        listed = len(",".join(part))
        check_run_size(len(part), 1, 4 * len(part), listed_bytes=listed)
    assert {run["runtime_config"]["parameters"]["max_failed_fraction"] for run in runs} == {1.0}

    # the same again, with the end awaited: nothing is started twice, and the summary takes the verdict
    said = large("--split", "--run-name", "all", "--set", "max_failed_fraction=0.2", "--wait")
    assert said.code == 0, said.err
    assert said.out.count("(there already)") == 3
    assert said.out.count("verdict   accepted") == 4
    (summary,) = [run for run in server.runs.values() if run["display_name"] == "all, summary"]
    parameters = summary["runtime_config"]["parameters"]
    assert parameters["max_failed_fraction"] == 0.2
    assert "subjects" not in parameters
    assert parameters["results_uri"] == "/mnt/results"
    assert len(server.runs) == 4


def test_a_part_that_fails_stops_neither_the_others_nor_the_summary(server, large):
    upload_summary(server)
    server.script, server.failed_tasks = ["FAILED"], ["Train"]
    said = large("--split", "--wait", "--run-name", "all")
    assert said.code == 1
    names = [run["display_name"] for run in server.runs.values()]
    assert names == [*(f"all, part {number} of 3" for number in (1, 2, 3)), "all, summary"]


def test_a_cohort_that_one_run_holds_is_not_split(server, submit, large):
    upload_summary(server)
    said = large("--split", "--set", "shard_size=8")
    assert said.code == 0, said.err
    assert "81 subjects in shards of up to 8: 11 shards, 138 pods" in said.err
    assert "subjects" not in only_run(server)["runtime_config"]["parameters"]
    unseen = submit("--split")
    assert unseen.code == 2
    assert "--split: expected a cohort that can be listed from this machine, found no such folder" in unseen.err
    assert "--split: expected a run, not a schedule" in submit("--split", "--recurring", "0 0 2 * * *").err
    shown = json.loads(large("--split", "--dry-run", "--json").out)["runs"]
    assert [one["pipeline"] for one in shown] == ["reconstruct-cohort 0.1.0"] * 3 + ["summarize-cohort 0.1.0"]
    assert len(server.runs) == 1


def test_ten_thousand_subjects_have_a_way():
    ids = [Listed(f"S{number:07d}", sizes={"mesh": 1_000_000}) for number in range(10_000)]
    parts = run_parts(ids, 50, WorkflowSize(), SCAR3D_LAYOUT)
    assert len(parts) == 10
    assert sorted(chain(*parts)) == [one.subject for one in ids]
    assert run_parts(ids[:100], 8, WorkflowSize(), SCAR3D_LAYOUT) == [[one.subject for one in ids[:100]]]
    with pytest.raises(ConfigError, match="shard_size: expected a whole number of at least 1"):
        run_parts(ids, 0, WorkflowSize(), SCAR3D_LAYOUT)


def test_a_cohort_that_only_pods_see_is_left_to_them(submit):
    said = submit()
    assert said.code == 0
    assert said.err == ("cardioscar: the cohort's size is checked by the run itself: no such folder on this machine\n")


@pytest.fixture
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Points the environment at a store; no file of the user's home counts."""

    def point(endpoint: str = "", *, keys: bool = True) -> None:
        endpoint = endpoint or request.getfixturevalue("emulated_endpoint")
        for name in [name for name in os.environ if name.startswith(("AWS_", "CARDIOSCAR_S3_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        if keys:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrSECRET")

    return point


def test_a_cohort_in_a_store_is_counted_before_it_is_paid_for(server, cardioscar, store):
    from cardioscar.services.store.object_store import S3Place, Store

    store()
    place = S3Place("hearts-of-submit", "acute")
    Store.connect().connection.client.create_bucket(Bucket=place.bucket)
    fill(place, [f"acute/P{number:03d}/labels.nii.gz" for number in range(85)])
    words = ("submit", "--host", server.url, "--cohort", str(place), "--results", f"s3://{place.bucket}/results")
    nowhere = cardioscar(*words[:-1], "s3://no-such-bucket/acute", "--set", "shard_size=1")
    assert "results could not be published with the keys of this machine: bucket 'no-such-bucket'" in nowhere.err
    refused = cardioscar(*words, "--set", "shard_size=1")
    assert refused.code == 2
    assert "shard_size: expected at least" in refused.err
    assert not server.runs
    said = cardioscar(*words)
    assert (said.code, said.err) == (0, "cardioscar: 85 subjects in shards of up to 8: 11 shards, 138 pods\n")
    assert only_run(server)["runtime_config"]["parameters"]["experiment"] == "acute"
    missing = cardioscar(*words[:4], "s3://hearts-of-submit/nothing", *words[5:])
    assert missing.code == 2
    assert len(server.runs) == 1


@pytest.mark.parametrize("reason", ["no credentials", "no answer"])
def test_a_store_that_only_pods_may_read_is_left_to_them(server, cardioscar, store, reason):
    if reason == "no credentials":
        store(keys=False)
    else:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            store(f"http://127.0.0.1:{probe.getsockname()[1]}")
    words = ("submit", "--host", server.url, "--cohort", "s3://hearts/acute", "--results", "s3://results/acute")
    said = cardioscar(*words)
    assert said.code == 0
    assert said.err.startswith(
        "cardioscar: the cohort's size is checked by the run itself: bucket 'hearts' at 127.0.0.1"
    )
    assert len(said.err.splitlines()) == 1
    assert len(server.runs) == 1


def test_a_dry_run_of_a_package_needs_no_server(cardioscar, monkeypatch):
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    words = ("submit", *MOUNTED, "--package", PACKAGE, "--dry-run", "--json", "--run-name", "x", "--set", "seed=1")
    said = cardioscar(*words)
    assert said.code == 0, said.err
    shown = json.loads(said.out)
    assert (shown["run"], shown["pipeline"], shown["experiment"]) == ("x", "reconstruct_cohort.yaml", "acute")
    assert shown["parameters"]["seed"] == 1


def test_a_dry_run_starts_nothing(server, submit):
    said = submit("--dry-run", "--json", "--recurring", "0 0 2 * * *")
    assert json.loads(said.out)["recurring"] == "0 0 2 * * *"
    assert not server.runs
    assert not server.recurring
    assert not server.experiments


def test_a_package_is_submitted_without_being_uploaded(server, submit):
    said = submit("--package", PACKAGE)
    assert said.code == 0
    assert only_run(server)["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["name"] == "reconstruct-cohort"


def test_a_recurring_run_is_set_up_and_found_again(server, submit):
    words = ("--recurring", "0 0 2 * * *", "--run-name", "nightly")
    said = submit(*words)
    assert said.code == 0, said.err
    (made,) = server.recurring
    assert f"recurring  {made}\n" in said.out
    assert f"link       {server.url}/#/recurringrun/details/{made}\n" in said.out
    assert "nightly (unchanged)" in submit(*words).out
    assert submit("--recurring", "0 0 3 * * *", "--run-name", "nightly").code == 2
    assert submit("--recurring", "0 0 3 * * *", "--run-name", "nightly", "--replace").code == 0
    (row,) = server.recurring.values()
    assert row["trigger"]["cron_schedule"]["cron"] == "0 0 3 * * *"
    assert not server.runs


def test_a_macro_that_kubeflow_may_not_expand_is_pointed_out(server, cardioscar):
    cohort = "/mnt/hearts/[[ScheduledTime.2006-01-02]]"
    said = cardioscar(
        "submit", "--host", server.url, "--cohort", cohort, "--results", "/mnt/r", "--recurring", "0 0 2 * * *"
    )
    assert said.code == 0
    assert "issue 12494" in said.err


def test_tokens_and_cookies_reach_the_server_and_nothing_else(cardioscar, monkeypatch, tmp_path):
    monkeypatch.setenv("ANNS_TOKEN", MANY_USERS_TOKEN)
    monkeypatch.setenv("ANNS_COOKIES", "authservice_session=ann")
    (tmp_path / "token").write_text(MANY_USERS_TOKEN)
    with serving(multi_user=True) as server:
        base = ("submit", "--host", server.url, *MOUNTED, "--package", PACKAGE)
        assert "namespace: expected yours" in cardioscar(*base).err
        refused = cardioscar(*base, "--namespace", "team-a")
        assert refused.code == 4
        assert "access refused (HTTP 401)" in refused.err
        for access in (
            ("--existing-token-env", "ANNS_TOKEN"),
            ("--token-file", tmp_path / "token"),
            ("--cookies-env", "ANNS_COOKIES"),
        ):
            said = cardioscar(*base, "--namespace", "team-a", *access)
            assert said.code == 0, said.err
            assert MANY_USERS_TOKEN not in said.out + said.err
            assert "session=ann" not in said.out + said.err
        assert MANY_USERS_TOKEN not in json.dumps(list(server.runs.values()))


def test_without_the_kubeflow_client_its_package_is_named():
    code = (
        "import sys; sys.modules['kfp_server_api'] = None\nfrom cardioscar.cli import main\n"
        "sys.exit(main(['pipeline', 'list', '--host', 'http://127.0.0.1:9']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    assert (done.returncode, done.stderr) == (
        3, "cardioscar: the Kubeflow client is not installed: pip install 'cardioscar[kfp]'\n"
    )  # fmt: skip
