"""How a command tells that it failed: one sentence on the error stream, and exit code 1."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import typer

from cluster.refusal import Refusal
from shared.errors import QuillError, sentence_of


@contextlib.contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Around a command's work: ends the command where it is refused, without a traceback."""
    try:
        yield
    except Refusal as refusal:
        fail(str(refusal))
    except OSError as error:
        fail(sentence_of(error))
    except QuillError as error:
        reasons = [f"{name}: {problem.message}" for name, problem in error.fields.items()]
        fail(" ".join([error.message, *reasons]))


def fail(sentence: str) -> None:
    """End the command. Raises typer.Exit."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
