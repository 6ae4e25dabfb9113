"""The site: `make docs`. Its sources are the pages as they are, README.md the first."""

import shutil
import sys
import tomllib
from pathlib import Path

from docutils import nodes
from pygments.lexers.rust import RustLexer
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
import stub  # noqa: E402 (this folder is not a package)

stub.use_sources()

project = "Countermand"
author = "The Countermand authors"
copyright = author  # noqa: A001 (Sphinx has this name)
version = release = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"][
    "package"
]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/python-api.rst", "bench/results/full/table.md"]
exclude_patterns = ["target", ".*", "dist", "crates", "fuzz", "tests", "python"]
PAGES = {
    "Use": [
        "start",
        "rescue",
        "runbook",
        "command",
        "android",
        "services",
        "credentials",
        "lanes",
        "engines",
        "input",
    ],
    "Libraries": ["python", "recipes", "python-api", "rust", "embedding", "emulator"],
    "Formats": ["job-file", "report", "json-lines", "errors"],
    "Evidence": [
        "reliability",
        "performance",
        "/bench/results/full/table",
        "/SECURITY",
        "platforms",
        "mutants",
    ],
    "Project": ["/ARCHITECTURE", "/CONTRIBUTING", "/CHANGELOG"],
}

# A dash in place of `--` would make an option one that cannot be pasted.
smartquotes = False
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# An extra, whose base classes are not the reader's matter.
autodoc_mock_imports = ["apache_beam"]
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "inherited-members": "str, tuple, Enum, Exception, BaseException",
}
autoclass_content = "both"
maximum_signature_line_length = 80

LONGEST_WORD = 24

html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
# A summary is a request for the page, which a browser refuses for files.
html_show_search_summary = False
pygments_dark_style = "github-dark"
html_title = "Countermand"
html_copy_source = False
html_show_sphinx = False


def add_contents(_app: Sphinx, name: str, source: list[str]) -> None:
    """Adds the tree of pages to the first page, which is also read where nothing builds it."""
    if name == root_doc:
        for caption, pages in PAGES.items():
            paths = (page if page.startswith("/") else f"docs/{page}" for page in pages)
            lines = "\n".join(paths)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"


def drop_fillers(
    _app: Sphinx, _kind: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Drops what Python itself says of a named tuple."""
    lines[:] = [line for line in lines if not line.startswith("Create new instance of ")]


def mark_words(_app: Sphinx, tree: nodes.document, _name: str) -> None:
    """Marks code without blanks, so that site.css can keep the hyphens of an option in one line."""
    for literal in tree.findall(nodes.literal):
        text = literal.astext()
        if " " not in text and len(text) <= LONGEST_WORD:
            literal["classes"].append("word")


def copy_index(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        shutil.copyfile(app.outdir / "README.html", app.outdir / "index.html")


def setup(app: Sphinx) -> None:
    app.add_lexer("rust,no_run", RustLexer)
    app.connect("source-read", add_contents)
    app.connect("autodoc-process-docstring", drop_fillers)
    app.connect("doctree-resolved", mark_words)
    app.connect("build-finished", copy_index)
