"""Which container image a component runs in."""

import os
from importlib.metadata import version


def image(target: str) -> str:
    """Name the image of a build target.

    The environment variable `CARDIOSCAR_IMAGE`, read when a pipeline is compiled, replaces the default; in it
    `{target}` stands for the target, and without that one image serves all targets.

    Args:
        target: Build target of the Dockerfile, `cpu` or `cuda`.

    Returns:
        Image reference with a tag or a digest.

    >>> image("cpu").startswith("cardioscar:") or "CARDIOSCAR_IMAGE" in os.environ
    True
    """
    reference = os.environ.get("CARDIOSCAR_IMAGE", f"cardioscar:{version('cardioscar')}-{{target}}")
    return reference.replace("{target}", target)
