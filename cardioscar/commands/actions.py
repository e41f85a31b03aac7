"""Commands of several actions: `cardioscar registry find`, and `cardioscar <family> <workflow>` alike."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from cardioscar.errors import ConfigError


def chosen(command: str, words: Sequence[str], actions: Mapping[str, str]) -> str:
    """Read the action that is asked for.

    Args:
        command: The command.
        words: Words after it.
        actions: What each action does, by its name.

    Returns:
        The action; empty where the list of them was asked for, and is printed.

    Raises:
        ConfigError: If there is no such action.

    >>> chosen("registry", ["find", "--limit", "3"], {"find": "List models.", "show": "Describe one."})
    'find'
    """
    if not words or words[0] in ("-h", "--help"):
        width = max(map(len, actions))
        lines = "\n".join(f"  {name:<{width}}  {does}" for name, does in actions.items())
        sys.stdout.write(f"usage: cardioscar {command} {'|'.join(actions)} [OPTIONS]\n\n{lines}\n")
        return ""
    if words[0] not in actions:
        *others, last = actions
        raise ConfigError(command, f"{', '.join(others)} or {last}" if others else last, f"'{words[0]}'")
    return words[0]


def first_line(form: type) -> str:
    """First line of what a form of flags is said to do."""
    return (form.__doc__ or "").splitlines()[0]
