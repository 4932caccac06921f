"""The real supervisor as a program, with stand-ins for its children."""

from __future__ import annotations

import sys
from pathlib import Path

from cluster.__main__ import main


def command(name: str, run_directory: Path) -> list[str]:
    """Start a stand-in where the product starts `writer` or `worker`."""
    return [sys.executable, "-m", "tests.cluster.standin", name, str(run_directory)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], command))
