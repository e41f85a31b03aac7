"""Signatures of pipelines: collected from the components, whole, and read by kfp as if they were written out."""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap

import pytest

pytest.importorskip("kfp")

from kfp import compiler, dsl

from pipelines.compile import PIPELINES
from pipelines.ir import IR
from pipelines.reconstruct_cohort.pipeline import STAGES
from pipelines.signature import Channels, Parameter, Parameters, of_components, takes

TOY = '''
from kfp import dsl

@dsl.component(base_image="cardioscar:1-cpu", install_kfp_package=False)
def toy({parameters}options: dict = {{}}):  # noqa
    """A toy.

    Args:
        subjects: Ids.
        made: Its artifact.
        radius_mm: Radius of what is looked at,
            in mm.
        depth: Number of layers.
        options: Further settings of toy by name.
    """
    print(subjects)
'''
WRITTEN = "subjects: str, made: dsl.Output[dsl.Dataset], radius_mm: float = 2.5, "


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A component of parameters that are written out, as from a file of the repository."""

    def make(parameters):
        (tmp_path / "toy_component.py").write_text(textwrap.dedent(TOY).format(parameters=parameters))
        monkeypatch.syspath_prepend(tmp_path)
        sys.modules.pop("toy_component", None)
        importlib.invalidate_caches()
        return importlib.import_module("toy_component").toy

    yield make
    sys.modules.pop("toy_component", None)


def compiled(component, tmp_path):
    """A pipeline of one task whose wiring names no setting."""

    @dsl.pipeline(name="toys")
    @takes(of_components(component))
    def toys(given: Channels) -> None:
        """All toys."""
        component(**given.to(component))

    compiler.Compiler().compile(toys, str(tmp_path / "toys.yaml"))
    return IR.parse((tmp_path / "toys.yaml").read_text())


def test_names_types_defaults_and_descriptions_are_those_of_the_component(toy, tmp_path):
    assert compiled(toy(WRITTEN), tmp_path).parameters("root") == {
        "subjects": {"parameterType": "STRING", "description": "Ids."},
        "radius_mm": {
            "parameterType": "NUMBER_DOUBLE", "defaultValue": 2.5, "isOptional": True,
            "description": "Radius of what is looked at, in mm.",
        },
        "toy_options": {
            "parameterType": "STRUCT", "defaultValue": {}, "isOptional": True,
            "description": "Further settings of toy by name.",
        },
    }  # fmt: skip


def test_one_more_parameter_of_a_component_is_one_more_of_the_pipeline_and_reaches_the_task(toy, tmp_path):
    before = compiled(toy(WRITTEN), tmp_path)
    after = compiled(toy(WRITTEN + "depth: int = 3, "), tmp_path)
    assert after.parameters("root").keys() - before.parameters("root").keys() == {"depth"}
    assert after.parameters("root")["depth"]["defaultValue"] == 3
    (task,) = after.tasks()
    given = task.spec["inputs"]["parameters"]
    assert given["depth"] == {"componentInputParameter": "depth"}
    assert given["options"] == {"componentInputParameter": "toy_options"}


@pytest.mark.parametrize("name", PIPELINES)
def test_each_parameter_that_is_no_artifact_of_a_task_comes_from_outside_or_another_task(name):
    """What the platform gives: the run's id, and the workflow's size, which `compile` writes.

    A network counts in the fingerprint where a cached task applies one.
    """
    from pipelines.compile import compile_pipeline

    ir = compile_pipeline(name)
    for task, _ in ir.container_tasks():
        missing = ir.parameters(task.component).keys() - task.spec["inputs"]["parameters"].keys()
        own = {"summarize_cohort": {"run_id"}, "reconstruct_cohort": set()}.get(name, {"fingerprint_network"})
        assert missing <= own, task.name


def test_channels_come_in_the_order_of_the_signature_and_required_ones_first():
    received = []

    @takes(Parameters({"late": Parameter(int, "Has a default.", 1), "early": Parameter(str, "Has none.")}))
    def body(given: Channels) -> None:
        received.append((given.early, given.late))

    assert list(inspect.signature(body).parameters) == ["early", "late"]
    body("E", "L")
    assert received == [("E", "L")]
    with pytest.raises(ValueError, match="shorter"):
        body("E")


def test_two_defaults_of_one_name_are_refused():
    one = Parameters({"seed": Parameter(int, "Seed.", 0)})
    with pytest.raises(ValueError, match="seed: expected one type and default"):
        one | one.with_defaults(seed=1)
    with pytest.raises(ValueError, match="seed: expected one type and default"):
        one | Parameters({"seed": Parameter(str, "Seed.", 0)})
    assert (one | Parameters({"seed": Parameter(int, "Another wording.", 0)}))["seed"].description == "Seed."


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match="colour"):
        STAGES.without("colour")
    with pytest.raises(KeyError, match="colour"):
        STAGES.with_defaults(colour="red")
    with pytest.raises(AttributeError, match="no parameter 'colour'"):
        Channels({"seed": 1}).colour  # noqa: B018


def test_an_inner_pipeline_takes_everything_by_hand():
    assert all(one.default is inspect.Parameter.empty for one in STAGES.required().values())
    assert STAGES.required().keys() == STAGES.keys()
