"""The text that stands under each field of a dataclass, for pages that are written from the code."""

import ast
import inspect
import itertools
import textwrap


def texts(kind: type) -> dict[str, str]:
    """Text under each field, those of its base classes first, each on one line."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__[:-1]):
        [body] = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(body, ast.ClassDef)
        for line, text in itertools.pairwise(body.body):
            if isinstance(line, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[ast.unparse(line.target)] = " ".join(str(text.value.value).split())
    return found
