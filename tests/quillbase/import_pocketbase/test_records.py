"""Everything that the source holds stands in the depot: definitions, records, files, settings.

Tests `worker.pb_data.definitions`, `worker.pb_data.plans`, `worker.pb_data.staging`,
`worker.pb_data.uploads`, `worker.pb_data.settings`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.quillbase.import_pocketbase.folder import PB_DATA, Reading

RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")
NAMES = (
    "users", "demo1", "demo2", "demo3", "demo4", "clients", "nologin", "demo5", "view1", "view2",
    "numeric_id_view", "_superusers", "_externalAuths", "_mfas", "_otps", "_authOrigins",
)  # fmt: skip


def _get(client: httpx.Client, url: str, **query: object) -> Any:
    reply = client.get(url, params={key: str(value) for key, value in query.items()})
    assert reply.status_code == 200, reply.text
    return reply.json()


def _rows(depot: Path, sql: str) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(f"file:{depot}/data/main.db?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql)]


def test_all_collections_are_there(boss: httpx.Client, source: Reading) -> None:
    """Those of the source, and no other."""
    listed = _get(boss, "/api/collections", perPage=100)["items"]
    assert sorted(one["name"] for one in listed) == sorted(source.collections) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_record_equals_its_source(boss: httpx.Client, source: Reading, name: str) -> None:
    """Field by field, in the order of the source."""
    url = f"/api/collections/{name}/records"
    sort = "id" if source.collections[name]["type"] == "view" else "@rowid"
    found = _get(boss, url, perPage=500, sort=sort)
    expected = list(source.records(name))
    if sort == "id":
        expected.sort(key=lambda record: record["id"])
    assert found["totalItems"] == len(expected)
    for ours, theirs in zip(found["items"], expected, strict=True):
        assert {key: ours[key] for key in theirs} == theirs
        own = {"collectionId": source.collections[name]["id"], "collectionName": name}
        assert {key: ours[key] for key in ours.keys() - theirs.keys()} == own


@pytest.mark.parametrize("name", NAMES)
def test_every_definition_equals_its_source(boss: httpx.Client, source: Reading, name: str) -> None:
    """Ids, kinds, rules, times, fields with their ids and options, and indexes."""
    found = _get(boss, f"/api/collections/{name}")
    theirs = source.collections[name]
    for key in ("id", "name", "type", *RULES, "created", "updated"):
        assert found[key] == theirs[key], key
    assert found["system"] == bool(theirs["system"])
    fields = {field["name"]: field for field in found["fields"]}
    assert list(fields) == [field["name"] for field in theirs["fields"]]
    for field in theirs["fields"]:
        own, meant = _meaning(fields[field["name"]]), _meaning(field)
        if theirs["type"] == "view":  # its fields follow from its query
            meant = {key: field[key] for key in ("name", "type")}
        assert {key: own.get(key) for key in meant} == meant, field["name"]
    assert len(found["indexes"]) == len(theirs["indexes"])


def _meaning(field: dict[str, Any]) -> dict[str, Any]:
    """The options that say something: none, nothing and an empty list are the same."""
    return {key: value for key, value in field.items() if value not in (None, "", [], 0, False)}


def test_every_secret_comes_along(depot: Path, source: Reading) -> None:
    """Hashes and token keys of records, and the secrets and options of their collections."""
    for name, definition in source.collections.items():
        if definition["type"] != "auth":
            continue
        sql = f'SELECT id, password, tokenKey FROM "{name}" ORDER BY id'
        rows = sorted(source.rows[name], key=lambda row: str(row["id"]))
        keys = ("id", "password", "tokenKey")
        assert _rows(depot, sql) == [{key: row[key] for key in keys} for row in rows]
        (row,) = _rows(depot, f"SELECT options FROM _collections WHERE name = '{name}'")
        ours = json.loads(row["options"])
        theirs = definition["options"]
        theirs["oauth2"]["providers"] = theirs["oauth2"]["providers"] or []
        assert {key: ours[key] for key in theirs} == theirs, name


def test_every_file_of_a_record_comes_along(depot: Path) -> None:
    """Under the same path; derived pictures do not."""
    storage = PB_DATA / "storage"
    theirs = {
        path.relative_to(storage): path.read_bytes()
        for path in storage.rglob("*")
        if path.is_file() and not path.parent.name.startswith("thumbs_")
    }
    uploads = depot / "uploads"
    ours = {
        path.relative_to(uploads): path.read_bytes()
        for path in uploads.rglob("*")
        if path.is_file()
    }
    assert ours == theirs
    assert len(theirs) == 30, "15 files with their attributes"


def test_settings_are_in_force(boss: httpx.Client) -> None:
    """What PocketBase's dialect shows of them is what the source had."""
    found = _get(boss, "/api/settings")
    assert found["meta"]["appName"] == "acme_test"
    assert found["meta"]["senderAddress"] == "support@example.com"
    assert found["batch"]["enabled"] is True
    assert found["batch"]["timeout"] == 5
    assert found["rateLimits"]["rules"][1] == {
        "label": "*:create", "audience": "", "duration": 5, "maxRequests": 20,
    }  # fmt: skip
    assert found["rateLimits"]["enabled"] is False


def test_the_report_says_what_came_over(depot: Path, source: Reading) -> None:
    """Counts of each collection, files and settings; and nothing of the data was left out."""
    report = json.loads(depot.with_name("report.json").read_bytes())
    counted = {one["name"]: one["records"] for one in report["collections"]}
    assert counted == {
        name: 0 if definition["type"] == "view" else len(source.rows[name])
        for name, definition in source.collections.items()
    }
    assert report["files"] == {"copied": 15, "bytes": 13171, "thumbs": 12}
    assert "meta.appName" in report["settings"]
    assert {note["where"] for note in report["notes"]} == {"auxiliary.db", "settings"}
    assert report["replaced"] is True


def test_lists_are_found_by_their_values(boss: httpx.Client) -> None:
    """What filters look up beside the records was made, too."""
    url = "/api/collections/demo1/records"
    found = _get(boss, url, filter="select_many:each ?= 'optionC'")
    assert [item["id"] for item in found["items"]] == ["84nmscqy84lsi1t"]
    found = _get(boss, url, filter="rel_many.email ?= 'test3@example.com'")
    assert [item["id"] for item in found["items"]] == ["al1h9ijdeojtsjy"]
