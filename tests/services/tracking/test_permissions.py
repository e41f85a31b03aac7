"""Records on a server with users and no permission by default, from an empty database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow.exceptions import MlflowException

from cardioscar.errors import InputError, UnreachableError
from cardioscar.services.tracking import registry
from cardioscar.services.tracking.client import connect
from cardioscar.services.tracking.permissions import FORBIDDEN, once_granted
from cardioscar.services.tracking.recording import ask_server, record_cohort, record_subject
from cardioscar.services.tracking.trained_models import TrainedModel, load_model_files, record_trained_model
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from tests.services.tracking.mlflow_users import UsersServer, users_server

__all__ = ["users_server"]


class Refused:
    """Refuses a number of calls as the server does."""

    def __init__(self, times: int, code: str = FORBIDDEN) -> None:
        self.left, self.error = times, MlflowException("no")
        self.error.error_code = code

    def __call__(self) -> str:
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return "granted"


def test_a_right_that_comes_late_is_waited_for_and_one_that_does_not_come_is_not():
    waited: list[float] = []
    assert once_granted(Refused(3), waited.append) == "granted"
    assert len(waited) == 3
    with pytest.raises(MlflowException):
        once_granted(Refused(99), waited.append)
    assert sum(waited) < 8
    waited.clear()
    with pytest.raises(MlflowException):
        once_granted(Refused(1, "INTERNAL_ERROR"), waited.append)
    assert waited == []


@pytest.mark.slow
def test_the_first_subjects_of_an_empty_server_are_recorded(users_server: UsersServer, make_record, tmp_path, cohort):
    users_server.add("stages")
    target = users_server.target("stages")
    first = users_server.ask(
        "2.0/mlflow/model-versions/create", ("stages", "password-of-stages"), name=SCAR_FIELD.name, source="x"
    )
    assert (first.status_code, first.text) == (403, "Permission denied")  # not 404, although there is none
    for name in ("cohort.csv", "report.html"):
        (tmp_path / name).write_text("subject\nP000\n")
    files = {"table_csv": tmp_path / "cohort.csv", "report_html": tmp_path / "report.html"}
    assert record_cohort(target, cohort=cohort, metrics={"subjects": 2.0}, **files)
    # shards end their first subjects at about the same time
    made = [make_record(f"P{number:03d}") for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        recorded = list(pool.map(lambda record: record_subject(target, record), made))
    assert sorted(model.version for model in recorded) == [1, 2]
    assert record_subject(target, made[0]).reused

    assert {row.subject for row in registry.find(target, SCAR_FIELD)} == {"P000", "P001"}
    assert registry.show(target, SCAR_FIELD, "P000")["metrics"] == {"dice": 0.8, "scar_volume_ml": 7.5}
    folder = registry.load(target, SCAR_FIELD, subject="P000", destination=tmp_path / "loaded")
    assert (folder / "field.safetensors").read_bytes() == made[0].files["field.safetensors"].read_bytes()


@pytest.mark.slow
def test_a_prior_is_registered_and_one_that_is_not_there_is_said(users_server: UsersServer, tmp_path):
    users_server.add("trainer")
    target = users_server.target("trainer")
    (tmp_path / "weights").write_bytes(b"weights")
    files = {"field.safetensors": tmp_path / "weights"}
    assert record_trained_model(target, "lv-network", TrainedModel(files, "ab" * 32, aliases=("champion",))) == 1
    (tmp_path / "back").mkdir()
    (back,) = load_model_files(target, "lv-network", 1, list(files), tmp_path / "back")
    assert back.read_bytes() == b"weights"
    (back,) = load_model_files(target, "lv-network", "champion", list(files), tmp_path / "back")
    for name, version in (("lv-network", 2), ("another-network", 1)):
        with pytest.raises(
            InputError, match=f"registry: expected version {version} of a model of that name, found none"
        ):
            load_model_files(target, name, version, list(files), tmp_path / "back")


@pytest.mark.slow
def test_others_see_what_they_are_granted(users_server: UsersServer, make_record, tmp_path, cohort):
    """Needs the model that the first test made."""
    for user in ("owner-of-a-cohort", "reader"):
        users_server.add(user)
    users_server.grant("owner-of-a-cohort", "registered_model", SCAR_FIELD.name, "EDIT")
    owner, reader = users_server.target("owner-of-a-cohort"), users_server.target("reader")
    made = make_record("Q001")
    record_subject(owner, made)
    experiment = connect(owner).get_experiment_by_name(cohort).experiment_id

    assert registry.find(reader, SCAR_FIELD) == []
    ask_server(users_server.target("owner-of-a-cohort", cohort), SCAR_FIELD)
    for experiment_of_reader in (cohort, f"{cohort}-of-the-reader"):  # another's experiment; another's model alone
        with pytest.raises(UnreachableError, match=r"refuses the user .* has to grant EDIT"):
            ask_server(users_server.target("reader", experiment_of_reader), SCAR_FIELD)
    with pytest.raises(UnreachableError, match=r"HTTP 403, Permission denied\): .* belongs to another one; .* READ"):
        registry.find(users_server.target("reader", cohort), SCAR_FIELD)
    with pytest.raises(UnreachableError, match="has to grant EDIT"):
        record_subject(reader, make_record("Q002"))

    users_server.grant("reader", "experiment", experiment, "READ")
    users_server.grant("reader", "registered_model", SCAR_FIELD.name, "READ")
    assert [row.subject for row in registry.find(reader, SCAR_FIELD)] == ["Q001"]
    assert [row.subject for row in registry.find(reader, SCAR_FIELD, dice_below=0.9)] == ["Q001"]
    folder = registry.load(reader, SCAR_FIELD, subject="Q001", destination=tmp_path / "loaded")
    assert (folder / "field.safetensors").read_bytes() == made.files["field.safetensors"].read_bytes()
    with pytest.raises(UnreachableError, match="has to grant EDIT"):
        record_subject(reader, make_record("Q002"))
