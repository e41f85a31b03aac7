"""Stage settings as flags: `--preprocess.holdout odd`, or `--holdout odd` for short, or a YAML file of stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cardioscar.commands.renamed_flags import renamed
from cardioscar.config import as_mapping, from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.stages.families import DEFAULT

STAGE_CONFIGS: dict[str, type] = {stage.name: stage.config for stage in DEFAULT}
"""Settings of each stage by its name."""


class _ByStage:
    """Settings of the stages; its fields are theirs, by name."""

    def by_stage(self) -> dict[str, dict[str, Any]]:
        """Settings of each stage as plain mappings."""
        return {name: as_mapping(getattr(self, name)) for name in STAGE_CONFIGS}


if TYPE_CHECKING:

    class StageOptions(_ByStage):
        """Settings of the stages; its fields are theirs, by name."""

        def __init__(self, **settings: object) -> None: ...
else:
    StageOptions = dataclasses.make_dataclass(
        "StageOptions",
        [
            (stage.name, Annotated[stage.config, tyro.conf.arg(help=stage.does)], field(default_factory=stage.config))
            for stage in DEFAULT
        ],
        bases=(_ByStage,),
        frozen=True,
    )


def expand(words: Sequence[str]) -> list[str]:
    """Write out short stage flags.

    >>> expand(["cohort", "--holdout", "odd", "--seed=3"])
    ['cohort', '--preprocess.holdout', 'odd', '--train.seed=3', '--infer.seed=3']
    >>> expand(["--no-figures", "--seed", "3", "cohort"])
    ['--evaluate.no-figures', '--train.seed=3', '--infer.seed=3', 'cohort']
    >>> expand(["--posterior.region-mm", "20"])
    ['--infer.posterior.region-mm', '20']
    """
    words = renamed(words, STAGE_CONFIGS)
    owners: dict[str, list[str]] = {}
    for stage, config in STAGE_CONFIGS.items():
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


def read_config(path: Path) -> StageOptions:
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
    content = content or {}
    for stage, values in content.items():
        if stage not in STAGE_CONFIGS:
            raise ConfigError(path.name, f"one of the stages {', '.join(STAGE_CONFIGS)}", f"'{stage}'")
        if not isinstance(values, dict | None):
            raise ConfigError(f"{path.name}: {stage}", "settings and their values", repr(values))
    return StageOptions(
        **{
            stage: from_mapping(STAGE_CONFIGS[stage], values or {}, where=f"{path.name}: {stage}")
            for stage, values in content.items()
        }
    )
