"""The site builds without a warning, its links lead somewhere, and its pages ask for nothing from outside."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from docs.site import links, navigation
from tests.chromium import PATIENCE_MS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="an image holds no documentation")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(name, reason="the extra `docs` is not installed")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "--builder", "html"]
    done = subprocess.run(
        [*command, "-c", "docs/site", ".", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out


class _Page(HTMLParser):
    """Links, names and files of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.files: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.names.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif "src" in given or (tag == "link" and given.get("rel") != "canonical"):
            self.files.append(given.get("src") or given.get("href", ""))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    return {path: _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


@pytest.mark.slow
def test_every_page_of_the_repository_is_on_the_site(site: Path, pages: dict[Path, _Page]) -> None:
    written = [path for room in ("docs", "components", "pipelines") for path in (ROOT / room).rglob("*.md")]
    written += [*ROOT.glob("*.md"), ROOT / "charts" / "cardioscar" / "README.md"]
    assert len(written) > 100
    assert [path for path in written if site / path.relative_to(ROOT).with_suffix(".html") not in pages] == []
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()


@pytest.mark.slow
def test_every_link_within_the_site_leads_somewhere(pages: dict[Path, _Page]) -> None:
    broken = []
    for path, page in pages.items():
        for target in page.links:
            place, _, name = unquote(target).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (path.parent / place).resolve() if place else path
            names = pages[there].names | {"", "top"} if there in pages else set()
            if not there.is_file() or (there in pages and name not in names):
                broken.append(f"{path.name}: {target}")
    assert broken == []


@pytest.mark.slow
def test_no_page_and_no_style_asks_for_anything_from_outside(site: Path, pages: dict[Path, _Page]) -> None:
    files = {file for page in pages.values() for file in page.files}
    assert len(files) > 3
    assert [file for file in files if re.match(r"[a-z]+:|//", file) and not file.startswith("data:")] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)'\"]*", styles) == []


@pytest.mark.slow
def test_links_to_other_sites_are_listed(site: Path) -> None:
    lines = (site / "external-links.txt").read_text(encoding="utf-8").splitlines()
    assert "https://kind.sigs.k8s.io\tdocs/how-to/run-a-cohort-on-kubeflow.md" in lines
    assert all(re.fullmatch(r"https?://\S+\t[\w/.-]+\.md", line) for line in lines)


@pytest.mark.slow
def test_pages_fit_a_screen_and_a_phone_and_make_no_request(site: Path, browser: Any) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    for width in (1400, 400):
        page.set_viewport_size({"width": width, "height": 900})
        for name in ("index", "docs/reference", "docs/reference/formulas", "docs/reference/commands/run"):
            page.goto(f"file://{site}/{name}.html")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert page.locator("h1").first.is_visible()
        assert page.locator("td code").first.is_visible()
        page.goto(f"file://{site}/docs/reference/formulas.html")
        assert page.locator(".formula math").first.is_visible()
    page.close()
    assert faults == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_the_index_gives_the_order_of_the_site() -> None:
    sections = navigation.sections()
    assert [*sections][:3] == ["Tutorials", "How to", "Reference"]
    named = [page for pages in sections.values() for page in pages]
    assert len(named) == len(set(named))
    assert [page for page in named if not (ROOT / f"{page}.md").is_file()] == []
    start = navigation.with_navigation("README", "# cardioscar\n")
    assert ":caption: Tutorials\n\n/docs/tutorials/laptop\n" in start
    assert navigation.with_navigation("SECURITY", "text") == "text"
    assert "/docs/decisions/0001-default-method\n" in navigation.with_navigation("docs/decisions/README", "")


def test_links_to_folders_are_their_words_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "docs" / "folder").mkdir(parents=True)
    text = "[`a` b](folder) [c](page.md#x) [d](https://example.org) [e](#here)"
    assert links.without_folders("docs/page", text, tmp_path) == text.replace("[`a` b](folder)", "`a` b")


@pytest.mark.parametrize("module", [links, navigation])
def test_examples_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_formulas_become_mathml() -> None:
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed")
    from docs.site import mathml

    assert doctest.testmod(mathml).failed == 0
    assert mathml.mathml("x_1", block=True).startswith("<math")
