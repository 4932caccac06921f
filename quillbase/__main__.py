"""The `quillbase` command.

`quillbase run` becomes the supervisor at once, which reads the words itself: nothing is imported on
the way to the first answer. Everything else, also its help, is typer's business.
"""

from __future__ import annotations

import contextlib
import os
import sys


def main() -> None:
    """Entry point of the console script."""
    words = sys.argv[1:]
    _refuse_bytes(words)
    if words[:1] == ["run"] and "--help" not in words:
        from quillbase.cli.supervise import become_supervisor  # noqa: PLC0415

        become_supervisor(words[1:])
    from quillbase.cli.app import app  # noqa: PLC0415 - 90 ms that `run` does not need

    app(prog_name="quillbase")


def _refuse_bytes(words: list[str]) -> None:
    """Settings, SQLite and the messages inside know texts only, and a path is one of them."""
    given = [*words, os.environ.get("QUILL_DEPOT", "")]
    with contextlib.suppress(OSError):  # of a folder that is gone
        given.append(os.getcwd())  # noqa: PTH109 - pathlib is not loaded on the way to `run`
    for word in given:
        try:
            word.encode()
        except UnicodeEncodeError:
            sys.stderr.write(f"{os.fsencode(word)!r} is not UTF-8: use other words and paths.\n")
            raise SystemExit(2) from None


if __name__ == "__main__":
    main()
