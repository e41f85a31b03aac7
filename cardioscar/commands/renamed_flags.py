"""Flags that have another name now: taken all the same where one thing can be meant, with a line that says the new one.

The names are those of the dataclasses (`RENAMED`), so that flags, files and components agree.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields

from cardioscar.errors import ConfigError


def renamed(words: Sequence[str], configs: Mapping[str, type]) -> list[str]:
    """Write earlier flags as they are called now.

    Args:
        words: Words of the command line.
        configs: Settings of each stage by its name, where flags may have the stage's name in front; by an empty name
            where they have none.

    Returns:
        The words, with new names.

    Raises:
        ConfigError: If an earlier name stands for two settings now.
    """
    result = list(words)
    for index, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if not flag.startswith("--"):
            continue
        value = value if equals else next(iter(words[index + 1 : index + 2]), "")
        stage, _, name = flag.removeprefix("--").replace("-", "_").rpartition(".")
        now = _now(name, value, {s: c for s, c in configs.items() if not stage or s == stage})
        if now:
            result[index] = now + equals + (value if equals else "")
            sys.stderr.write(f"cardioscar: {flag} {value} is called {now} {value} now\n")
    return result


def _now(name: str, value: str, configs: Mapping[str, type]) -> str:
    """New flag of an earlier name; empty where the name is none, or still means what the value says."""
    earlier = {stage: getattr(config, "RENAMED", {}) for stage, config in configs.items()}
    found = {stage: names[name] for stage, names in earlier.items() if name in names}
    flags = [_flag(stage, new) for stage, new in found.items()]
    still = [config for config in configs.values() if name in {one.name for one in fields(config)}]
    if not flags or any(_takes(config, name, value) for config in still):
        return ""
    if len(flags) > 1:
        raise ConfigError(f"--{name.replace('_', '-')}", " or ".join(flags), "a name that both of them had")
    [(stage, new)] = found.items()
    return flags[0] if not still or _takes(configs[stage], new, value) else ""


def _flag(stage: str, name: str) -> str:
    return f"--{stage.replace('_', '-')}.{name.replace('_', '-')}" if stage else f"--{name.replace('_', '-')}"


def _takes(config: type, name: str, value: str) -> bool:
    """Whether a setting may have a value; one that is no choice among words takes any."""
    choices = typing.get_args(typing.get_type_hints(config)[name])
    return value in choices if choices and all(isinstance(choice, str) for choice in choices) else True
