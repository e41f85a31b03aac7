"""`cardioscar pipeline` against a server that speaks Kubeflow's API."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("kfp")

from tests.services.kubeflow.kfp_api import Fault, serving

PACKAGE = Path(__file__).resolve().parents[1] / "pipelines" / "golden" / "reconstruct_cohort.yaml"


def test_upload_list_and_upload_again(cardioscar, tmp_path):
    with serving() as server:
        upload = ("pipeline", "upload", PACKAGE, "--host", server.url, "--version", "0.1.0")
        assert cardioscar("pipeline", "list", "--host", server.url).out == "no pipeline is uploaded\n"
        said = cardioscar(*upload)
        assert (said.code, said.out, said.err) == (0, "reconstruct-cohort 0.1.0: created\n", "")
        assert cardioscar(*upload).out == "reconstruct-cohort 0.1.0: unchanged\n"
        assert cardioscar(*upload[:-1], "0.2.0").out == "reconstruct-cohort 0.2.0: created\n"
        assert cardioscar("pipeline", "list", "--host", server.url).out == "reconstruct-cohort  0.2.0, 0.1.0\n"
        other = tmp_path / "other.yaml"
        other.write_text(PACKAGE.read_text().replace("defaultValue: fourier", "defaultValue: reference"))
        said = cardioscar("pipeline", "upload", other, "--host", server.url, "--version", "0.1.0")
    assert said.code == 2
    assert said.err.startswith("cardioscar: other.yaml: expected the content of reconstruct-cohort 0.1.0")
    assert len(server.versions) == 2


def test_upload_waits_for_a_server_that_starts(cardioscar):
    with serving(faults=[Fault("GET", "healthz", "503", times=1)]) as server:
        said = cardioscar("pipeline", "upload", PACKAGE, "--host", server.url, "--version", "1")
    assert (said.code, said.out) == (0, "reconstruct-cohort 1: created\n")


def test_upload_ends_when_no_server_comes(cardioscar):
    with serving(faults=[Fault("GET", "healthz", "503", times=999)]) as server:
        said = cardioscar("pipeline", "upload", PACKAGE, "--host", server.url, "--version", "1", "--timeout", "0.2")
    assert said.code == 4
    assert "HTTP 503" in said.err
    assert "(for 0.2 s)" in said.err
    assert len(said.err.splitlines()) == 1


def test_nothing_is_sent_while_one_file_is_wrong(cardioscar, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("kind: Pod")
    with serving() as server:
        said = cardioscar("pipeline", "upload", PACKAGE, wrong, "--host", server.url, "--version", "1")
        assert server.requests == []
    assert (said.code, said.err.split(":")[1]) == (2, " wrong.yaml")


@pytest.mark.parametrize("words", [("pipeline",), ("pipeline", "--help")])
def test_help_names_the_actions(cardioscar, words):
    said = cardioscar(*words)
    assert said.code == 0
    assert "upload" in said.out
    assert "list" in said.out


def test_an_unknown_action_is_refused(cardioscar):
    said = cardioscar("pipeline", "delete")
    assert (said.code, said.err) == (2, "cardioscar: pipeline: expected upload or list, found 'delete'\n")


def test_without_an_address_nothing_is_tried(cardioscar, monkeypatch):
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    said = cardioscar("pipeline", "list")
    assert (said.code, said.err) == (
        2, "cardioscar: Kubeflow host: expected --host or KF_PIPELINES_ENDPOINT, found neither\n"
    )  # fmt: skip
