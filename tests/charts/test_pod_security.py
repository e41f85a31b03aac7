"""Pods run at the restricted level of the Pod Security Standards, hold no secret, and are probed."""

from __future__ import annotations

import json

import pytest
from helm_python import HelmError

from tests.charts.rendering import SCENARIOS, chart, containers, merged, nested, of_kind, pods, resources, texts, values

WITH_PODS = sorted(set(SCENARIOS) - {"off"})


@pytest.fixture(params=["defaults", *WITH_PODS])
def made(request):
    found = list(pods(resources({} if request.param == "defaults" else values(request.param))))
    assert found
    return found


def test_pods_are_restricted(made):
    for _, _, spec in made:
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 65532
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= {
            "emptyDir",
            "configMap",
            "persistentVolumeClaim",
            "projected",
        }


def test_containers_are_restricted(made):
    for _, _, spec in made:
        for container in containers(spec):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }
            assert "hostPort" not in str(container.get("ports"))


def test_containers_have_a_place_to_write_and_it_is_bounded(made):
    for _, _, spec in made:
        assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume)
        names = {volume["name"] for volume in spec["volumes"]}
        for container in containers(spec):
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert mounts["/tmp"] in {"tmp", f"{container['name']}-tmp"}
            assert set(mounts.values()) <= names
            assert {"name": "HOME", "value": "/tmp"} in container["env"]


def test_containers_have_requests_and_a_memory_limit(made):
    for _, _, spec in made:
        for container in containers(spec):
            assert set(container["resources"]["requests"]) >= {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_no_pod_gets_a_token_of_the_kubernetes_api(made):
    for _, _, spec in made:
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
    assert all(a["automountServiceAccountToken"] is False for a in of_kind("ServiceAccount"))


def test_in_multi_user_mode_the_upload_alone_gets_a_token_for_kubeflow():
    given = values("aws")
    tokens = {name: [v for v in spec["volumes"] if "projected" in v] for name, _, spec in pods(resources(given))}
    assert {name for name, found in tokens.items() if found} == {"pipelines"}
    (source,) = tokens["pipelines"][0]["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"
    roles = of_kind("Role", given)
    assert {role["metadata"]["namespace"] for role in roles} == {"cardiology", "radiology"}
    assert all(role["rules"] == roles[0]["rules"] for role in roles)
    assert roles[0]["rules"] == [
        {
            "apiGroups": ["pipelines.kubeflow.org"],
            "resources": ["pipelines", "pipelines/versions"],
            "verbs": ["create", "get", "list"],
        }
    ]
    (binding, _) = of_kind("RoleBinding", given)
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "cs-cardioscar-pipelines", "namespace": "kubeflow"}
    ]
    assert of_kind("Role") == of_kind("ClusterRole", given) == []


@pytest.mark.parametrize("scenario", WITH_PODS)
def test_service_accounts_are_made_or_there(scenario):
    rendered = resources(values(scenario))
    known = {"default"} | {r["metadata"]["name"] for r in rendered if r["kind"] == "ServiceAccount"}
    assert {spec["serviceAccountName"] for _, _, spec in pods(rendered)} <= known


def test_jobs_and_tests_stay_outside_a_service_mesh(made):
    for name, metadata, _ in made:
        assert (metadata["labels"].get("sidecar.istio.io/inject") == "false") == (name != "mlflow")


def test_the_server_is_probed_and_given_time_to_start_and_to_end():
    ((_, _, spec),) = [pod for pod in pods(resources()) if pod[0] == "mlflow"]
    (server,) = spec["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"] == {"path": "/health", "port": "http"}
        assert server[probe]["timeoutSeconds"] >= 5
    startup = server["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 240  # three times the slowest start measured
    assert server["ports"] == [{"name": "http", "containerPort": 5000}]
    assert spec["terminationGracePeriodSeconds"] > 30
    (budget,) = of_kind("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1


def test_sqlite_has_one_pod_at_a_time_and_a_volume_that_stays():
    given = values("trial")
    (deployment,) = of_kind("Deployment", given)
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    spec = deployment["spec"]["template"]["spec"]
    (claim,) = of_kind("PersistentVolumeClaim", given)
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert {"name": "data", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}} in spec["volumes"]
    assert [c["name"] for c in spec["initContainers"]] == ["migrate"]
    assert {v["name"]: v.get("value") for v in spec["containers"][0]["env"]}[
        "MLFLOW_BACKEND_STORE_URI"
    ] == "sqlite:////data/mlflow.db"


def test_postgresql_rolls_over_without_a_gap_and_has_no_volume():
    (deployment,) = of_kind("Deployment", values("production"))
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    spec = deployment["spec"]["template"]["spec"]
    assert deployment["spec"]["replicas"] == 3
    assert spec["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
    assert of_kind("PersistentVolumeClaim", values("production")) == []


SENSITIVE = ("PASSWORD", "SECRET", "ACCESS_KEY", "USERNAME", "TOKEN", "STORE_URI")


@pytest.mark.parametrize("scenario", ["defaults", *WITH_PODS])
def test_credentials_come_from_secrets_by_name_alone(scenario):
    given = {} if scenario == "defaults" else values(scenario)
    rendered = resources(given)
    assert not [r for r in rendered if r["kind"] == "Secret"]
    for _, _, spec in pods(rendered):
        for container in containers(spec):
            assert "envFrom" not in container
            for variable in container["env"]:
                if any(word in variable["name"] for word in SENSITIVE):
                    value = variable.get("value")
                    harmless = value == "sqlite:////data/mlflow.db" or variable["name"].endswith("_PATH")
                    assert harmless or set(variable["valueFrom"]) == {"secretKeyRef"}, variable


MARKER = "postgresql://marker:s3cr3tM4RK3R@db.example.org/mlflow"
FREE_TEXT = {"mlflow.service.annotations", "mlflow.ingress.annotations", "mlflow.serviceAccount.annotations"}
"""Annotations are for other programs, and hold any text."""


def text_places(value, path=""):
    """Every place where values hold text, also inside lists and free maps."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from text_places(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, str):
        yield path, MARKER
    elif isinstance(value, list):
        yield path, [MARKER]
    elif isinstance(value, dict):
        yield path, {"key": MARKER}


PLACES = dict(text_places(chart().values))


def test_every_kind_of_place_is_tried():
    assert len(PLACES) > 60
    assert set(PLACES) > FREE_TEXT | {"images.pullSecrets", "objectStore.endpoint", "commonLabels"}


@pytest.mark.parametrize("path", sorted(set(PLACES) - FREE_TEXT))
def test_a_credential_in_any_value_is_refused_or_stays_out(path):
    refusal = shown = ""
    try:
        shown = json.dumps(texts(merged(values("production"), nested(path, PLACES[path]))))
    except HelmError as error:
        refusal = str(error)
    assert "s3cr3tM4RK3R" not in shown
    assert shown or path.split(".")[-1] in refusal


def test_annotations_go_where_they_belong_and_nowhere_else():
    for path in FREE_TEXT:
        given = merged(values("production"), nested(path, {"note": "s3cr3tM4RK3R"}))
        holders = {resource["kind"] for resource in resources(given) if "s3cr3tM4RK3R" in str(resource)}
        assert holders == {{"service": "Service", "ingress": "Ingress"}.get(path.split(".")[1], "ServiceAccount")}
