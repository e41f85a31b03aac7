"""`cardioscar completion`: the words that a shell offers at the tab key."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from cardioscar.commands.parsing import parsed

_BASH = r"""_cardioscar() {
  local word="${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    local names
    names=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
    COMPREPLY=($(compgen -W "$names" -- "$word"))
  elif [[ "$word" == -* ]]; then
    local command=("${COMP_WORDS[0]}" "${COMP_WORDS[1]}") flags
    # a command of several actions: the flags are the action's
    [[ "$COMP_CWORD" -gt 2 && "${COMP_WORDS[2]}" =~ ^[a-z][a-z-]*$ ]] && command+=("${COMP_WORDS[2]}")
    flags=$(COLUMNS=200 "${command[@]}" --help 2>/dev/null)
    COMPREPLY=($(compgen -W "$(grep -oE -- '--[a-z][a-z.0-9-]+' <<<"$flags" | sort -u)" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _cardioscar cardioscar
"""
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


@dataclass(frozen=True)
class Completion:
    """Print what makes a shell complete commands, flags and files: eval "$(cardioscar completion bash)"."""

    shell: Annotated[tyro.conf.Positional[Literal["bash", "zsh"]], tyro.conf.arg(metavar="SHELL")]
    """bash or zsh."""


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar completion`, and print the script."""
    form = parsed(Completion, f"cardioscar {command}", words)
    sys.stdout.write(_ZSH + _BASH if form.shell == "zsh" else _BASH)
    return 0
