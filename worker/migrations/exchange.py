"""What goes to the child process that runs a Python migration, and what comes back: two files."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.sql.plan import Step


class Request(msgspec.Struct, frozen=True):
    """Run `function` of a program. `label`: its path, as errors name it. `seconds`: no longer."""

    source: str
    label: str
    function: str
    database: str
    seconds: float


class Queued(msgspec.Struct, array_like=True, frozen=True):
    """One step that the program asks for, and the line that asked."""

    step: Step
    line: int


class Answer(msgspec.Struct, frozen=True):
    """What the program asks for, or why it did not come to its end.

    `rows`: of `_collections`, all of them as they are to be. `put`: the definitions that changed,
    as they are shown. `deleted`: ids.
    """

    error: str = ""
    line: int = 0
    catalog_version: int = 0
    steps: tuple[Queued, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    put: tuple[dict[str, Any], ...] = ()
    deleted: tuple[str, ...] = ()
