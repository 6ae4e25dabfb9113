"""Cancels the operations that a file names, one a line. Exits with 1 unless each is cancelled."""

import sys
from pathlib import Path

from countermand import Client, CountermandError


def main(path: str) -> int:
    names = Path(path).read_text(encoding="utf-8").split()
    left = 0
    with Client(user_agent="rescue-script/1.0") as client:
        for name, result in client.countermand_all(names, progress=True):
            if isinstance(result, CountermandError):
                print(name, result, "-", result.advice)
                left += 1
            else:
                print(name, result.verdict)
                left += not result.cancelled
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
