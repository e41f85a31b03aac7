from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import textwrap
import typing
from pathlib import Path

import pytest
import tyro

from cardioscar.commands.options import configs_of, expand, options_of, read_config
from cardioscar.commands.run_workflow import _defaults
from cardioscar.commands.run_workflow import form_of as run_form_of
from cardioscar.commands.stage import form_of
from cardioscar.errors import ConfigError, InputError
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.stages.scar3d.workflow import RECONSTRUCT

CONFIGS = configs_of(RECONSTRUCT)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cohort", "-o", "out"], ["cohort", "-o", "out"]),
        (["--holdout", "odd", "cohort"], ["--preprocess.holdout", "odd", "cohort"]),
        (["--slice-thickness-mm=-3"], ["--preprocess.slice-thickness-mm=-3"]),
        (["--slice_thickness_mm", "-3"], ["--preprocess.slice-thickness-mm", "-3"]),
        (["--batch-nodes", "5"], ["--group-sort.batch-nodes", "5"]),
        (["--doubt-range", "0.2", "0.8"], ["--infer.doubt-range", "0.2", "0.8"]),
        (["--write-nifti", "--no-figures"], ["--infer.write-nifti", "--evaluate.no-figures"]),
        (["--preprocess.holdout", "odd"], ["--preprocess.holdout", "odd"]),
        (["--posterior.region_mm=20"], ["--infer.posterior.region-mm=20"]),
        (["--posterior.handover-mm", "4", "9"], ["--infer.posterior.handover-mm", "4", "9"]),
        # what several stages share goes to each of them, and takes no word that follows
        (["--seed", "3", "cohort"], ["--train.seed=3", "--infer.seed=3", "cohort"]),
        (["--seed", "-1"], ["--train.seed=-1", "--infer.seed=-1"]),
        (["--device=cuda:1"], ["--preprocess.device=cuda:1", "--train.device=cuda:1", "--infer.device=cuda:1"]),
        (["--seed"], ["--train.seed", "--infer.seed"]),
        (["--subjects", "seed", "--jobs", "2"], ["--subjects", "seed", "--jobs", "2"]),
    ],
)
def test_short_flags_are_written_out(words: list[str], expected: list[str]) -> None:
    assert expand(words, RECONSTRUCT) == expected


