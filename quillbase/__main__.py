"""The `quillbase` command.

`quillbase run` with words that can be read at once takes a short way that imports no command-line
library: it stands between the user and the first answer. Everything else, also help and mistakes,
is typer's business.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the console script."""
    if sys.argv[1:2] == ["run"]:
        _run_at_once(sys.argv[2:])
    from quillbase.cli.app import app  # noqa: PLC0415 - 50 ms that `run` does not need

    app(prog_name="quillbase")


def _run_at_once(words: list[str]) -> None:
    """Become the supervisor; return if typer should explain what is wrong."""
    from cluster.arguments import ArgumentError, from_words  # noqa: PLC0415
    from quillbase.cli.supervise import become_supervisor  # noqa: PLC0415

    try:
        settings = from_words(words, os.environ)
    except ArgumentError:
        return
    become_supervisor(settings)


if __name__ == "__main__":
    main()
