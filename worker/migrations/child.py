"""`python -P -m worker.migrations.child REQUEST ANSWER`: run one Python migration and tell the outcome.

A process of its own, so that a program that never ends, or ends everything, harms nobody. What it
prints goes to the error stream.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import msgspec

from shared.errors import QuillError
from shared.parent_death import die_with_parent
from worker.migrations.depot import MigratedDepot
from worker.migrations.exchange import Answer, Request


class _OutOfTime(BaseException):
    """The program has used up its seconds. No `Exception`, which it might catch."""


def main(words: list[str]) -> int:
    """Run it. The exit code is 0 where there is an answer, of whatever kind."""
    die_with_parent()
    request = msgspec.msgpack.decode(Path(words[1]).read_bytes(), type=Request)
    answer = run_program(request)
    Path(words[2]).write_bytes(msgspec.msgpack.encode(answer))
    return 0


def run_program(request: Request) -> Answer:
    """Execute the program and call its function. Whatever it raises is told."""
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, request.seconds)
    try:
        return _run(request)
    except SyntaxError as error:
        return Answer(f"{type(error).__name__}: {error.msg}", error.lineno or 0)
    except BaseException as error:  # noqa: BLE001 - also sys.exit
        return Answer(_told(error, request), _line(error, request.label))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _run(request: Request) -> Answer:
    namespace: dict[str, object] = {"__name__": "migration", "__file__": request.label}
    exec(compile(request.source, request.label, "exec"), namespace)  # noqa: S102 - what it is for
    function = namespace.get(request.function)
    if not callable(function):
        return Answer(f"It has no function {request.function}(depot).")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        return Answer(
            f"{request.function}(depot) must be neither async nor a generator.",
            inspect.unwrap(function).__code__.co_firstlineno,
        )
    depot = MigratedDepot(Path(request.database), request.label)
    function(depot)
    return depot.answer()


def _give_up(_signal: int, _frame: object) -> NoReturn:
    raise _OutOfTime


def _told(error: BaseException, request: Request) -> str:
    if isinstance(error, _OutOfTime):
        return f"It took longer than {request.seconds:g} seconds."
    if isinstance(error, SystemExit):
        return "It called for the end of the process (SystemExit)."
    if isinstance(error, QuillError):
        reasons = (f"{place}: {problem.message}" for place, problem in error.fields.items())
        return " ".join([error.message, *reasons])
    return f"{type(error).__name__}: {error}"


def _line(error: BaseException, label: str) -> int:
    """The innermost line of the program itself."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == label
    ]
    return (lines[-1] or 0) if lines else 0


if __name__ == "__main__":
    code = main(sys.argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads that the program left behind are not waited for
