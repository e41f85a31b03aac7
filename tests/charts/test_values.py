"""Values that are wrong fail with a message that names them; every value is described."""

from __future__ import annotations

import json

import pytest
import yaml
from helm_python import HelmError

from charts.readme import CUSTOM, descriptions, leaves, main, render
from tests.charts.rendering import CHART, chart, merged, nested, texts, values

SCHEMA = chart().schema

WRONG = [
    # key that does not exist, at each level
    ("mlfow", {}, "mlfow"),
    ("mlflow.replica", 2, "replica"),
    ("mlflow.auth.admin.password", "x", "password"),
    ("objectStore.credentials.secretKey", "x", "secretKey"),
    ("database.uri", "x", "uri"),
    ("mlflow.resources.limits.gpu", "1", "gpu"),
    ("images.stage.pullPolicy", "Always", "pullPolicy"),
    # type
    ("mlflow.replicas", "two", "/mlflow/replicas"),
    ("networkPolicy.enabled", "yes", "/networkPolicy/enabled"),
    ("images.pullSecrets", "hospital", "/images/pullSecrets"),
    ("mlflow.nodeSelector", {"gpu": True}, "/mlflow/nodeSelector/gpu"),
    # form and range
    ("mlflow.replicas", 0, "/mlflow/replicas"),
    ("mlflow.service.port", 70000, "/mlflow/service/port"),
    ("database.kind", "mysql", "/database/kind"),
    ("mlflow.auth.defaultPermission", "ADMIN", "/mlflow/auth/defaultPermission"),
    ("mlflow.auth.cacheSeconds", 86400, "/mlflow/auth/cacheSeconds"),
    ("objectStore.endpoint", "seaweedfs:9000", "/objectStore/endpoint"),
    ("objectStore.endpoint", "http://user:pw@seaweedfs:9000", "/objectStore/endpoint"),
    ("objectStore.buckets.results", "My_Bucket", "/objectStore/buckets/results"),
    ("images.mlflow.digest", "sha256:12", "/images/mlflow/digest"),
    ("images.pullPolicy", "Sometimes", "/images/pullPolicy"),
    ("database.sqlite.size", "10 GB", "/database/sqlite/size"),
    ("kubeflow.runNamespaces", ["Cardiology"], "/kubeflow/runNamespaces/0"),
    ("networkPolicy.dns", [{"port": 53}], "port"),
    ("networkPolicy.objectStore", [{"ipBlock": {"cidr": "10.0.0.1"}}], "/networkPolicy/objectStore/0/ipBlock/cidr"),
    ("gpu.priorityClass.value", 2_000_000_000, "/gpu/priorityClass/value"),
    ("gpu.quota.limit", -1, "/gpu/quota/limit"),
    ("mlflow.tolerations", [{"effect": "Maybe"}], "/mlflow/tolerations/0/effect"),
    ("pipelines.upload.version", "1 0", "/pipelines/upload/version"),
    ("mlflow.auth.client.existingSecret", "", "/mlflow/auth/client/existingSecret"),
    # combinations
    ("images.stage.tag", "latest", "images.stage.tag: latest is not a pinned version"),
    ("database.existingSecret", "", "database.existingSecret: postgresql needs the secret"),
    ("mlflow.externalUri", "https://mlflow.example.org", "mlflow.externalUri: is for mlflow.enabled false"),
    ("mlflow.metrics.serviceMonitor.enabled", True, "mlflow.metrics.enabled: a ServiceMonitor needs the metrics"),
    ("mlflow.ingress.enabled", True, "mlflow.ingress.host: an Ingress needs a host name"),
    ("mlflow.ingress", {"enabled": True, "host": "m.example.org"}, "networkPolicy.mlflowClients: name the ingress"),
    ("objectStore.init.policy.enabled", True, "objectStore.init.policy.principals.stages"),
    ("objectStore.buckets.mlflow", "cardioscar-results", "objectStore.buckets: three different names"),
    ("networkPolicy", {"enabled": False, "restrictRuns": True}, "networkPolicy.restrictRuns: goes with"),
    ("mlflow.auth.client.existingSecret", "cardioscar-mlflow-admin", "is the administrator's"),
    ("mlflow.serviceAccount", {"create": False, "annotations": {"a": "b"}}, "mlflow.serviceAccount.annotations: go"),
    ("commonLabels", {"app.kubernetes.io/name": "x"}, "commonLabels: app.kubernetes.io/name is set by the chart"),
    ("fullnameOverride", "9lives", "fullnameOverride"),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG, ids=[f"{p}={v!r}"[:60] for p, v, _ in WRONG])
