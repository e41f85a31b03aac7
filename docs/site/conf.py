"""How Sphinx builds the site: every page of the repository as it stands, from the README on. `make docs` calls it."""

import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from cardioscar import __version__  # noqa: E402
from docs.site.links import external, with_sources, without_folders  # noqa: E402
from docs.site.navigation import START, with_navigation  # noqa: E402

project = "cardioscar"
copyright = "The cardioscar developers"
version = release = __version__

extensions = ["myst_parser", "docs.site.mathml"]
root_doc = START
include_patterns = [
    "*.md",
    "docs/*.md",
    "docs/**/*.md",
    "components/**/*.md",
    "pipelines/**/*.md",
    "charts/**/README.md",
]
exclude_patterns = [".*", "build", "demo", "dist", "tests", "**/node_modules"]
suppress_warnings = ["myst.header"]  # generated pages may begin below the first level
nitpicky = True
smartquotes = False  # they make one dash of the two before a flag

myst_heading_anchors = 6
myst_enable_extensions = ["dollarmath"]
myst_dmath_allow_space = False  # "0.04 $ a core hour" is no formula
html_math_renderer = "mathml"

html_theme = "furo"
html_title = f"cardioscar {release}"
html_static_path = ["static"]
html_css_files = ["cardioscar.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "default"


def _for_the_site(app: Sphinx, name: str, content: list[str]) -> None:
    content[0] = with_sources(with_navigation(name, without_folders(name, content[0])))


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Make `index.html`, which browsers look for, of the README beside it; list the links that lead elsewhere."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    shutil.copyfile(out / f"{START}.html", out / "index.html")
    pages = sorted(app.env.found_docs)
    found = {name: external((ROOT / f"{name}.md").read_text(encoding="utf-8")) for name in pages}
    lines = sorted({f"{address}\t{name}.md" for name, addresses in found.items() for address in addresses})
    (out / "external-links.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Hang in what the pages need beyond Sphinx's own."""
    app.connect("source-read", _for_the_site)
    app.connect("build-finished", _finish)
