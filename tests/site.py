"""Checks the built site: links and their anchors, that it loads nothing from the network, the
hyphens of options, the names of the Python package. `make docs` runs it:
``python tests/site.py target/site``."""

import importlib
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

MODULES = (
    "countermand",
    *(f"countermand.{name}" for name in ("sansio", "errors", "job_errors", "testing")),
)
REMOTE = re.compile(r"(?:https?:)?//")
DASHED = re.compile(r"[\u2013\u2014][a-z-]+")  # an option whose hyphens became a dash
LOADED = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


class Page(HTMLParser):
    """Anchors of a page, its links, and the files that a browser loads with it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        text = path.read_text(encoding="utf-8")
        self.loaded += LOADED.findall(text)
        self.dashed = DASHED.findall(text)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a":
            self.links += [given["href"]] if "href" in given else []
        else:
            self.loaded += [
                given[name] for name in ("src", "href", "data", "poster") if name in given
            ]
            self.loaded += [
                one.split()[0] for one in given.get("srcset", "").split(",") if one.strip()
            ]


sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
import stub  # noqa: E402 (that folder is not a package)


def problems(site: Path) -> list[str]:
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site} has no page"]
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        found += [f"{name}: loads {url}" for url in page.loaded if REMOTE.match(url)]
        found += [f"{name}: {text} cannot be pasted" for text in page.dashed]
        for url in page.links + [url for url in page.loaded if not REMOTE.match(url)]:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{name}: no file for {url}")
            elif (
                parts.fragment
                and target in pages
                and unquote(parts.fragment) not in pages[target].anchors
            ):
                found.append(f"{name}: no anchor for {url}")
    for path in sorted(site.rglob("*.css")):
        found += [f"{path.name}: loads {url}" for url in LOADED.findall(path.read_text("utf-8"))]
    reference = pages.get((site / "docs/python-api.html").resolve())
    known = reference.anchors if reference else set()
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            # An error that two modules have is documented once.
            if not {f"{module}.{name}", f"countermand.{name}"} & known:
                found.append(f"docs/python-api.html: {module}.{name} is missing")
    if not (site / "searchindex.js").is_file():
        found.append("the site cannot be searched")
    return found


def main() -> None:
    stub.use_sources()
    found = problems(Path(sys.argv[1]))
    sys.exit("\n".join(found) or None)


if __name__ == "__main__":
    main()
