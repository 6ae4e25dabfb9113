"""Counts what the language of the project avoids. `make prose` prints it; it is no test.

Doc comments and docstrings are to open with a noun or a verb, not with a clause; persons are named
by what they do; a percentage is written with a number.
"""

import re
import subprocess
from collections import Counter
from pathlib import Path

CLAUSE = re.compile(r"(What|Whether|How|Who|Whose|When|Until|So|Where|Why|Since when|For how)\b")
PERSON = re.compile(r"\b(whoever|nobody|somebody|everybody|anybody)\b", re.IGNORECASE)
PERCENT = re.compile(r"\bin a hundred\b|\bper cent\b")
RUST = re.compile(r"\s*//[/!](?!/) ?(.*)")
SKIPPED = ("tests/prose.py", "docs/reliability.md", "bench/results/", "LICENSE")


def openings(path: Path, lines: list[str]) -> list[tuple[int, str]]:
    """First lines of the doc comments of a file, with their numbers."""
    found = []
    if path.suffix == ".rs":
        before = None
        for number, line in enumerate(lines, 1):
            match = RUST.match(line)
            if match and before is None and match[1]:
                found.append((number, match[1]))
            before = match
    elif path.suffix in (".py", ".pyi"):
        inside = False
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not inside and text.startswith('"""') and len(text) > 3:
                found.append((number, text.lstrip('"')))
            if text.count('"""') == 1:
                inside = not inside
    return found


def main() -> None:
    """Prints counts, and the places of each."""
    listed = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True)
    counts: Counter[str] = Counter()
    total: Counter[str] = Counter()
    places = []
    for name in listed.stdout.splitlines():
        path = Path(name)
        if path.suffix not in (".rs", ".py", ".pyi", ".md", ".html") or name.startswith(SKIPPED):
            continue
        if not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        part = "/".join(path.parts[:2])
        for number, text in openings(path, lines):
            total[part] += 1
            if CLAUSE.match(text):
                counts[part] += 1
                places.append(f"{name}:{number}: opens with a clause: {text}")
        for number, line in enumerate(lines, 1):
            for what in (PERSON, PERCENT):
                places.extend(f"{name}:{number}: {match[0]}" for match in what.finditer(line))
    for place in places:
        print(place)
    print()
    for part, every in sorted(total.items()):
        print(f"{part:24} {counts[part]:4} of {every:4} doc comments open with a clause")
    clauses, every = sum(counts.values()), sum(total.values())
    others = len(places) - clauses
    print(
        f"{'all':24} {clauses:4} of {every:4}, {100 * clauses / every:.1f} %; {others} other places"
    )


if __name__ == "__main__":
    main()
