"""The collection that a file asks for: types of its columns, judged by the first records.

A guess that is wrong later fails the import, with the line; nothing is cut to fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shared.dates import now_text, parse
from shared.errors import invalid
from shared.ids import RECORD_ID_CHARS
from shared.limits import TEXT_CHARS_DEFAULT
from shared.schema.catalog import Catalog
from shared.schema.collection import BASE, Collection
from shared.schema.definition import read_definition
from shared.schema.fields.email import is_email
from shared.schema.fields.field import RESERVED_FIELD_NAMES
from shared.schema.fields.json import parsed_text
from shared.schema.fields.text import ID_NAME, ID_PATTERN
from shared.schema.fields.url import split_url
from worker.transfer.mapping import ANSWER_KEYS

_NUMBER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[ T].*)?", re.ASCII)
_ID: Final = re.compile(ID_PATTERN, re.ASCII)
_BOOL_WORDS: Final = frozenset({"true", "false", "yes", "no"})
_CREATED, _UPDATED = "created", "updated"
_AMPLE: Final = 20


def infer_collection(
    name: str,
    columns: Sequence[str],
    sample: Sequence[Mapping[str, object]],
    renames: Mapping[str, str],
    catalog: Catalog,
) -> tuple[Collection, dict[str, str]]:
    """The collection, which only superusers may read, and the field of each column.

    Raises INVALID for a name that is taken or cannot be one.
    """
    names = _field_names(columns, renames)
    fields = [
        _definition(field, [record.get(column) for record in sample])
        for column, field in names.items()
        if field
    ]
    body = {"name": name, "type": BASE, "fields": fields}
    collection = read_definition(body, None, catalog, now_text())
    if not sample:
        raise invalid("The file has no records to infer the types of its columns from.")
    return collection, names


def _field_names(columns: Sequence[str], renames: Mapping[str, str]) -> dict[str, str]:
    """A valid name for each column, none twice; `""` for what is left out."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for position, column in enumerate(dict.fromkeys((*columns, *renames)), 1):
        if column in ANSWER_KEYS and column not in renames:
            names[column] = ""
            continue
        wanted = renames.get(column)
        if wanted is None:
            wanted = _named(column) or f"column{position}"
        chosen, count = wanted, 1
        while wanted and (chosen.lower() in taken or chosen.lower() in RESERVED_FIELD_NAMES):
            count += 1
            chosen = f"{wanted}_{count}"
        taken.add(chosen.lower())
        names[column] = chosen
    return names


def _named(column: str) -> str:
    name = re.sub(r"\W+", "_", column.strip(), flags=re.ASCII).strip("_")
    name = name.replace("_via_", "_")
    return ID_NAME if name.lower() == ID_NAME else name


def _definition(name: str, values: Sequence[object]) -> dict[str, Any]:
    """The field for these values, of which those that say nothing are ignored."""
    said = [one for one in values if one is not None and one != ""]
    if name == ID_NAME:
        return _id_definition([str(one) for one in said])
    kind = _kind(said)
    if kind == "date" and name in (_CREATED, _UPDATED):
        return {
            "name": name,
            "type": "autodate",
            "onCreate": True,
            "onUpdate": name == _UPDATED,
        }
    longest = max((len(one) for one in said if isinstance(one, str)), default=0)
    if kind == "text" and longest * 2 > TEXT_CHARS_DEFAULT:
        return {"name": name, "type": "text", "max": longest * _AMPLE}
    return {"name": name, "type": kind}


def _id_definition(ids: Sequence[str]) -> dict[str, Any]:
    """The usual ids, unless those of the file are others: then any text that can be an id."""
    usual = all(_ID.fullmatch(one) and len(one) == RECORD_ID_CHARS for one in ids)
    if usual:
        return {"name": ID_NAME, "type": "text"}
    plain = all(_ID.fullmatch(one) for one in ids)
    pattern = ID_PATTERN if plain else "^[^\\s/]+$"
    return {"name": ID_NAME, "type": "text", "min": 1, "max": 255, "pattern": pattern}


def _kind(said: Sequence[object]) -> str:
    if not said:
        return "text"
    return next((kind for kind, fits in _KINDS if all(map(fits, said))), _mixed(said))


def _mixed(said: Sequence[object]) -> str:
    """Texts beside numbers are texts; lists and objects beside anything are JSON."""
    return "json" if any(isinstance(one, dict | list) for one in said) else "text"


def _text_is(test: Callable[[str], object]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and bool(test(value.strip()))


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in _BOOL_WORDS)


def _is_json(text: str) -> bool:
    return text[:1] in ("{", "[") and not isinstance(parsed_text(text), str)


_KINDS: Final[tuple[tuple[str, Callable[[object], bool]], ...]] = (
    ("bool", _is_bool),
    ("number", _is_number),
    ("date", _text_is(lambda text: _DATE.fullmatch(text) and parse(text))),
    ("email", _text_is(is_email)),
    ("url", _text_is(lambda text: "://" in text and split_url(text))),
    ("json", lambda value: isinstance(value, dict | list) or _text_is(_is_json)(value)),
)
