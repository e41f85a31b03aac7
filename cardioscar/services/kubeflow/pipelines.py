"""Uploaded pipelines and their versions: looked up, listed, and uploaded once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cardioscar.errors import ConfigError
from cardioscar.services.kubeflow.client import KubeflowApi, NoAnswerError, RefusedError, named
from cardioscar.services.kubeflow.parameters import PipelinePackage


@dataclass(frozen=True)
class Source:
    """What a run runs: a version that the server holds, or a package that travels with the run."""

    package: PipelinePackage
    pipeline_id: str = ""
    version_id: str = ""
    version: str = ""

    @property
    def label(self) -> str:
        """Name for people."""
        return f"{self.package.name} {self.version}".strip() if self.version_id else self.package.where

    def body(self) -> dict[str, Any]:
        """How a request names it."""
        import kfp_server_api as api

        if self.version_id:
            reference = api.V2beta1PipelineVersionReference(
                pipeline_id=self.pipeline_id, pipeline_version_id=self.version_id
            )
            return {"pipeline_version_reference": reference}
        return {"pipeline_spec": self.package.content}


@dataclass(frozen=True)
class Listed:
    """A pipeline and its versions, the newest first."""

    name: str
    pipeline_id: str
    versions: tuple[str, ...] = field(default=())


def list_pipelines(api: KubeflowApi) -> Iterator[Listed]:
    """Every pipeline of the target's namespace."""
    service = api.pipelines
    found = api.pages(
        "list pipelines", service.pipeline_service_list_pipelines, "pipelines", namespace=api.target.namespace
    )
    for one in found:
        versions = tuple(str(v.display_name) for v in _versions(api, one.pipeline_id))
        yield Listed(str(one.display_name), str(one.pipeline_id), versions)


def find_version(api: KubeflowApi, pipeline: str, version: str = "") -> Source:
    """Look up a version of a pipeline.

    Args:
        api: Connection.
        pipeline: Name of the pipeline.
        version: Name of the version; empty for the newest.

    Raises:
        ConfigError: If there is none; the message names those that there are.
    """
    identity = _pipeline_id(api, pipeline)
    if not identity:
        names = ", ".join(sorted(one.name for one in list_pipelines(api))[:10]) or "none at all"
        raise ConfigError("--pipeline", "the name of an uploaded pipeline", f"'{pipeline}' (there is {names})")
    for one in _versions(api, identity, version):
        package = PipelinePackage.of(one.pipeline_spec, where=f"{pipeline} {one.display_name}")
        return Source(package, identity, str(one.pipeline_version_id), str(one.display_name))
    names = ", ".join(str(v.display_name) for v in _versions(api, identity)) or "none at all"
    raise ConfigError("--version", f"a version of {pipeline}", f"'{version}' (there is {names})")


def ensure_version(api: KubeflowApi, file: Path, version: str) -> tuple[str, Literal["created", "unchanged"]]:
    """See that a version of a pipeline is on the server, with this content; asked again, it changes nothing.

    Args:
        api: Connection.
        file: Compiled YAML; the pipeline's name is in it.
        version: Name of the version.

    Returns:
        Name of the pipeline, and what was done.

    Raises:
        ConfigError: If the version exists with other content: versions are never overwritten.
        UnreachableError: If the server does not answer, several times.
    """
    package = PipelinePackage.read(file)
    done: Literal["created", "unchanged"] = "unchanged"
    for pause_s in (*api.pauses_s, None):
        identity = _ensure_pipeline(api, package)
        there = next(_versions(api, identity, version), None)
        if there is not None:
            stored = PipelinePackage.of(there.pipeline_spec, where=f"{package.name} {version}")
            if stored.content != package.content:
                raise ConfigError(
                    file.name, f"the content of {package.name} {version}, which is uploaded", "other content"
                )
            return package.name, done
        try:
            api.call(
                f"upload {package.name} {version}", api.uploads.upload_pipeline_version, str(file),
                name=version, pipelineid=identity, description=package.description, repeat=False,
            )  # fmt: skip
            return package.name, "created"
        except (NoAnswerError, RefusedError) as error:
            # it may have arrived, or somebody else was faster: look again
            if pause_s is None or (isinstance(error, RefusedError) and error.status != 409):
                raise
            done = "created"
            time.sleep(pause_s)
    raise AssertionError("the last attempt returns or raises")


def _pipeline_id(api: KubeflowApi, name: str) -> str:
    found = api.pages(
        "find the pipeline",
        api.pipelines.pipeline_service_list_pipelines,
        "pipelines",
        namespace=api.target.namespace,
        filter=named(name),
    )
    return next((str(one.pipeline_id) for one in found if one.display_name == name), "")


def _ensure_pipeline(api: KubeflowApi, package: PipelinePackage) -> str:
    import kfp_server_api as models

    def create() -> None:
        body = models.V2beta1Pipeline(
            name=package.name,
            display_name=package.name,
            description=package.description,
            namespace=api.target.namespace,
        )
        api.call("create the pipeline", api.pipelines.pipeline_service_create_pipeline, body, repeat=False)

    return api.ensure(f"creating pipeline '{package.name}'", lambda: _pipeline_id(api, package.name), create)


def _versions(api: KubeflowApi, pipeline_id: str, name: str = "") -> Iterator[Any]:
    found = api.pages(
        "list versions",
        api.pipelines.pipeline_service_list_pipeline_versions,
        "pipeline_versions",
        pipeline_id=pipeline_id,
        sort_by="created_at desc",
        **({"filter": named(name)} if name else {}),
    )
    return (one for one in found if not name or one.display_name == name)
