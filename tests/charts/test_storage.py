"""The bucket Job, as rendered, makes buckets on an S3 server and can run again."""

from __future__ import annotations

import http.server
import json
import re
import threading
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.charts.rendering import (
    container,
    environment,
    nested,
    pods,
    process_environment,
    resources,
    run,
    texts,
    values,
)

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "deploy.md"
SECRETS = {
    ("cardioscar-s3-buckets", "accesskey"): "AKIAEXAMPLE",
    ("cardioscar-s3-buckets", "secretkey"): "marker-of-the-secret-key",
}
POLICY = {
    "enabled": True,
    "requireTls": False,
    "principals": {"stages": ["arn:aws:iam::111122223333:role/s"], "mlflow": ["arn:aws:iam::111122223333:role/m"]},
}


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint):
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    for bucket in client.list_buckets()["Buckets"]:
        for one in client.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            client.delete_object(Bucket=bucket["Name"], Key=one["Key"])
        client.delete_bucket(Bucket=bucket["Name"])
    yield client
    client.close()


def initialise(endpoint, folder, **init):
    given = {"objectStore": {"endpoint": endpoint, "init": init}}
    done = run(container("init-buckets", given), SECRETS, folder)
    assert "marker-of-the-secret-key" not in done.stdout + done.stderr
    return done


def lifecycle(s3, bucket):
    return s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]


def test_buckets_are_made_with_lifecycle_versioning_and_policy(s3, endpoint, tmp_path):
    done = initialise(endpoint, tmp_path, versioning=True, policy=POLICY)
    assert done.returncode == 0, done.stderr
    names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert names == {"cardioscar-cohorts", "cardioscar-results", "cardioscar-mlflow"}
    for name in names:
        assert [rule["AbortIncompleteMultipartUpload"] for rule in lifecycle(s3, name)] == [{"DaysAfterInitiation": 7}]
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Version"] == "2012-10-17"


def test_a_second_run_changes_nothing_and_keeps_objects_and_rules_of_others(s3, endpoint, tmp_path):
    assert initialise(endpoint, tmp_path).returncode == 0
    s3.put_object(Bucket="cardioscar-results", Key="kept", Body=b"1")
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    rules = [*lifecycle(s3, "cardioscar-results"), theirs]
    s3.put_bucket_lifecycle_configuration(Bucket="cardioscar-results", LifecycleConfiguration={"Rules": rules})
    again = initialise(endpoint, tmp_path)
    assert again.returncode == 0
    assert again.stderr.count("is there") == 3
    assert sorted(rule["ID"] for rule in lifecycle(s3, "cardioscar-results")) == [
        "cardioscar-abort-incomplete-uploads",
        "theirs",
    ]
    assert s3.get_object(Bucket="cardioscar-results", Key="kept")["Body"].read() == b"1"


def test_lifecycle_versioning_and_policy_are_left_alone_where_they_are_not_wanted(s3, endpoint, tmp_path):
    assert initialise(endpoint, tmp_path, abortIncompleteUploadsDays=0).returncode == 0
    assert "Status" not in s3.get_bucket_versioning(Bucket="cardioscar-results")
    for call in (s3.get_bucket_lifecycle_configuration, s3.get_bucket_policy):
        with pytest.raises(s3.exceptions.ClientError, match="NoSuch"):
            call(Bucket="cardioscar-results")


def test_a_store_that_refuses_is_named_with_the_reason(s3, endpoint, tmp_path):
    job = container("init-buckets", nested("objectStore.endpoint", endpoint))
    (first, *_) = json.loads(environment(job, SECRETS)["BUCKETS"])
    done = run(job, SECRETS, tmp_path, BUCKETS=json.dumps([first | {"name": "ab"}]))
    assert done.returncode == 1
    assert done.stderr.endswith("bucket ab: CreateBucket was refused: InvalidBucketName\n")
    assert "Traceback" not in done.stderr


