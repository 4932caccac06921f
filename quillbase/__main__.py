"""The `quillbase` command.

`quillbase run` becomes the supervisor at once, which reads the words itself: nothing is imported on
the way to the first answer. Everything else, also its help, is typer's business.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the console script."""
    words = sys.argv[1:]
    if words[:1] == ["run"] and "--help" not in words:
        from quillbase.cli.supervise import become_supervisor  # noqa: PLC0415

        become_supervisor(words[1:])
    from quillbase.cli.app import app  # noqa: PLC0415 - 90 ms that `run` does not need

    app(prog_name="quillbase")


if __name__ == "__main__":
    main()
