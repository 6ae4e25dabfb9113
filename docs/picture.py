"""Draws what a command prints, from standard input, as an SVG: `make picture`."""

import sys
import textwrap
from xml.sax.saxutils import escape

WIDTH = 100
"""Columns; longer lines are folded."""
LINE = 19


def main() -> None:
    """Draws the lines up to the paths of this machine."""
    printed = sys.stdin.read().partition("\nTo try next")[0]
    lines = ["$ countermand demo", ""]
    for line in printed.rstrip().splitlines():
        lines += textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""]
    width, height = 32 + int(WIDTH * 7.83), 32 + LINE * len(lines)
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        "<title>A run of countermand demo</title>\n"
        '<rect width="100%" height="100%" rx="8" fill="#171b21"/>\n'
        "<g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" "
        'font-size="13" fill="#d5dbe3" xml:space="preserve">'
    )
    for number, line in enumerate(lines, 1):
        colour = ' fill="#7ee0a1"' if line.startswith("$") else ""
        print(f'<text x="16" y="{12 + LINE * number}"{colour}>{escape(line)}</text>')
    print("</g>\n</svg>")


if __name__ == "__main__":
    main()
