"""How many places of a JSON Schema one value may be judged by, once its references are followed.

References that share their targets make a short schema long: twenty definitions that each refer
twice to the next are a million steps. Those that lead back to where they came from are counted once;
the library remembers what it has judged there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import unquote

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMES: Final = ("$id", "id", "$anchor", "$dynamicAnchor")


def steps(schema: Any) -> int:
    """No fewer than there are. Raises RecursionError for what is nested too deep."""
    return _Counter(schema).of(schema)


class _Counter:
    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._named = {name: part for part in _parts(schema) for name in _names(part)}
        self._found: dict[int, int] = {}

    def of(self, part: Any) -> int:
        """Of one place with all below it."""
        if not isinstance(part, dict | list):
            return 1
        known = self._found.get(id(part))
        if known is not None:
            return known
        self._found[id(part)] = 0  # for those that lead back here
        count = 1 + sum(map(self.of, _below(part)))
        if isinstance(part, dict):
            count += sum(self.of(self._target(part[key])) for key in _REFERENCES if key in part)
        self._found[id(part)] = count
        return count

    def _target(self, reference: Any) -> Any:
        """What it leads to; None for what is not in this schema."""
        base, _, fragment = str(reference).partition("#")
        start = self._named.get(_last(base)) if base else self._schema
        if not fragment.startswith("/"):
            return self._named.get(fragment) if fragment else start
        for step in unquote(fragment)[1:].split("/"):
            start = _child(start, step.replace("~1", "/").replace("~0", "~"))
        return start


def _child(part: Any, step: str) -> Any:
    if isinstance(part, dict):
        return part.get(step)
    if isinstance(part, list) and step.isdecimal() and int(step) < len(part):
        return part[int(step)]
    return None


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    """Every object in it."""
    if isinstance(part, dict):
        yield part
    for each in _below(part):
        yield from _parts(each)


def _below(part: Any) -> Iterable[Any]:
    if isinstance(part, dict):
        return part.values()
    return part if isinstance(part, list) else ()


def _names(part: dict[str, Any]) -> Iterator[str]:
    """By which references find it."""
    for key in _NAMES:
        name = part.get(key)
        if isinstance(name, str):
            yield _last(name.removeprefix("#"))


def _last(address: str) -> str:
    """The last part of an address; enough, since names that are alike only make it longer."""
    return address.rstrip("#").rsplit("/", 1)[-1]
