"""Nothing reaches a pod of the release, and no pod reaches anything, but through a named opening with a port."""

from __future__ import annotations

import pytest

from tests.charts.rendering import SCENARIOS, component, merged, nested, of_kind, pods, resources, values

GUARDED = sorted(set(SCENARIOS) - {"off"})
RUNS = {"pipelines.kubeflow.org/v2_component": "true"}


def policies(given=None):
    return {policy["metadata"]["name"]: policy["spec"] for policy in of_kind("NetworkPolicy", given)}


def egress_ports(policy):
    return {entry["port"] for rule in policy["egress"] for entry in rule["ports"]}


def selects(policy, labels):
    return policy["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.fixture(params=["defaults", *GUARDED])
def given(request):
    return {} if request.param == "defaults" else values(request.param)


def test_every_pod_of_the_release_is_denied_by_default(given):
    deny = policies(given)["cs-cardioscar-default-deny"]
    assert sorted(deny["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in deny
    assert "egress" not in deny
    for _, metadata, _ in pods(resources(given)):
        assert selects(deny, metadata["labels"])


def test_the_default_denial_leaves_other_pods_of_the_namespace_alone(given):
    deny = policies(given)["cs-cardioscar-default-deny"]
    assert deny["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] == "cs"


def test_every_opening_is_limited_to_ports(given):
    openings = 0
    for policy in policies(given).values():
        for direction in ("ingress", "egress"):
            for rule in policy.get(direction, []):
                assert rule["ports"]
                assert all(1 <= entry["port"] <= 65535 for entry in rule["ports"])
                assert all(entry["protocol"] in {"TCP", "UDP"} for entry in rule["ports"])
                openings += 1
    assert openings > 2


def test_every_pod_has_the_openings_of_its_component_and_no_others(given):
    for name, metadata, _ in pods(resources(given)):
        matching = [key for key, policy in policies(given).items() if selects(policy, metadata["labels"])]
        assert sorted(matching) == sorted(["cs-cardioscar-default-deny", f"cs-cardioscar-{name}"])


def test_openings_are_what_each_component_needs():
    found = {name.removeprefix("cs-cardioscar-"): spec for name, spec in policies().items()}
    del found["default-deny"]
    assert {name: egress_ports(spec) for name, spec in found.items()} == {
        "mlflow": {53, 8333, 5432},
        "migration": {53, 5432},
        "buckets": {53, 8333},
        "client": {53, 5000},
        "pipelines": {53, 8888},
        "test": {53, 8333, 5000},
    }
    assert [name for name, spec in found.items() if "Ingress" in spec["policyTypes"]] == ["mlflow"]


@pytest.mark.parametrize(
    ("scenario", "store", "database"),
    [("aws", 443, 5432), ("ceph", 8443, 5432), ("production", 443, 6432), ("seaweedfs", 8333, 5432)],
)
def test_ports_are_those_of_the_endpoints(scenario, store, database):
    found = policies(values(scenario))
    assert egress_ports(found["cs-cardioscar-mlflow"]) == {53, store, database}
    assert egress_ports(found["cs-cardioscar-buckets"]) == {53, store}


def test_ports_behind_services_and_of_dns_can_be_named():
    found = policies({"networkPolicy": {"dnsPorts": [5353], "objectStorePort": 8080, "kubeflowPort": 9999}})
    assert egress_ports(found["cs-cardioscar-buckets"]) == {5353, 8080}
    assert egress_ports(found["cs-cardioscar-pipelines"]) == {5353, 9999}


def test_sqlite_opens_no_way_to_a_database():
    assert egress_ports(policies(values("trial"))["cs-cardioscar-mlflow"]) == {53, 8333}


def test_mlflow_is_reached_by_runs_of_their_namespaces_and_by_those_that_are_named():
    (rule,) = policies(values("gpu"))["cs-cardioscar-mlflow"]["ingress"]
    assert rule["ports"] == [{"port": 5000, "protocol": "TCP"}]
    runs = [peer for peer in rule["from"] if peer.get("podSelector", {}).get("matchLabels") == RUNS]
    assert [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in runs] == [
        "cardiology",
        "radiology",
    ]
    (own,) = [peer for peer in rule["from"] if peer not in runs]
    assert own["podSelector"]["matchExpressions"][0]["values"] == ["client", "test"]

    rule, metrics = policies(values("production"))["cs-cardioscar-mlflow"]["ingress"]
    others = values("production")["networkPolicy"]["mlflowClients"]
    assert rule["from"][-1:] == others
    assert metrics["ports"] == [{"port": 9090, "protocol": "TCP"}]
    assert metrics["from"] == values("production")["networkPolicy"]["metricsClients"]


def test_named_peers_narrow_an_opening():
    given = values("production")
    rules = policies(given)["cs-cardioscar-mlflow"]["egress"]
    assert [rule["to"] for rule in rules] == [given["networkPolicy"][key] for key in ("dns", "objectStore", "database")]


def test_runs_can_be_confined_in_each_of_their_namespaces():
    given = merged(values("production"), nested("kubeflow.runNamespaces", ["cardiology", "radiology"]))
    found = [p for p in of_kind("NetworkPolicy", given) if p["metadata"]["name"] == "cs-cardioscar-runs"]
    assert {policy["metadata"]["namespace"] for policy in found} == {"cardiology", "radiology"}
    for policy in found:
        assert policy["spec"]["podSelector"]["matchLabels"] == RUNS
        assert "ingress" not in policy["spec"]
        assert egress_ports(policy["spec"]) == {53, 443, 5000, 8080, 8333, 8887, 8888, 6443}
        assert all("to" in rule for rule in policy["spec"]["egress"])
    assert "cs-cardioscar-runs" not in policies()


def test_confined_runs_reach_an_mlflow_that_runs_elsewhere():
    assert 443 in egress_ports(policies(values("external-mlflow"))["cs-cardioscar-runs"])


def test_no_policy_where_none_is_wanted():
    assert policies(nested("networkPolicy.enabled", False)) == {}


def test_the_service_leads_to_the_port_that_is_open():
    (service,) = of_kind("Service", nested("mlflow.service.port", 8080))
    (deployment,) = [r for r in resources(nested("mlflow.service.port", 8080)) if r["kind"] == "Deployment"]
    assert service["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
    assert service["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert component(service) == "mlflow"


def test_the_ingress_is_served_with_tls_and_its_host_is_admitted():
    given = values("production")
    (ingress,) = of_kind("Ingress", given)
    assert ingress["spec"]["tls"] == [{"hosts": ["mlflow.example.org"], "secretName": "mlflow-example-org-tls"}]
    (deployment,) = of_kind("Deployment", given)
    found = {v["name"]: v.get("value") for v in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert "mlflow.example.org" in found["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert found["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == "https://mlflow.example.org"
