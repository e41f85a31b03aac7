"""Stage settings as flags: `--preprocess.holdout odd`, or `--holdout odd` for short, or a YAML file of stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import tyro

from cardioscar.commands.renamed_flags import renamed
from cardioscar.config import as_mapping, from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.workflow import Workflow


class StageOptions:
    """Settings of the stages of a workflow; its fields are theirs, by name. `options_of` makes the class."""

    def __init__(self, **settings: object) -> None:
        raise NotImplementedError("`options_of` makes the class")  # pragma: no cover - dataclasses replace it

    def by_stage(self) -> dict[str, dict[str, Any]]:
        """Settings of each stage as plain mappings."""
        return {one.name: as_mapping(getattr(self, one.name)) for one in dataclasses.fields(self)}  # type: ignore[arg-type]


def configs_of(workflow: Workflow) -> dict[str, type]:
    """Dataclass of the settings of each stage by its name."""
    return {stage.name: stage.config for stage in workflow}


@cache
def options_of(workflow: Workflow) -> type[StageOptions]:
    """The flags of the stages of a workflow, as a dataclass."""
    return dataclasses.make_dataclass(
        "StageOptions",
        [
            (stage.name, Annotated[stage.config, tyro.conf.arg(help=stage.does)], field(default_factory=stage.config))
            for stage in workflow
        ],
        bases=(StageOptions,),
        frozen=True,
    )


def shorts_of(workflow: Workflow, form: type) -> dict[tuple[type, str], str]:
    """The short flag of each setting that one stage alone has, for the help of a command.

    Args:
        workflow: The stages.
        form: Flags of the command itself, which win over settings of their name.

    >>> from cardioscar.stages.scar3d.workflow import RECONSTRUCT
    >>> shorts = shorts_of(RECONSTRUCT, RECONSTRUCT["train"].config)
    >>> shorts[RECONSTRUCT["preprocess"].config, "holdout"], "seed" in {name for _, name in shorts}
    ('--holdout', False)
    """
    configs = configs_of(workflow)
    names = [one.name for config in configs.values() for one in dataclasses.fields(config)]
    own = {one.name for one in dataclasses.fields(form)} | {"output"}
    return {
        (config, one.name): f"--{one.name.replace('_', '-')}"
        for config in configs.values()
        for one in dataclasses.fields(config)
        if names.count(one.name) == 1 and one.name not in own and not dataclasses.is_dataclass(one.type)
    }


def expand(words: Sequence[str], workflow: Workflow) -> list[str]:
    """Write out short stage flags.

    >>> from cardioscar.stages.scar3d.workflow import RECONSTRUCT
    >>> expand(["cohort", "--holdout", "odd", "--seed=3"], RECONSTRUCT)
    ['cohort', '--preprocess.holdout', 'odd', '--train.seed=3', '--infer.seed=3']
    >>> expand(["--no-figures", "--seed", "3", "cohort"], RECONSTRUCT)
    ['--evaluate.no-figures', '--train.seed=3', '--infer.seed=3', 'cohort']
    >>> expand(["--posterior.region-mm", "20"], RECONSTRUCT)
    ['--infer.posterior.region-mm', '20']
    """
    configs = configs_of(workflow)
    words = renamed(words, configs)
    owners: dict[str, list[str]] = {}
    for stage, config in configs.items():
        for one in dataclasses.fields(config):
            owners.setdefault(one.name, []).append(stage)
    result, index = [], 0
    while index < len(words):
        word = words[index]
        name, equals, value = word.removeprefix("--").partition("=")
        negated = name.replace("-", "_").startswith("no_")
        key = name.replace("-", "_").removeprefix("no_")
        key, dot, within = key.partition(".")
        if not word.startswith("--") or key not in owners:
            result.append(word)
            index += 1
            continue
        index += 1
        if len(owners[key]) > 1 and not equals and index < len(words):
            # what several stages share (a seed, a device) takes one value, which each of them must get
            equals, value = "=", words[index]
            index += 1
        for stage in owners[key]:
            flag = f"--{stage.replace('_', '-')}.{'no-' if negated else ''}{(key + dot + within).replace('_', '-')}"
            result.append(flag + equals + value)
    return result


def read_config(path: Path, workflow: Workflow) -> StageOptions:
    """Read a YAML file of stage settings.

    Raises:
        ConfigError: For an unknown stage or key, or a wrong value, by name.
        InputError: If the file is missing or no YAML.
    """
    import yaml

    if not path.is_file():
        raise InputError(path.name, "a configuration file", "no such file")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InputError(path.name, "YAML", type(error).__name__) from error
    if not isinstance(content, dict | None):
        raise InputError(path.name, "stages and their settings", type(content).__name__)
    content, configs = content or {}, configs_of(workflow)
    for stage, values in content.items():
        if stage not in configs:
            raise ConfigError(path.name, f"one of the stages {', '.join(configs)}", f"'{stage}'")
        if not isinstance(values, dict | None):
            raise ConfigError(f"{path.name}: {stage}", "settings and their values", repr(values))
    return options_of(workflow)(
        **{
            stage: from_mapping(configs[stage], values or {}, where=f"{path.name}: {stage}")
            for stage, values in content.items()
        }
    )
