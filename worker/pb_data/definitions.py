"""The definitions of the source, read by the product's own rules for definitions.

Where these refuse a part of one, that part is mended or left out and told, and the rest comes over:
a rule that is not understood admits nobody but superusers, a field of an unknown type is kept as
hidden JSON. Only a collection whose name or query cannot be had is left out as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from shared.errors import QuillError
from shared.schema.catalog import Catalog
from shared.schema.collection import RULE_ATTRIBUTES, VIEW, VIEW_QUERY, Collection
from shared.schema.definition import read_definition
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field
from worker.engine.offline import OfflineReader
from worker.pb_data.repair import repair
from worker.pb_data.report import Kind, Notes
from worker.pb_data.surroundings import Surroundings

_ROWS: Final = (
    'SELECT "id", "name", "type", "system", "fields", "indexes", "listRule", "viewRule",'
    ' "createRule", "updateRule", "deleteRule", "options", "created", "updated"'
    ' FROM "_collections" ORDER BY "created", rowid'
)
_REPAIRS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Source:
    """One collection of the source. `table`: its table there, `columns`: field id → column there."""

    body: dict[str, Any]
    table: str
    columns: dict[str, str]
    created: str
    updated: str

    @property
    def id(self) -> str:
        """The collection's id."""
        return str(self.body["id"])


@dataclass(frozen=True, slots=True)
class Imported:
    """A collection as it is to be, and where its records come from."""

    collection: Collection
    source: Source


def read_sources(database: OfflineReader, notes: Notes) -> list[Source]:
    """All definitions of the source that are JSON; others are told."""
    found: list[Source] = []
    for row in database.rows(_ROWS):
        id_, name, kind, system, fields, indexes, *rules, options, created, updated = row
        if not all(isinstance(part, str | int | None) for part in row):
            notes.add(Kind.LEFT_OUT, f"{name!s}", "its definition holds what is no text")
            continue
        try:
            read = [orjson.loads(part or "null") for part in (fields, indexes, options)]
        except orjson.JSONDecodeError:
            notes.add(Kind.LEFT_OUT, str(name), "its definition is not JSON")
            continue
        listed = [one for one in read[0] or [] if isinstance(one, dict)]
        body = {
            **(read[2] if isinstance(read[2], dict) else {}),
            **dict(zip(RULE_ATTRIBUTES, rules, strict=True)),
            "id": id_,
            "name": name,
            "type": kind,
            "system": bool(system),
            "fields": listed,
            "indexes": read[1] or [],
        }
        columns = {str(one.get("id")): str(one.get("name")) for one in listed}
        found.append(Source(body, str(name), columns, str(created), str(updated)))
    return found


def read_collections(
    sources: Iterable[Source], present: Catalog, now: str, notes: Notes
) -> list[Imported]:
    """The collections that the sources make. `present`: what a new depot has.

    Of those only the system's count, which are changed as far as they may be. When one is left
    out, all are read again, since others may refer to it.
    """
    remaining = list(sources)
    system = [one for one in present.all() if one.system]
    while True:
        trial = Notes()
        found, failed = _read_all(remaining, system, now, trial)
        if not failed:
            break
        for source, reason in failed:
            notes.add(Kind.LEFT_OUT, source.table, f"the collection with all its records: {reason}")
        gone = {source.id for source, _ in failed}
        remaining = [one for one in remaining if one.id not in gone]
    notes.take(trial)
    return found


def _read_all(
    sources: list[Source], system: list[Collection], now: str, notes: Notes
) -> tuple[list[Imported], list[tuple[Source, str]]]:
    olds = {source.id: _system_of(source, system) for source in sources}
    outlines = {
        source.id: _outline(source)
        if (old := olds[source.id]) is None
        else replace(old, indexes=())
        for source in sources
    }
    around = Surroundings(system)
    for outline in outlines.values():
        around.put(outline)
    found: list[Imported] = []
    failed: list[tuple[Source, str]] = []
    for source in sources:
        old = olds[source.id]
        if old is None:
            around.drop(source.id)
        else:
            around.put(old)
        made = _read_one(source, old, around, now, notes)
        if isinstance(made, str):
            failed.append((source, made))
            around.put(outlines[source.id])
        else:
            around.put(made.collection)
            found.append(made)
    return found, failed


def _read_one(
    source: Source, old: Collection | None, around: Catalog, now: str, notes: Notes
) -> Imported | str:
    """The collection, or why there can be none."""
    body = orjson.loads(orjson.dumps(source.body))
    if old is not None:
        _keep_to_system(body, old, notes)
    for _ in range(_REPAIRS_MAX):
        try:
            made = read_definition(body, old, around, now)
        except QuillError as error:
            hopeless = repair(body, error.fields, source.table, notes)
            if hopeless:
                return hopeless
        else:
            fields = _with_source_ids(made.fields, source)
            made = replace(made, fields=fields, created=source.created, updated=source.updated)
            return Imported(made, source)
    return "its definition cannot be mended"


def _with_source_ids(fields: Sequence[Field], source: Source) -> tuple[Field, ...]:
    """The system's own fields under the ids that they had there, too."""
    ids = {name: id_ for id_, name in source.columns.items()}
    taken = {field.id for field in fields}

    def renamed(field: Field) -> Field:
        own = ids.get(field.name, "")
        if not field.system or not own or own in taken:
            return field
        return field_from_json({**field.to_json(), "id": own})

    return tuple(map(renamed, fields))


def _system_of(source: Source, system: Iterable[Collection]) -> Collection | None:
    for one in system:
        if source.id == one.id or source.table.lower() == one.name.lower():
            return one
    return None


def _outline(source: Source) -> Collection:
    """What others need to know of a collection that is yet to be read."""
    kind = str(source.body["type"])
    options = {VIEW_QUERY: ""} if kind == VIEW else {}
    return Collection(source.id, source.table, kind, system=False, fields=(), options=options)


def _keep_to_system(body: dict[str, Any], old: Collection, notes: Notes) -> None:
    """What a definition cannot change of a system collection stays as it is here."""
    body["id"], body["name"], body["system"] = old.id, old.name, True
    for key, ours in _system_rules(old).items():
        if body.get(key, ours) != ours:
            why = f"{key} of a system collection stays {_spelled(ours)}, it was "
            notes.add(Kind.TOLD, old.name, why + _spelled(body[key]))
        body.pop(key, None)


def _system_rules(old: Collection) -> Mapping[str, str | None]:
    rules = {key: getattr(old, attribute) for key, attribute in RULE_ATTRIBUTES.items()}
    for key in ("authRule", "manageRule"):
        if key in old.options:
            rules[key] = old.options[key]
    return rules


def _spelled(rule: object) -> str:
    return "null" if rule is None else f"“{rule}”"