@pytest.mark.parametrize(
    ("words", "expected", "line"),
    [
        (["--method", "reference", "cohort"], ["--train.method", "reference", "cohort"], ""),
        (["--method=fourier"], ["--train.method=fourier"], ""),
        (["--train.method", "reference"], ["--train.method", "reference"], ""),
        (["--method", "wrong"], ["--train.method", "wrong"], ""),
        (
            ["--method", "dropout", "cohort"],
            ["--infer.uncertainty", "dropout", "cohort"],
            "cardioscar: --method dropout is called --infer.uncertainty dropout now\n",
        ),
        (
            ["--method=posterior"],
            ["--infer.uncertainty=posterior"],
            "cardioscar: --method posterior is called --infer.uncertainty posterior now\n",
        ),
        (
            ["--infer.method", "dropout"],
            ["--infer.uncertainty", "dropout"],
            "cardioscar: --infer.method dropout is called --infer.uncertainty dropout now\n",
        ),
        (
            ["--preprocess.nodes_per_group=5"],
            ["--preprocess.merge-to-nodes=5"],
            "cardioscar: --preprocess.nodes_per_group 5 is called --preprocess.merge-to-nodes 5 now\n",
        ),
        (
            ["--train.nodes-per-group", "5"],
            ["--train.most-nodes-per-group", "5"],
            "cardioscar: --train.nodes-per-group 5 is called --train.most-nodes-per-group 5 now\n",
        ),
    ],
)
def test_earlier_flags_are_taken_and_said(
    words: list[str], expected: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expand(words, RECONSTRUCT) == expected
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("flag", ["--nodes-per-group", "--nodes_per_group=6"])
def test_a_flag_that_meant_two_things_is_refused(flag: str) -> None:
    rule = r"--nodes-per-group: expected --preprocess\.merge-to-nodes or --train\.most-nodes-per-group, found a name"
    with pytest.raises(ConfigError, match=rule):
        expand([flag, "6"], RECONSTRUCT)


def test_a_name_that_stages_share_means_one_thing() -> None:
    """A short flag sets it in all of them."""
    owners: dict[str, list[tuple[object, object, str]]] = {}
    for config in CONFIGS.values():
        docs, kinds = documented(config), typing.get_type_hints(config)
        for one in dataclasses.fields(config):
            owners.setdefault(one.name, []).append((kinds[one.name], one.default, docs[one.name]))
    shared = {name: meanings for name, meanings in owners.items() if len(meanings) > 1}
    assert {"seed", "device"} <= shared.keys()
    assert {name: set(meanings) for name, meanings in shared.items() if len(set(meanings)) > 1} == {}


def test_an_earlier_name_is_that_of_no_setting_of_the_stage() -> None:
    for config in CONFIGS.values():
        names = {one.name for one in dataclasses.fields(config)}
        for earlier, now in getattr(config, "RENAMED", {}).items():
            assert earlier not in names
            assert now in names


def documented(config: type) -> dict[str, str]:
    """The text under each field of a dataclass."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(config))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for line, text in itertools.pairwise(body.body):
        if isinstance(line, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(line.target)] = " ".join(str(text.value.value).split())
    return found


def test_a_configuration_file_sets_stages(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("preprocess:\n  holdout: odd\ntrain: {steps: 7}\ninfer:\n")
    options = read_config(path, RECONSTRUCT)
    assert (options.preprocess.holdout, options.train.steps) == ("odd", 7)
    assert options.infer == options_of(RECONSTRUCT)().infer
    assert set(options.by_stage()) == set(CONFIGS)
    assert options.by_stage()["train"]["steps"] == 7


def test_settings_within_settings_are_flags_and_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("infer:\n  draws: 9\n  posterior: {region_mm: 31, iterations: 4}\n")
    words = ["cohort", "-o", "out", "--config", str(path), "--posterior.iterations", "5"]
    run = tyro.cli(run_form_of(RECONSTRUCT), args=expand(words, RECONSTRUCT), default=_defaults(words, RECONSTRUCT))
    assert run.stages.infer.draws == 9
    assert run.stages.infer.posterior == PosteriorConfig(region_mm=31.0, iterations=5)
    assert run.stages.by_stage()["infer"]["posterior"]["iterations"] == 5
    stage = tyro.cli(
        form_of(RECONSTRUCT["infer"], RECONSTRUCT),
        args=["groups", "sorted", "fields", "-o", "out", "--posterior.region-mm", "30"],
    )
    assert stage.options.posterior.region_mm == 30.0


def test_an_empty_configuration_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("# later\n")
    assert read_config(tmp_path / "settings.yaml", RECONSTRUCT) == options_of(RECONSTRUCT)()


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (
            "infer: {posterior: {steps: 5}}",
            ConfigError,
            "s.yaml: infer: posterior: expected one of the keys .*, found unknown key 'steps'.*",
        ),
        ("fit: {}", ConfigError, "s.yaml: expected one of the stages preprocess, .*, found 'fit'"),
        ("3: {}\nfit: {}", ConfigError, "s.yaml: expected one of the stages preprocess, .*, found '3'"),
        ("train: 5", ConfigError, "s.yaml: train: expected settings and their values, found 5"),
        ("train: {step: 5}", ConfigError, r"s.yaml: train: expected one of .*'step' \(did you mean 'steps'\?\)"),
        (
            "infer: {method: dropout}",
            ConfigError,
            "s.yaml: infer: expected the key 'uncertainty', found its earlier name .*",
        ),
        (
            "preprocess: {nodes_per_group: 4}",
            ConfigError,
            "s.yaml: preprocess: expected the key 'merge_to_nodes', found .*",
        ),
        (
            "train: {nodes_per_group: 4}",
            ConfigError,
            "s.yaml: train: expected the key 'most_nodes_per_group', found .*",
        ),
        ("train: {steps: many}", ConfigError, "s.yaml: train: steps: expected a value of type int, found 'many'"),
        (
            "preprocess: {slice_thickness_mm: -1}",
            ConfigError,
            "slice_thickness_mm: expected a positive number, found -1",
        ),
        ("- train", InputError, "s.yaml: expected stages and their settings, found list"),
        ("train: [", InputError, "s.yaml: expected YAML, found ParserError"),
    ],
)
def test_a_bad_configuration_file(content: str, kind: type[InputError], message: str, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(content)
    with pytest.raises(kind, match=f"^{message}$"):
        read_config(tmp_path / "s.yaml", RECONSTRUCT)
