"""How the collections of a database differ from what its migrations have made, for people to read.

Keys that a definition of an earlier build did not have yet are no difference; nor are system
collections that only one side knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from worker.migrations.history import Definition

_LISTED = ("fields", "indexes")
_NAMES = ("id", "name")


class Changed(NamedTuple):
    """One collection. `before` None: it is new; `after` None: it is gone. `lines`: what changed."""

    name: str
    before: Definition | None
    after: Definition | None
    lines: tuple[str, ...]


def difference(before: Iterable[Definition], after: Iterable[Definition]) -> list[Changed]:
    """In the order of `after`, then what is gone. Collections are known by their ids."""
    old = {str(one["id"]): one for one in before}
    new = {str(one["id"]): one for one in after}
    found: list[Changed] = []
    for own_id, one in new.items():
        former = old.get(own_id)
        lines = _appearance(one, "+") if former is None else _changes(former, one)
        if lines and not (former is None and one.get("system")):
            found.append(Changed(str(one["name"]), former, one, tuple(lines)))
    for own_id, one in old.items():
        if own_id not in new and not one.get("system"):
            found.append(Changed(str(one["name"]), one, None, tuple(_appearance(one, "-"))))
    return found


def _appearance(one: Definition, sign: str) -> list[str]:
    lines = [f"{sign} collection {one['name']} ({one['type']})"]
    if one["type"] == "view":
        return [*lines, f"{sign}   query {one.get('viewQuery')}"]
    fields = (f"{sign}   field {_of_field(field)}" for field in one["fields"])
    return [*lines, *fields, *(f"{sign}   index {sql}" for sql in one["indexes"])]


def _changes(old: Definition, new: Definition) -> list[str]:
    lines: list[str] = []
    if old["name"] != new["name"]:
        lines.append(f"~   name {old['name']} → {new['name']}")
    if new["type"] != "view":  # a view's fields follow from its query
        lines += _field_changes(old["fields"], new["fields"])
    lines += [f"-   index {sql}" for sql in old["indexes"] if sql not in new["indexes"]]
    lines += [f"+   index {sql}" for sql in new["indexes"] if sql not in old["indexes"]]
    lines += _value_changes("", old, new, (*_NAMES, *_LISTED))
    return [f"~ collection {new['name']}", *lines] if lines else []


def _field_changes(old: Sequence[Any], new: Sequence[Any]) -> list[str]:
    before = {field["id"]: field for field in old}
    after = {field["id"]: field for field in new}
    lines = [f"-   field {_of_field(field)}" for key, field in before.items() if key not in after]
    for key, field in after.items():
        former = before.get(key)
        if former is None:
            lines.append(f"+   field {_of_field(field)}")
        else:
            lines += _value_changes(f"field {former['name']}: ", former, field, ("id",))
    kept = [key for key in before if key in after]
    if kept != [key for key in after if key in before]:
        lines.append("~   order of the fields")
    return lines


def _value_changes(
    prefix: str, old: Mapping[str, Any], new: Mapping[str, Any], but: Sequence[str]
) -> list[str]:
    keys = [key for key in old if key not in but]
    return [
        f"~   {prefix}{key} {_text(old[key])} → {_text(new.get(key))}"
        for key in keys
        if old[key] != new.get(key)
    ]


def _of_field(field: Mapping[str, Any]) -> str:
    return f"{field['name']} ({field['type']})"


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