def test_a_wrong_value_is_refused_by_name(path, value, message):
    with pytest.raises(HelmError) as refusal:
        texts(nested(path, value))
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("scenario", "path", "value", "message"),
    [
        ("trial", "mlflow.replicas", 2, "mlflow.replicas: sqlite serves exactly 1 pod, found 2"),
        ("aws", "objectStore.endpoint", "http://rgw.example.org", "objectStore.init.policy.requireTls: would shut out"),
        ("aws", "objectStore.init.policy.principals.mlflow", [], "objectStore.init.policy.principals.mlflow"),
        ("off", "mlflow.ingress.enabled", True, "mlflow.enabled: Ingress and ServiceMonitor need the server"),
        ("production", "networkPolicy.mlflowClients", [], "networkPolicy.mlflowClients"),
        ("production", "networkPolicy.metricsClients", [], "networkPolicy.metricsClients: name Prometheus' pods"),
        (
            "production",
            "objectStore.credentials.roles.mlflow",
            "s3-of-runs",
            "credentials.roles: three different secrets",
        ),
    ],
)
def test_values_that_do_not_go_together_are_refused_by_name(scenario, path, value, message):
    texts(values(scenario))
    with pytest.raises(HelmError) as refusal:
        texts(merged(values(scenario), nested(path, value)))
    assert message in str(refusal.value)


def test_a_release_name_that_no_service_can_have_is_refused():
    with pytest.raises(HelmError, match="release name 1a: a Service's name starts with a letter"):
        texts(name="1a")


def objects(schema, place=""):
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield place, schema
        for key, value in schema.items():
            yield from objects(value, f"{place}/{key}")


def test_the_schema_is_closed_at_every_level():
    found = dict(objects(SCHEMA))
    assert len(found) > 30
    del found["/properties/global"]  # Helm's own, for a chart that is part of another
    for place, schema in found.items():
        extra = schema["additionalProperties"]
        assert extra is False or extra.get("type") == "string", place


def test_the_schema_and_the_defaults_have_the_same_keys():
    def paths(schema, prefix=""):
        while "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        for key, inner in schema.get("properties", {}).items():
            yield f"{prefix}{key}"
            yield from paths(inner, f"{prefix}{key}.")

    def keys(given, prefix=""):
        for key, inner in given.items():
            yield f"{prefix}{key}"
            if isinstance(inner, dict):
                yield from keys(inner, f"{prefix}{key}.")

    described = set(paths(SCHEMA)) - {"global"}
    set_by_default = set(keys(chart().values))
    assert set_by_default <= described
    assert {path for path in described - set_by_default if ".resources." not in path} == set()


def test_a_chart_above_may_hand_down_its_globals():
    assert texts({"global": {"imageRegistry": "x"}}) == texts()


def test_every_value_is_described():
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    described = descriptions(text)
    listed = dict(leaves(yaml.safe_load(text), described))
    assert set(described) == set(listed)
    assert all(value.endswith(".") for value in described.values())


def test_the_readme_is_current_and_names_each_default():
    assert main(["--check"]) == 0
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    assert f"| `database.port` | `{json.dumps(chart().values['database']['port'])}` |" in readme


def test_a_readme_that_is_not_current_is_found_and_keeps_what_was_written_by_hand(tmp_path, capsys):
    for name in ("Chart.yaml", "values.yaml"):
        (tmp_path / name).write_text((CHART / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "README.md").write_text(f"stale\n{CUSTOM}\nNotes by hand.\n", encoding="utf-8")
    assert main(["--check"], tmp_path) == 1
    assert "README.md: is not current" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8").endswith(f"{CUSTOM}\nNotes by hand.\n")
    assert main(["--check"], tmp_path) == 0


def test_a_value_without_a_description_is_named(tmp_path, capsys):
    (tmp_path / "Chart.yaml").write_text((CHART / "Chart.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "values.yaml").write_text("a:\n  # -- Known.\n  b: 1\n  c: 2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="above a.c"):
        render(tmp_path)
    assert main(["--check"], tmp_path) == 1
    assert "a.c" in capsys.readouterr().err
