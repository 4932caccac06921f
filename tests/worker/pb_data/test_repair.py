"""Mending refused definitions: the least change that helps, nothing opened, each told."""

from __future__ import annotations

from typing import Any

from shared.schema.auth_options import new_options
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from worker.pb_data.definitions import Source, read_collections
from worker.pb_data.report import Kind, Notes
from worker.pb_data.target import new_catalog

NOW = "2024-01-01 00:00:00.000Z"


def _source(kind: str, name: str, fields: list[dict[str, Any]], **more: Any) -> Source:
    body = {
        "id": f"id_of_{name}", "name": name, "type": kind, "system": False, "fields": fields,
        "indexes": [], **more,
    }  # fmt: skip
    columns = {one["id"]: one["name"] for one in fields}
    return Source(body, name, columns, NOW, NOW)


def _read(*sources: Source, present: Catalog | None = None) -> tuple[list[Collection], Notes]:
    notes = Notes()
    found = read_collections(sources, present or new_catalog(), NOW, notes)
    return [one.collection for one in found], notes


def _told(notes: Notes) -> list[tuple[Kind, str]]:
    return [(note.kind, note.where) for note in notes.all()]


def test_names_and_ids_of_fields_that_are_taken_are_changed() -> None:
    """The values come over under the new name."""
    fields = [
        {"id": "a", "name": "rowid", "type": "text"},
        {"id": "b", "name": "title", "type": "text"},
        {"id": "b", "name": "other", "type": "text"},
    ]
    (one,), notes = _read(_source("base", "posts", fields))
    assert [field.name for field in one.fields] == ["id", "rowid_", "title", "other"]
    assert len({field.id for field in one.fields}) == 4
    assert _told(notes) == [(Kind.CHANGED, "posts.rowid"), (Kind.CHANGED, "posts.other")]


def test_an_option_that_is_refused_goes() -> None:
    """And the field stays what it is."""
    fields = [{"id": "a", "name": "code", "type": "text", "pattern": "(", "max": 7}]
    (one,), notes = _read(_source("base", "posts", fields))
    shown = one.fields[1].to_json()
    assert (shown["type"], shown["pattern"], shown["max"]) == ("text", "", 7)
    assert _told(notes) == [(Kind.CHANGED, "posts.code")]


def test_a_second_factor_that_cannot_be_asked_for_locks_the_login() -> None:
    """Who had to pass two gates does not get in through one."""
    options = new_options() | {"mfa": {"enabled": True, "duration": 600, "rule": ""}}
    (one,), notes = _read(_source("auth", "people", [], **options))
    assert one.options["mfa"]["enabled"] is False
    assert one.options["authRule"] is None
    assert (Kind.LOCKED, "people.authRule") in _told(notes)


def test_what_refers_to_a_collection_that_is_left_out_is_mended() -> None:
    """Whatever the order in which they stand."""
    relation = {"id": "a", "name": "to", "type": "relation", "collectionId": "id_of__user"}
    collections, notes = _read(
        _source("base", "before", [relation]),
        _source("base", "_user", []),
        _source("base", "after", [relation | {"maxSelect": 5}]),
    )
    assert [(one.name, one.fields[1].type) for one in collections] == [
        ("before", "text"),
        ("after", "json"),
    ]
    assert _told(notes) == [
        (Kind.LEFT_OUT, "_user"),
        (Kind.CHANGED, "before.to"),
        (Kind.CHANGED, "after.to"),
    ]


def test_the_systems_own_rules_stay() -> None:
    """Another one is told."""
    rules = {"listRule": "", "viewRule": None}
    found, notes = _read(_source("base", "_mfas", [], **rules))
    (one,) = found
    present = new_catalog().find("_mfas")
    assert present is not None
    assert (one.id, one.list_rule, one.system) == (present.id, present.list_rule, True)
    assert _told(notes) == [(Kind.TOLD, "_mfas"), (Kind.TOLD, "_mfas")]
