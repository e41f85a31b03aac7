"""Stage `train_prior`: what is learned once for all subjects, from a cohort or from synthetic scars."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zipfile import BadZipFile

from cardioscar import __version__
from cardioscar.config import as_mapping, config_sha256, file_sha256, from_mapping
from cardioscar.errors import CardioscarError, ConfigError, InputError, counted
from cardioscar.files.folders import fresh_folder, platform_faults
from cardioscar.identity.subject_id import parse_ids
from cardioscar.learning.curves import Curves
from cardioscar.logs import about
from cardioscar.scar3d.transfer.config import TransferConfig
from cardioscar.services.store.places import local_folder
from cardioscar.shard.status import read_status
from cardioscar.stages.training_output import (
    CURVES,
    PAGE,
    check_own_training,
    checkpoint_beside,
    write_curves_and_page,
)
from cardioscar.types import OnStep

if TYPE_CHECKING:
    from cardioscar.scar3d.observation.observations import Observations

log = logging.getLogger(__name__)

STAGE = "train_prior"
STEMS = {"field": "field", "scar": "scar_prior"}
"""Name of the files of each kind of network, without ending."""


def field(
    cohort: str | Path,
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    *,
    subjects: str = "",
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Pretrain a coordinate network on a cohort, for fits that start from it (`FitConfig.start_from`).

    Subjects whose files cannot be read, or whose slices tell no long axis, are left out.

    Args:
        cohort: Artifact of `group_sort`, or a cohort (folder or `s3://` prefix), which is then preprocessed with the
            default settings in a private folder below TMPDIR.
        output: Folder for `field.safetensors`, `field.json`, `curves.json` and `training.html`; it appears whole, and
            replaces an earlier one.
        options: Settings of `TransferConfig` by name.
        subjects: Comma-separated ids to learn from; empty for all.
        on_step: Told of progress.

    Returns:
        What `field.json` says: architecture, settings, the number of hearts and a hash of each one's groups; no id.

    Raises:
        InputError: If there is no cohort or no subject to learn from, or the output holds something else.
        PlatformError: If the output cannot be written.
    """
    import json

    from cardioscar.scar3d.transfer.pretraining import pretrain
    from cardioscar.scar3d.transfer.stored_pretrained import save_pretrained

    config = from_mapping(TransferConfig, options or {}, where=STAGE)
    final = _output(output)
    tell = on_step or (lambda *_: None)
    with (
        _sorted_groups(cohort, subjects, tell) as folders,
        platform_faults(final),
        checkpoint_beside(final) as checkpoint,
    ):
        hashes: list[str] = []
        trained = pretrain(
            _readable(folders, hashes),
            config,
            lambda done, steps: tell("train", done, steps),
            checkpoint=checkpoint,
        )
    tail = trained.losses[-max(1, len(trained.losses) // 10) :]
    facts = {
        "version": __version__,
        "config": as_mapping(config),
        "config_sha256": config_sha256(config),
        # in the order of the hashes: the order of ids would tell something of them
        "hearts": {"count": len(hashes), "groups_sha256": sorted(hashes)},
        "loss": round(float(tail.mean()), 6),
    }
    with platform_faults(final), fresh_folder(final) as scratch:
        stored = save_pretrained(scratch, trained.network, facts)
        _report(scratch, "Coordinate network, pretrained on a cohort", trained.curves, facts, _figures(facts))
        _output(output)  # somebody may have put something there meanwhile
    with about(STAGE, "-"):
        log.info("learned from %d hearts, loss %.4g", len(hashes), facts["loss"])
    return {**json.loads(stored.description), "sha256": stored.sha256}


def scar(
    output: str | Path, options: Mapping[str, Any] | None = None, *, on_step: OnStep | None = None
) -> dict[str, Any]:
    """Train the scar prior, a network over the LV wall, on synthetic scars.

    Args:
        output: Folder for `scar_prior.safetensors`, `scar_prior.json`, `curves.json` and `training.html`.
        options: Settings of `ScarPriorConfig` by name.
        on_step: Told of progress.

    Returns:
        What `scar_prior.json` says.

    Raises:
        ConfigError: If a setting is unknown or impossible, or the output holds other files of these names.
        InputError: If the training does not stay finite.
        PlatformError: If the output cannot be written.
    """
    from cardioscar.scar3d.wall_prior.config import ScarPriorConfig

    config = from_mapping(ScarPriorConfig, options or {}, where=STAGE)
    folder = local_folder(output, where="out")
    with platform_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)  # said before half an hour of work, not after it
    _check_own_scar_prior(folder)
    check_own_training(folder)
    from cardioscar.scar3d.wall_prior.train import train_scar_prior

    with platform_faults(folder), checkpoint_beside(folder.resolve()) as checkpoint:
        said = train_scar_prior(folder, config, on_step, checkpoint=checkpoint)
        curves = Curves.from_json((folder / CURVES).read_text(encoding="utf-8"))
        _report(folder, "Learned scar prior", curves, said, _figures(said))
    return said


def register(folder: str | Path, name: str, tracking_uri: str, *, kind: Literal["field", "scar"] = "field") -> str:
    """Make a pretrained network a version in the model registry.

    Its settings, curves and figures go with it.

    Args:
        folder: Output of `field` or `scar`.
        name: Name of the registered model.
        tracking_uri: MLflow server or local store.
        kind: Which of the two.

    Returns:
        Its address, `models:/name/version`; that of a `field` serves `FitConfig.start_from`.

    Raises:
        InputError: If the folder holds no such network, or the name is refused.
        UnreachableError: If the registry does not answer.
    """
    from cardioscar.learning.stored import read_network
    from cardioscar.scar3d.transfer.stored_pretrained import read_pretrained
    from cardioscar.services.tracking.client import TrackingTarget
    from cardioscar.services.tracking.trained_models import TrainedModel, check_model_name, record_trained_model
    from cardioscar.stages.scar3d.workflow import SCAR_FIELD

    check_model_name(name, (SCAR_FIELD.name,))
    at = Path(folder)
    if kind == "field":
        read_pretrained(at)
    stored = read_network(at, STEMS[kind], rule=f"a network that train-prior {kind} wrote").check_hash()
    said = stored.description
    curves = at / CURVES
    model = TrainedModel(
        files={name: at / name for name in (f"{STEMS[kind]}.safetensors", f"{STEMS[kind]}.json")},
        key=stored.sha256,
        settings=dict(said.get("config") or {}),
        metrics=_figures(said),
        curves=Curves.from_json(curves.read_text(encoding="utf-8")) if curves.is_file() else None,
        artifacts={name: at / name for name in (CURVES, PAGE) if (at / name).is_file()},
    )
    return f"models:/{name}/{record_trained_model(TrackingTarget(tracking_uri), name, model)}"


def _figures(said: Mapping[str, Any]) -> dict[str, float]:
    """Figures of a network, as its description has them."""
    validation = said.get("validation") or {}
    figures = {"loss": said.get("loss"), **{f"validation_{k}": v for k, v in validation.items() if k != "examples"}}
    return {name: float(value) for name, value in figures.items() if isinstance(value, int | float)}


def _report(folder: Path, name: str, curves: Curves, said: Mapping[str, Any], figures: Mapping[str, float]) -> None:
    """Write curves and page of a training."""
    from cardioscar.report.training import TrainingSummary

    summary = TrainingSummary(
        name,
        curves,
        best_step=len(curves.losses),
        version=__version__,
        seconds=said.get("seconds"),
        settings=said["config"],
        figures=figures,
    )
    write_curves_and_page(folder, summary)


def _output(output: str | Path) -> Path:
    """The folder to write, which may hold an earlier pretrained network and nothing else: it is replaced as a whole."""
    from cardioscar.scar3d.transfer.stored_pretrained import DESCRIPTION, WEIGHTS, read_pretrained

    final = local_folder(output, where="out").resolve()
    with platform_faults(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        ours = (DESCRIPTION, WEIGHTS, CURVES, PAGE)
        others = [p.name for p in final.iterdir() if p.name not in ours] if final.is_dir() else []
    if others or final.is_file():
        rule = "a new or empty folder, or that of an earlier pretrained network"
        raise ConfigError("out", rule, f"one with {counted(len(others), 'other file')}" if others else "a file")
    if final.is_dir() and any(final.iterdir()):
        try:
            read_pretrained(final)
        except InputError as error:
            raise ConfigError(
                "out", "a new or empty folder, or that of an earlier pretrained network", str(error)
            ) from None
        check_own_training(final)
    return final


def _check_own_scar_prior(folder: Path) -> None:
    """Refuse to replace files of the scar prior's names that are not an earlier one as it was written."""
    import json

    from cardioscar.scar3d.wall_prior.stored_unet import DESCRIPTION, WEIGHTS

    there = [path for path in (folder / WEIGHTS, folder / DESCRIPTION) if path.is_symlink() or path.exists()]
    try:
        known = json.loads((folder / DESCRIPTION).read_bytes())["weights_sha256"] if there else ""
        own = not there or (len(there) == 2 and known == file_sha256(folder / WEIGHTS))
    except (OSError, ValueError, LookupError, TypeError):
        own = False
    if not own or any(path.is_symlink() for path in there):
        rule = "a folder without such a file, or that of an earlier scar prior"
        raise ConfigError("out", rule, f"another {there[0].name}; name another folder, or move it away")


@contextmanager
def _sorted_groups(cohort: str | Path, subjects: str, tell: OnStep) -> Iterator[list[Path]]:
    """The subjects' folders with `sorted.npz`, in order of their ids; those that failed are left out."""
    from cardioscar.cohort.opening import open_cohort
    from cardioscar.cohort.selection import select
    from cardioscar.cohort.store import temporary_folder
    from cardioscar.stages.scar3d import group_sort, preprocess
    from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT

    if _is_artifact(cohort):
        folders = sorted(path.parent for path in Path(cohort).glob("*/sorted.npz") if path.parent.name[0] != ".")
        yield _of_ids(folders, subjects)
        return
    source = open_cohort(cohort, SCAR3D_LAYOUT)
    ids = [entry.subject for entry in select(source, subjects)]
    with temporary_folder() as work:
        for number, subject in enumerate(ids, start=1):
            preprocess.run(source.of([subject]), [subject], work / "preprocess")
            group_sort.run(work / "preprocess", [subject], work / "group_sort")
            tell("preprocess", number, len(ids))
        rows = {subject: read_status(work / "group_sort" / subject) for subject in ids}
        yield [work / "group_sort" / subject for subject, row in rows.items() if row and row.outcome == "ok"]


def _is_artifact(cohort: str | Path) -> bool:
    return "://" not in str(cohort) and Path(cohort).is_dir() and any(Path(cohort).glob("*/sorted.npz"))


def _of_ids(folders: list[Path], subjects: str) -> list[Path]:
    wanted = parse_ids(subjects)
    missing = [name for name in wanted if name not in {folder.name for folder in folders}]
    if missing:
        raise InputError(
            "subjects", f"ids of the artifact ({counted(len(folders), 'subject')})", ", ".join(missing[:5])
        )
    return [folder for folder in folders if not wanted or folder.name in wanted]


def _readable(folders: list[Path], hashes: list[str]) -> Iterator[Observations]:
    """Observations of the hearts that can be learned from, one in memory; the hash of each one's file is noted."""
    from cardioscar.scar3d.observation.files import load_observations
    from cardioscar.scar3d.observation.observations import frame_of

    for folder in folders:
        with about(STAGE, folder.name):
            try:
                heart = load_observations(folder)
                frame_of(heart)
            except CardioscarError as error:
                log.warning("left out: %s", error)
                continue
            except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
                log.warning("left out: sorted.npz cannot be read (%s)", type(error).__name__)
                continue
        hashes.append(file_sha256(folder / "sorted.npz"))
        yield heart
    if not hashes:
        raise InputError("cohort", "at least one subject to learn from", f"none of {len(folders)} that can be read")
