"""Settings that are one line: what goes into a mail's head, an address or a log must not end there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from shared.config.config import Config
from shared.config.problem import wrong
from shared.errors import Problems

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONG: Final = frozenset({"body", "schema"})
_RULE: Final = "_rule"
_PROBLEM: Final = wrong("validation_match_invalid", "Must be one line, without control characters.")


def check_lines(config: Config, problems: Problems) -> None:
    """Tell the texts that hold a line break or another control character.

    Bodies of mails, schemas and rules may have lines.
    """
    for path, text in _texts(config, ""):
        if _CONTROL.search(text):
            problems.setdefault(path, _PROBLEM)


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every text that has to be one line, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            if name not in _LONG and not name.endswith(_RULE):
                yield from _texts(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for at, one in enumerate(value):
            yield from _texts(one, f"{path}.{at}")
