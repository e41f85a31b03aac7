"""`cardioscar activation train`: the networks of late activation."""

from __future__ import annotations

from cardioscar.commands import train_network


def main(prog: str, words: list[str]) -> int:
    """Parse the words after `cardioscar activation train` and train."""
    return train_network.main("activation", f"cardioscar {prog}", words)
