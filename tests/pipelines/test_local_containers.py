"""A task in a container: hardened, its output in a file, its own exit code, nothing left behind."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("kfp")

from pipelines.local_containers import Containers
from pipelines.local_runner import _resolved


class Engine:
    """An engine whose one container has ended before anybody asks."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.started: dict[str, Any] = {}
        self.removed = False
        self.containers = self

    def run(self, image: str, command: list[str], **options: Any) -> Engine:
        self.started = {"image": image, "command": command, **options}
        return self

    def wait(self) -> dict[str, int]:
        return {"StatusCode": self.code}

    def logs(self) -> bytes:
        return b"CohortRejected: 2 of 3 subjects failed\n"

    def remove(self, **_: Any) -> None:
        self.removed = True


def test_the_exit_code_and_the_output_of_a_task_are_its_own(tmp_path):
    engine, log = Engine(code=1), tmp_path / "task.log"
    assert Containers().run(engine, "cardioscar:1-cpu", ["true"], {}, {}, log) == 1
    assert log.read_text(encoding="utf-8") == "CohortRejected: 2 of 3 subjects failed\n"
    assert engine.removed


def test_a_task_runs_without_rights_unless_options_say_otherwise(tmp_path):
    engine = Engine(code=0)
    containers = Containers(environment={"OMP_NUM_THREADS": "4"}, options={"user": "65532", "read_only": False})
    containers.run(engine, "i:1", ["true"], {}, {"OMP_NUM_THREADS": "1", "A": "b"}, tmp_path / "log")
    assert engine.started["environment"] == {"OMP_NUM_THREADS": "4", "A": "b"}
    assert (engine.started["cap_drop"], engine.started["security_opt"]) == (["ALL"], ["no-new-privileges"])
    assert (engine.started["user"], engine.started["read_only"]) == ("65532", False)


def test_credentials_of_tasks_are_not_shown():
    assert "sesame" not in repr(Containers(environment={"AWS_SECRET_ACCESS_KEY": "sesame"}))


def test_an_images_name_may_be_a_parameter_of_the_run():
    name = "{{$.inputs.parameters['pipelinechannel--task_image']}}"
    assert _resolved(name, {"pipelinechannel--task_image": "cardioscar:1-cpu"}) == "cardioscar:1-cpu"
    assert _resolved("python:3.11", {}) == "python:3.11"