class NoLifecycles(http.server.BaseHTTPRequestHandler):
    """A store that has every bucket, and answers questions about lifecycles with an error code."""

    code, status = "NotImplemented", 501

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        body = f"<Error><Code>{self.code}</Code><Message>no</Message></Error>".encode()
        self.send_response(self.status if "lifecycle" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(
    ("status", "code", "outcome", "message"),
    [
        (501, "NotImplemented", 0, "bucket cardioscar-results: the store keeps no rule for interrupted uploads"),
        (403, "AccessDenied", 1, "GetBucketLifecycleConfiguration was refused: AccessDenied"),
    ],
)
def test_a_store_may_lack_lifecycles_but_not_refuse_them(tmp_path, status, code, outcome, message):
    handler = type("Handler", (NoLifecycles,), {"code": code, "status": status})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = initialise(f"http://127.0.0.1:{server.server_port}", tmp_path)
        server.shutdown()
    assert done.returncode == outcome
    assert message in done.stderr


def test_a_store_that_is_not_there_is_named(tmp_path, unused_tcp_port):
    given = nested("objectStore.endpoint", f"http://127.0.0.1:{unused_tcp_port}")
    done = run(container("init-buckets", given), SECRETS, tmp_path, AWS_MAX_ATTEMPTS="1")
    assert done.returncode == 1
    assert f"http://127.0.0.1:{unused_tcp_port} cannot be used: EndpointConnectionError" in done.stderr
    assert "Traceback" not in done.stderr


def buckets(given):
    (variable,) = [v["value"] for v in container("init-buckets", given)["env"] if v["name"] == "BUCKETS"]
    return {bucket["name"]: bucket for bucket in json.loads(variable)}


def granted(policy):
    """Principal, action and resource of everything that a policy allows."""
    return {
        (who, action, statement["Resource"])
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        for who in statement["Principal"]["AWS"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_the_policies_grant_what_each_side_needs_and_no_more():
    found = buckets(values("aws"))
    stages = "arn:aws:iam::111122223333:role/cardioscar-stages"
    mlflow = "arn:aws:iam::111122223333:role/cardioscar-mlflow"
    look = {"s3:GetBucketLocation", "s3:ListBucket"}
    write = {
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    }
    for name, who, actions in (
        ("example-cohorts", stages, {"s3:GetObject"}),
        ("example-results", stages, write),
        ("example-mlflow", mlflow, write),
    ):
        assert granted(found[name]["policy"]) == {(who, action, f"arn:aws:s3:::{name}") for action in look} | {
            (who, action, f"arn:aws:s3:::{name}/*") for action in actions
        }


def test_requests_without_tls_are_denied_to_everyone_where_that_is_wanted():
    for name, bucket in buckets(values("aws")).items():
        (deny,) = [s for s in bucket["policy"]["Statement"] if s["Effect"] == "Deny"]
        assert deny["Principal"] == "*"
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert deny["Resource"] == [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]


def test_the_bucket_of_mlflow_is_made_only_where_mlflow_is():
    assert set(buckets(values("external-mlflow"))) == {"cardioscar-cohorts", "cardioscar-results"}


def test_the_policy_in_the_documentation_is_the_one_that_the_chart_sets():
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)]
    assert buckets(values("aws"))["example-results"]["policy"] in shown


def test_the_smoke_test_finds_what_is_missing(s3, endpoint, tmp_path):
    given = {"mlflow": {"enabled": False}, "objectStore": {"endpoint": endpoint}}
    smoke = container("smoke", given)
    missing = run(smoke, SECRETS, tmp_path)
    assert missing.returncode == 1
    assert "bucket cardioscar-results: NoSuchBucket" in missing.stderr
    assert initialise(endpoint, tmp_path).returncode == 0
    assert run(smoke, SECRETS, tmp_path).returncode == 0


def test_a_process_gets_nothing_of_this_machines_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the person at the keyboard")
    assert "AWS_SECRET_ACCESS_KEY" not in process_environment(tmp_path, {})


ROLES = {"runs": "key-of-runs", "mlflow": "key-of-mlflow", "buckets": "key-of-buckets"}


def secrets_of(given):
    """Secret of the object store's key in each container that has one."""
    found = {}
    for _, _, spec in pods(resources(given)):
        for one in [*spec.get("initContainers", []), *spec["containers"]]:
            for variable in one["env"]:
                if variable["name"] == "AWS_SECRET_ACCESS_KEY":
                    found[one["name"]] = variable["valueFrom"]["secretKeyRef"]["name"]
    return found


def test_each_role_has_a_key_of_its_own_unless_one_is_named_for_all():
    own = {"mlflow": "key-of-mlflow", "init-buckets": "key-of-buckets", "smoke": "key-of-buckets"}
    assert secrets_of(nested("objectStore.credentials.roles", ROLES)) == own
    assert secrets_of({}) == {
        "mlflow": "cardioscar-s3-mlflow", "init-buckets": "cardioscar-s3-buckets", "smoke": "cardioscar-s3-buckets",
    }  # fmt: skip
    assert "mlpipeline-minio-artifact" not in str([text for path, text in texts().items() if path != "NOTES.txt"])
    assert set(secrets_of(values("trial")).values()) == {"mlpipeline-minio-artifact"}
    roles = nested("objectStore.credentials.roles", {"runs": "", "mlflow": "m", "buckets": ""})
    assert secrets_of(roles) == {"mlflow": "m"}  # the others have the identity of their pods


def test_a_key_for_everything_is_said_to_be_one():
    assert "for a trial" in texts(values("trial"))["NOTES.txt"]
    assert "for a trial." not in texts()["NOTES.txt"].replace("sqlite on a volume: for trials", "")


def test_the_notes_name_each_secret_and_its_use():
    notes = texts(nested("objectStore.credentials.roles", ROLES))["NOTES.txt"]
    for name in ROLES.values():
        assert f"  {name} (accesskey, secretkey): object store, " in notes
