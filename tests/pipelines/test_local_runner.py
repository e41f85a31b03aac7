"""Compiled pipelines run on this machine, quietly, with their logs in files."""

import builtins
import logging
import os

import pytest

pytest.importorskip("kfp")

from kfp import compiler, dsl

from pipelines.ir import IR
from pipelines.local_runner import TaskFailedError, run_pipeline


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def list_subjects() -> list[list[str]]:
    """List two shards."""
    return [["a", "b"], ["c"]]


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def greet(names: list[str], letter: dsl.Output[dsl.Artifact], fail_on: str = ""):
    """Write a letter, with the number of threads."""
    import os
    from pathlib import Path

    print("writing to", *names)  # noqa: T201
    if fail_on in names:
        raise ValueError(f"{fail_on} has moved")
    Path(letter.path).write_text(f"{names} {os.environ['OMP_NUM_THREADS']}", encoding="utf-8")


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def finish():
    """Do nothing."""


@dsl.pipeline(name="greet-shard")
def greet_shard(names: list[str], fail_on: str, memory: str):
    """Greet one shard."""
    greet(names=names, fail_on=fail_on).set_memory_limit(memory).set_retry(2, backoff_duration="60s")


@dsl.pipeline(name="greetings")
def greetings(fail_on: str = "", memory: str = "1Gi"):
    """Greet all shards."""
    with dsl.ParallelFor(list_subjects().output, parallelism=10) as shard:
        greeted = greet_shard(names=shard, fail_on=fail_on, memory=memory)
    finish().after(greeted)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "greetings.yaml"
    compiler.Compiler().compile(greetings, str(path))
    return IR.parse(path.read_text(encoding="utf-8"))


def test_each_task_has_a_record_and_a_log(spec, tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    ended = []
    records = run_pipeline(spec, {}, root=tmp_path, on_end=ended.append)
    assert [r.name for r in records] == ["list_subjects", "greet", "greet", "finish"]
    assert sorted(map(id, ended)) == sorted(map(id, records))
    assert {r.iteration for r in records} == {None, 0, 1}
    assert all(r.exit_code == 0 and r.seconds > 0 for r in records)
    assert records[0].outputs == {"Output": [["a", "b"], ["c"]]}
    assert "writing to a b" in (tmp_path / "logs" / "greet-0.log").read_text(encoding="utf-8")
    cores = len(os.sched_getaffinity(0))
    letters = sorted(r.artifacts["letter"].read_text(encoding="utf-8") for r in records if r.name == "greet")
    assert letters == [f"['a', 'b'] {max(1, cores // 2)}", f"['c'] {max(1, cores // 2)}"]
    assert capfd.readouterr() == ("", "")


def test_print_and_the_root_logger_are_as_before(spec, tmp_path):
    printer, handlers, level = builtins.print, logging.getLogger().handlers[:], logging.getLogger().level
    run_pipeline(spec, {}, root=tmp_path)
    assert builtins.print is printer
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger().level == level


def test_a_failed_task_is_named_with_the_reason_and_not_retried(spec, tmp_path):
    started = []
    with pytest.raises(TaskFailedError, match="greet: ValueError: c has moved") as failure:
        run_pipeline(spec, {"fail_on": "c"}, root=tmp_path, on_start=started.append)
    assert failure.value.record.iteration == 1
    assert [r.name for r in started] == ["list_subjects", "greet", "greet"]


def test_the_users_number_of_threads_wins(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    records = run_pipeline(spec, {}, root=tmp_path)
    assert records[1].artifacts["letter"].read_text(encoding="utf-8").endswith(" 7")
