"""Formulas as MathML, which browsers draw by themselves: no script, no font, no request."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

_BARE_FRACTION = re.compile(r"\\[td]?frac\s*([0-9A-Za-z])\s*([0-9A-Za-z])")


def mathml(formula: str, *, block: bool = False) -> str:
    r"""MathML of a formula in LaTeX.

    >>> "<mfrac>" in mathml(r"\tfrac12 x") and mathml(r"\tfrac12 x") == mathml(r"\frac{1}{2} x")
    True
    """
    # docutils takes the two digits of \frac12 for one number
    return tex2mathml(_BARE_FRACTION.sub(r"\\frac{\1}{\2}", formula), as_block=block)


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{mathml(node.astext(), block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the renderer `mathml`."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
