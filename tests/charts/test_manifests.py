"""Every scenario renders to manifests that Kubernetes accepts, the same ones each time."""

from __future__ import annotations

import re

import kubernetes_validate
import pytest
from helm_python import lint, package

from tests.charts.rendering import (
    CHART,
    SCENARIOS,
    chart,
    component,
    containers,
    nested,
    of_kind,
    pods,
    resources,
    texts,
    values,
)

OLDEST, NEWEST = "1.29", "1.37"
CUSTOM = {"ServiceMonitor"}
"""Kinds of other operators, whose schemas Kubernetes does not know."""

LONG = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"
"""As long as Helm takes release names."""


@pytest.fixture(params=["defaults", *SCENARIOS])
def given(request):
    return {} if request.param == "defaults" else values(request.param)


def test_the_scenarios_are_those_that_are_promised():
    assert {"trial", "production", "aws", "ceph", "seaweedfs", "gpu", "airgapped", "off"} <= set(SCENARIOS)


def test_helm_lint_finds_nothing(given):
    report = lint(CHART, given, strict=True, kube_version=f"v{OLDEST}.0")
    assert report["total_charts_linted"] == 1
    assert report["messages"] == report["errors"] == []


def test_the_newest_version_is_the_newest_that_can_be_checked():
    assert kubernetes_validate.latest_version() == f"{NEWEST}.0"


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_manifests_follow_the_schemas_of_kubernetes(given, version):
    checked = []
    for resource in resources(given):
        if resource["kind"] not in CUSTOM:
            assert kubernetes_validate.validate(resource, version, strict=True) == version
            checked.append(resource["kind"])
    assert "ConfigMap" in checked


def test_an_upgrade_to_the_same_values_changes_nothing(given):
    first = texts(given, is_install=True, revision=1)
    assert texts(given, is_upgrade=True, is_install=False, revision=7) == first


def test_resources_have_the_recommended_labels(given):
    for resource in resources(given):
        labels = resource["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "cardioscar"
        assert labels["app.kubernetes.io/instance"] == "cs"
        assert labels["app.kubernetes.io/version"] == chart().metadata["appVersion"]
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["app.kubernetes.io/part-of"] == "cardioscar"
        assert labels["helm.sh/chart"] == f"cardioscar-{chart().version}"
        assert component(resource)


def test_labels_of_the_site_are_on_resources_and_pods():
    rendered = resources(values("airgapped"))
    assert {resource["metadata"]["labels"]["cost-centre"] for resource in rendered} == {"cardiology"}
    assert {metadata["labels"]["cost-centre"] for _, metadata, _ in pods(rendered)} == {"cardiology"}


@pytest.mark.parametrize("length", [3, 27, 39, 53])
def test_names_are_unique_and_fit_with_what_kubernetes_adds(given, length):
    rendered = resources(given, name=LONG[:length])
    names = [(r["kind"], r["metadata"].get("namespace"), r["metadata"]["name"]) for r in rendered]
    assert len(set(names)) == len(names)
    for kind, _, name in names:
        suffix = {"Deployment": len("-5d9c7b8f6d-abcde"), "Job": len("-abcde")}.get(kind, 0)
        assert len(name) + suffix <= 63, name
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name), name


def test_long_names_that_differ_at_their_end_stay_different():
    one, other = (
        {r["metadata"]["name"] for r in resources(nested("fullnameOverride", "x" * 50 + end))} for end in ("a", "b")
    )
    assert one & other == {"cardioscar-endpoints"}


def test_images_are_pinned(given):
    images = {c["image"] for _, _, spec in pods(resources(given)) for c in containers(spec)}
    assert (not images) == (given == values("off"))
    for image in images:
        assert re.fullmatch(r"\S+(:(?!latest)[\w.-]+|@sha256:[0-9a-f]{64})", image), image


def test_a_digest_wins_over_a_tag_and_the_registry_comes_first():
    given = values("airgapped")
    assert {c["image"] for _, _, spec in pods(resources(given)) for c in containers(spec)} == {
        f"registry.hospital.example:5000/mirror/cardioscar@sha256:{'1' * 64}",
        f"registry.hospital.example:5000/mirror/cardioscar-mlflow@sha256:{'3' * 64}",
    }
    assert all(spec["imagePullSecrets"] == [{"name": "hospital-registry"}] for _, _, spec in pods(resources(given)))


def test_jobs_are_hooks_that_can_run_again(given):
    for job in of_kind("Job", given):
        annotations = job["metadata"]["annotations"]
        assert re.fullmatch(r"(pre|post)-install,(pre|post)-upgrade", annotations["helm.sh/hook"])
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
        assert job["spec"]["backoffLimit"] >= 1
        assert job["spec"]["activeDeadlineSeconds"] <= 3600
        assert job["spec"]["ttlSecondsAfterFinished"] == 86400


def test_hooks_run_in_the_order_of_their_needs():
    jobs = {component(job): job["metadata"]["annotations"] for job in of_kind("Job")}
    assert jobs["migration"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    after = sorted(set(jobs) - {"migration"}, key=lambda name: int(jobs[name]["helm.sh/hook-weight"]))
    assert after == ["buckets", "client", "pipelines"]
    assert {jobs[name]["helm.sh/hook"] for name in after} == {"post-install,post-upgrade"}


def test_what_runs_before_the_release_needs_nothing_of_it():
    (job,) = [job for job in of_kind("Job") if component(job) == "migration"]
    made = {r["metadata"]["name"] for r in resources() if "helm.sh/hook" not in r["metadata"].get("annotations", {})}
    spec = job["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] not in made
    assert all("emptyDir" in volume for volume in spec["volumes"])


def test_everything_off_leaves_the_endpoints_alone():
    (only,) = resources(values("off"))
    assert (only["kind"], only["metadata"]["name"]) == ("ConfigMap", "cardioscar-endpoints")
    assert "MLFLOW_TRACKING_URI" not in only["data"]


def test_the_package_holds_what_the_templates_read_and_no_scenarios(tmp_path):
    from helm_python import Chart

    with Chart.load(package(CHART, destination=tmp_path)) as packed:
        names = {file["name"] for file in packed.files}
        assert {"files/pipelines/reconstruct_cohort.yaml", "files/mlflow/serve.py", "README.md"} <= names
        assert not [name for name in names if name.startswith("ci/")]
        assert packed.render({}, name="cs", namespace="kubeflow") == chart().render({}, name="cs", namespace="kubeflow")


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_the_notes_name_what_was_installed(scenario):
    given = values(scenario)
    notes = texts(given)["NOTES.txt"]
    assert "not a medical device" in notes
    expected = {"trial": "sqlite on a volume", "production": "https://mlflow.example.org", "aws": "AWS, eu-central-1"}
    assert expected.get(scenario, "S3") in notes
    used = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for _, _, spec in pods(resources(given))
        for c in containers(spec)
        for variable in c["env"]
        if "valueFrom" in variable
    }
    assert [secret for secret in used if secret not in notes] == []
