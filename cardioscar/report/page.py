"""What the HTML pages share: the template environment, numbers as text, inlined pictures, safe links, safe writing."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import ChainableUndefined, Environment, PackageLoader, Undefined
from markupsafe import Markup, escape

from cardioscar.files.atomic import atomic_file

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a figure, in shares of it, from its top left."""
FOOTER = "Research use only. Not a medical device."

_DASH = re.compile(r"(?<=\d)–(?=[\d−])")
_UNDEFINED = Markup('<span class="undefined" title="undefined">–</span>')


def is_number(value: Any) -> bool:
    """Whether a value is a number with a meaning: not None, not NaN, not infinite, not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any, digits: int = 1, unit: str = "", scale: float = 1.0) -> Markup:
    """Write a number with its unit; what is undefined becomes a dash that says so.

    Args:
        value: The number, or None, NaN, or a key that the metrics lack.
        digits: Decimals.
        unit: Written after a thin space.
        scale: Factor, 100 for percent.

    >>> str(number(0.1234, 1, "%", 100))
    '12.3\u202f%'
    >>> str(number(-3.14))
    '−3.1'
    >>> str(number(None))
    '<span class="undefined" title="undefined">–</span>'
    """
    if not is_number(value):
        return _UNDEFINED
    text = f"{value * scale:,.{digits}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.,") else "−" + text[1:]
    return escape(text + (f"\u202f{unit}" if unit else ""))


def interval(lower: Any, upper: Any, digits: int = 1, unit: str = "", scale: float = 1.0) -> Markup:
    """Write an interval by its ends; a dash that says so where one is undefined.

    >>> str(interval(14.93, 18.0, 1, "ml"))
    '14.9–18.0\u202fml'
    """
    if not (is_number(lower) and is_number(upper)):
        return _UNDEFINED
    return number(lower, digits, "", scale) + "–" + number(upper, digits, unit, scale)


def whole(text: Any) -> Markup:
    """A text in which no interval is torn at its dash.

    >>> str(whole("90 % interval 14.2–17.9 ml"))
    '90 % interval 14.2\u2060–\u206017.9 ml'
    """
    return Markup(_DASH.sub("\u2060–\u2060", str(escape(text))))  # noqa: S704 (escaped)


def moment(text: Any) -> str:
    """A time as it is recorded, to the minute and without marks of machines; other text stays as it is.

    >>> moment("2026-11-30T20:08:32+00:00"), moment("not recorded")
    ('2026-11-30 20:08 UTC', 'not recorded')
    """
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    if at.tzinfo is None:
        return str(text)
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: Any) -> Markup:
    """Write a time span the way one says it.

    >>> str(duration(7.25)), str(duration(75)), str(duration(7384))
    ('7.2\u202fs', '1\u202fmin 15\u202fs', '2\u202fh 3\u202fmin')
    """
    if not is_number(seconds):
        return _UNDEFINED
    if seconds < 60:
        return number(seconds, 1, "s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return escape(f"{minutes}\u202fmin {rest}\u202fs")
    return escape(f"{minutes // 60}\u202fh {minutes % 60}\u202fmin")


def relative_link(link: Any) -> str | None:
    """A link to a file of the same folder tree, or None if it leads anywhere else.

    >>> relative_link("results/P001/report.html")
    'results/P001/report.html'
    >>> relative_link("javascript:alert(1)"), relative_link("//host/x"), relative_link("../../x"), relative_link(None)
    (None, None, None, None)
    """
    if not isinstance(link, str) or not link or any(ord(c) < 33 for c in link) or "\\" in link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or link.startswith("/") or ".." in parts.path.split("/"):
        return None
    return link


def inline_png(data: bytes) -> str:
    """PNG bytes as the source of an image element, inside the page itself."""
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def inline_picture(png: bytes, quality: int = 88) -> str:
    """A PNG as the source of an image element, re-encoded as WebP, a fraction of its size."""
    return inline_panels(png, [(0.0, 0.0, 1.0, 1.0)], quality)[0]["source"]


def inline_panels(png: bytes, boxes: Sequence[Box], quality: int = 88) -> list[dict[str, str]]:
    """Parts of a figure as sources of image elements, so that they can stand below each other on a narrow screen.

    Args:
        png: The figure.
        boxes: Left, top, right and bottom of each part, in shares of the figure, from its top left.
        quality: Of the WebP.

    Returns:
        For each part its `source`, and `across`, the share of the figure's width that it takes, in percent.
    """
    from io import BytesIO

    from PIL import Image

    whole = Image.open(BytesIO(png))
    parts = []
    for left, top, right, bottom in boxes:
        across = (round(left * whole.width), round(right * whole.width))
        down = (round(top * whole.height), round(bottom * whole.height))
        stream = BytesIO()
        whole.crop((across[0], down[0], across[1], down[1])).save(stream, format="WEBP", quality=quality, method=4)
        source = "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
        parts.append({"source": source, "across": f"{100 * (right - left):.3f}"})
    return parts


def script_policy(script: str) -> str:
    """The source expression that lets a content security policy run this one script and no other."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates of this room. Everything is escaped: ids and messages are text that others wrote."""
    templates = Environment(
        loader=PackageLoader("cardioscar.report"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(number=lambda v, *a: number(None if isinstance(v, Undefined) else v, *a))
    templates.filters.update(duration=lambda v: duration(None if isinstance(v, Undefined) else v))
    templates.filters.update(whole=whole, moment=moment)
    templates.globals["footer"] = FOOTER
    return templates


def template_source(name: str) -> str:
    """Text of a style sheet or script that is inlined as it stands."""
    loader = environment().loader
    if loader is None:  # pragma: no cover (set three lines above)
        raise RuntimeError("the environment has no loader")
    return loader.get_source(environment(), name)[0]


def write_page(path: Path, html: str) -> Path:
    """Write a page under a temporary name and rename it, so that no reader meets half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as partial:
        partial.write_text(html, encoding="utf-8")
    return path
