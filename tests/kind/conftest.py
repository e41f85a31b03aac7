"""The cluster, three phantoms in its object store, and one run over them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.kind import cluster

_dumped: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """After the first failure on the cluster, keep what one needs to understand it."""
    report = yield
    if report.failed and item.get_closest_marker("kind") and not cluster.absent() and not _dumped:
        _dumped.append(cluster.dump())
        report.sections.append(("cluster", _dumped[0]))
    return report


@dataclass(frozen=True)
class Cluster:
    """Ways into the cluster."""

    kubeflow: str
    store: Any
    """boto3 client of the object store."""
    store_environment: dict[str, str]
    endpoint: str
    """Address of the object store inside the cluster."""
    mlflow: str
    name: str
    """Name of this round of tests: of its cohort, experiment and runs."""
    image: str
    """Image that stages run in."""

    @property
    def places(self) -> list[str]:
        """Cohort and results of this round."""
        return [
            "--cohort", f"s3://cardioscar-cohorts/{self.name}", "--results", f"s3://cardioscar-results/{self.name}",
        ]  # fmt: skip


@pytest.fixture(scope="session")
def kind() -> Iterator[Cluster]:
    """The cluster, with ports forwarded; skips where there is none, fails where `make kind-test` expects one."""
    reason = cluster.absent()
    required = cluster.GIVEN or (os.environ.get("KIND_REQUIRED") and not reason.startswith("not installed"))
    if reason and required:
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    import boto3
    from botocore.config import Config

    values = yaml.safe_load((cluster.HERE / "values.yaml").read_text(encoding="utf-8"))
    keys, stages = cluster.secret("mlpipeline-minio-artifact"), cluster.secret("cardioscar-mlflow")
    address = cluster.store_address(values["objectStore"]["endpoint"])
    with (
        cluster.PortForward("ml-pipeline", 8888) as kubeflow,
        cluster.way_to(address) as store,
        cluster.PortForward("cardioscar-mlflow", 5000, cluster.MLFLOW_PORT) as mlflow,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("MLFLOW_TRACKING_USERNAME", stages["username"])
        patch.setenv("MLFLOW_TRACKING_PASSWORD", stages["password"])
        environment = {
            "AWS_ACCESS_KEY_ID": keys["accesskey"],
            "AWS_SECRET_ACCESS_KEY": keys["secretkey"],
            "AWS_ENDPOINT_URL_S3": store,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        client = boto3.client(
            "s3", endpoint_url=store, region_name="us-east-1", aws_access_key_id=keys["accesskey"],
            aws_secret_access_key=keys["secretkey"],
            config=Config(
                s3={"addressing_style": "path"}, request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )  # fmt: skip
        yield Cluster(
            kubeflow.url, client, environment, address, mlflow.url,
            f"kind-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}", cluster.stage_image(),
        )  # fmt: skip


@pytest.fixture(scope="session")
def cohort(kind: Cluster, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three small phantoms, one of them corrupt, in the object store; their ids."""
    from cardioscar.phantom.cohort import write_cohort
    from cardioscar.phantom.config import PhantomConfig

    folder = tmp_path_factory.mktemp("phantoms") / "cohort"
    ids = write_cohort(folder, PhantomConfig(subjects=3, corrupt=1, nodes=3000, seed=1))
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        key = f"{kind.name}/{path.relative_to(folder).as_posix()}"
        kind.store.upload_file(str(path), "cardioscar-cohorts", key)
    return list(ids)


@pytest.fixture(scope="session")
def submission(kind: Cluster) -> list[str]:
    """Words of `cardioscar submit` for this round's cohort."""
    return [
        "submit", "--host", kind.kubeflow, *kind.places, "--options-file", str(cluster.HERE / "run.yaml"),
        "--wait", "--timeout", "2400",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def run(kind: Cluster, cohort: list[str], submission: list[str]) -> cluster.Watched:
    """The run, submitted from this machine and waited for."""
    return cluster.cardioscar(*submission, "--run-name", kind.name, **kind.store_environment)
