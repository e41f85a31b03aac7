"""The patch of an executor's pod that a driver of Kubeflow Pipelines 2.17 makes of a compiled task."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from pipelines.ir import IR, Task

RUN_ID = "0b6f1c7e-8a44-4c0f-9a51-1c9d2e7a3f10"
_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")


def resolved(task: Task, values: Mapping[str, Any]) -> dict[str, Any]:
    """Input parameters of a task, from those of the DAG that it belongs to."""
    found: dict[str, Any] = {}
    for name, source in task.spec.get("inputs", {}).get("parameters", {}).items():
        if outer := source.get("componentInputParameter"):
            found[name] = values.get(outer, "")
        elif "taskOutputParameter" in source:
            found[name] = "a" * 64  # a hash
        else:
            constant = source["runtimeValue"]["constant"]
            found[name] = RUN_ID if constant == "{{$.pipeline_job_uuid}}" else constant
    return {name: _filled(value, found) for name, value in found.items()}


def pod_spec_patch(ir: IR, task: Task, values: Mapping[str, Any], iteration: str) -> dict[str, Any]:
    """The patch.

    Args:
        ir: Compiled pipeline.
        task: One that runs a container.
        values: Parameters of the DAG that it belongs to.
        iteration: What tells the iterations of a loop apart.

    Returns:
        Pod spec with one container.
    """
    component = ir.component(task.component)
    container = ir.pipeline["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
    given = resolved(task, values)
    for name, declared in ir.parameters(task.component).items():
        if "defaultValue" in declared:
            given.setdefault(name, declared["defaultValue"])
    settings, resources = ir.kubernetes(task), container.get("resources", {})
    limits = {
        kind: _filled(resources[key], given)
        for kind, key in (("cpu", "resourceCpuLimit"), ("memory", "resourceMemoryLimit"))
        if key in resources
    }
    launcher = [
        "/kfp-launcher/launch", "--pipeline_name", ir.pipeline["pipelineInfo"]["name"], "--run_id", RUN_ID,
        "--execution_id", "1234", "--executor_input", _json(_executor_input(ir, task, given, iteration)),
        "--component_spec", _json(component), "--pod_name", "$(KFP_POD_NAME)", "--pod_uid", "$(KFP_POD_UID)",
        "--mlmd_server_address", "$(METADATA_GRPC_SERVICE_HOST)", "--mlmd_server_port",
        "$(METADATA_GRPC_SERVICE_PORT)", "--publish_logs", "true", "--",
    ]  # fmt: skip
    spec: dict[str, Any] = {
        "containers": [
            {
                "name": "main", "image": _filled(container["image"], given), "command": launcher,
                "args": [*container["command"], *container["args"]], "env": _environment(settings, values),
                "resources": {"limits": limits},
            }
        ]
    }  # fmt: skip
    if selector := settings.get("nodeSelector", {}).get("nodeSelectorJson"):
        spec["nodeSelector"] = values.get(selector["componentInputParameter"])
    for toleration in settings.get("tolerations", []):
        spec["tolerations"] = values.get(toleration["tolerationJson"]["componentInputParameter"])
    for mount in settings.get("emptyDirMounts", []):
        medium = {"medium": mount["medium"], "sizeLimit": mount["sizeLimit"]}
        spec["volumes"] = [{"name": mount["volumeName"], "emptyDir": medium}]
        spec["containers"][0]["volumeMounts"] = [{"name": mount["volumeName"], "mountPath": mount["mountPath"]}]
    if context := settings.get("securityContext"):
        spec["containers"][0]["securityContext"] = context
    return spec


def _executor_input(ir: IR, task: Task, given: Mapping[str, Any], iteration: str) -> dict[str, Any]:
    component = ir.component(task.component)
    declared = component.get("inputDefinitions", {}).get("artifacts", {})
    names = {other.name: other.spec["taskInfo"]["name"] for other in ir.tasks()}

    def artifact(producer: str, key: str, kind: Mapping[str, str]) -> dict[str, Any]:
        unique = hashlib.sha256(f"{producer} {iteration}".encode()).hexdigest()
        folder = "-".join((unique[:8], unique[8:12], unique[12:16], unique[16:20], unique[20:32]))
        root = f"minio://mlpipeline/v2/artifacts/{ir.pipeline['pipelineInfo']['name']}/{RUN_ID}"
        uri = f"{root}/{names[producer]}/{folder}/{key}"
        return {"artifacts": [{"name": key, "type": dict(kind), "uri": uri, "metadata": {"display_name": key}}]}

    inputs: dict[str, Any] = {"parameterValues": dict(given)}
    for name, source in task.spec.get("inputs", {}).get("artifacts", {}).items():
        output = source["taskOutputArtifact"]
        made = artifact(output["producerTask"], output["outputArtifactKey"], declared[name]["artifactType"])
        inputs.setdefault("artifacts", {})[name] = made
    defined = component.get("outputDefinitions", {})
    outputs: dict[str, Any] = {"outputFile": "/tmp/kfp_outputs/output_metadata.json", "artifacts": {}}  # noqa: S108
    kinds = {key: spec["artifactType"] for key, spec in defined.get("artifacts", {}).items()}
    for key, kind in {**kinds, "executor-logs": {"schemaTitle": "system.Artifact"}}.items():
        outputs["artifacts"][key] = artifact(task.name, key, kind)
    for key in defined.get("parameters", {}):
        outputs.setdefault("parameters", {})[key] = {"outputFile": f"/tmp/kfp/outputs/{key}"}  # noqa: S108
    return {"inputs": inputs, "outputs": outputs}


def _environment(settings: Mapping[str, Any], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for kind, name, key, reference in (
        ("secretAsEnv", "secretNameParameter", "secretKey", "secretKeyRef"),
        ("configMapAsEnv", "configMapNameParameter", "configMapKey", "configMapKeyRef"),
    ):
        for entry in settings.get(kind, []):
            source = values.get(entry[name]["componentInputParameter"], "")
            found += [
                {
                    "name": pair["envVar"],
                    "valueFrom": {reference: {"name": source, "key": pair[key], "optional": True}},
                }
                for pair in entry["keyToEnv"]
            ]
    return found


def _filled(value: Any, given: Mapping[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    return _PLACEHOLDER.sub(lambda found: str(given.get(found[1], "")), value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
