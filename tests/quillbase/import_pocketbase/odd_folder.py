"""A data folder with everything that an import may stumble over."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.quillbase.import_pocketbase.folder import PB_DATA

DAMAGED_ROW = "84nmscqy84lsi1t"
LONG_NUMBER = "123456789012345678901234567890"


def make_odd_folder(folder: Path) -> Path:
    """The fixture, with odd definitions, odd values, odd files."""
    shutil.copytree(PB_DATA, folder)
    with contextlib.closing(sqlite3.connect(folder / "data.db", isolation_level=None)) as database:
        _hostile_definitions(database)
        _odd_definitions(database)
        _odd_values(database)
        _odd_tables(database)
        database.execute("UPDATE _params SET value = 'gx3kDd9f=='")
    (folder / "storage" / "readme.txt").write_text("no file of a record")
    (folder / os.fsdecode(b"caf\xe9\x1b[31m")).touch()
    (folder / "storage/wzlqyes4orhoygb/7nwo8tuiatetxdm/test_JnXeKEwgwr.txt").unlink()
    return folder


def _change(
    database: sqlite3.Connection, name: str, column: str, change: Callable[[Any], None]
) -> None:
    (text,) = database.execute(
        f"SELECT {column} FROM _collections WHERE name = ?", [name]
    ).fetchone()
    value = json.loads(text)
    change(value)
    database.execute(
        f"UPDATE _collections SET {column} = ? WHERE name = ?", [json.dumps(value), name]
    )


def _odd_definitions(database: sqlite3.Connection) -> None:
    rule = "UPDATE _collections SET {} = ? WHERE name = ?"
    database.execute(rule.format("listRule"), ["nobody.knows = 1", "demo2"])
    database.execute(rule.format("viewRule"), ["@collection.view2.state = true", "demo2"])
    new = {"id": "odd1234", "name": "odd", "type": "hologram", "angle": 30}
    _change(database, "demo2", "fields", lambda fields: fields.append(new))
    database.execute("ALTER TABLE demo2 ADD COLUMN odd TEXT DEFAULT 'shiny'")
    database.execute("ALTER TABLE demo2 ADD COLUMN forgotten TEXT DEFAULT 'x'")
    _change(
        database, "demo3", "indexes", lambda all_: all_.append("CREATE INDEX r ON t (random())")
    )
    unique = "CREATE UNIQUE INDEX same ON demo1 (bool)"
    _change(database, "demo1", "indexes", lambda all_: all_.append(unique))
    _change(database, "demo4", "fields", _to_nowhere)
    _change(
        database, "view2", "options", lambda one: one.update(viewQuery="SELECT id FROM nowhere")
    )
    _change(database, "clients", "options", _odd_login)
    columns = "id, system, type, name, fields, listRule, options, created, updated, indexes"
    database.execute(
        f"INSERT INTO _collections ({columns}) SELECT 'reservedreserve', 0, type, '_user', fields,"
        " '', options, created, updated, '[]' FROM _collections WHERE name = 'demo2'"
    )


def _hostile_definitions(database: sqlite3.Connection) -> None:
    """One that is no text, and one whose table is a query that never ends."""
    copy = (
        "INSERT INTO _collections (id, system, type, name, fields, options, created, updated, indexes)"
        " SELECT ?, 0, type, ?, fields, options, created, updated, '[]' FROM _collections"
        " WHERE name = 'demo2'"
    )
    database.execute(copy, [b"\0\xff", "bytes"])
    database.execute(copy, ["endlessendlesse", "endless"])
    database.execute(
        "CREATE VIEW endless AS WITH RECURSIVE e (id, title) AS"
        " (SELECT '1', '' UNION ALL SELECT id || '1', '' FROM e) SELECT id, title FROM e"
    )


def _to_nowhere(fields: list[dict[str, Any]]) -> None:
    next(one for one in fields if one["name"] == "self_rel_one")["collectionId"] = "gonegonegonegon"


def _odd_login(options: dict[str, Any]) -> None:
    options["oauth2"]["providers"] = [{"name": "nobody", "clientId": "a", "clientSecret": "b"}]
    options["fileToken"]["secret"] = "short"
    options["manageRule"] = "nobody.knows = 1"


def _odd_values(database: sqlite3.Connection) -> None:
    database.execute(
        "UPDATE demo1 SET datetime = 'soon', number = 'many', url = CAST(x'ff41' AS TEXT),"
        " email = 'no address', json = ?, point = 'here', select_many = 'optionA', rel_many = ?"
        " WHERE id = ?",
        [f'{{"n": {LONG_NUMBER}}}', '["gone","gone","bgs820n361vj1qd"]', DAMAGED_ROW],
    )
    database.execute("UPDATE demo1 SET json = '{broken' WHERE id = 'al1h9ijdeojtsjy'")
    database.execute("INSERT INTO demo2 (id, title) VALUES (NULL, 'nobody')")
    database.execute("INSERT INTO demo2 (id, title) VALUES ('../../data', 'elsewhere')")
    database.execute("UPDATE demo3 SET files = ? WHERE title = 'test2'", [f'["{"x" * 300}.txt"]'])
    database.execute("DROP INDEX `_v851q4r790rhknl_tokenKey_idx`")
    database.execute("UPDATE clients SET tokenKey = 'the same for everybody, and long enough'")


def _odd_tables(database: sqlite3.Connection) -> None:
    database.execute("UPDATE demo5 SET total = NULL")
    database.execute("PRAGMA writable_schema = ON")
    database.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, 'REAL DEFAULT 0', 'REAL NOT NULL DEFAULT 0')"
        " WHERE name = 'demo5'"
    )
    database.execute("PRAGMA writable_schema = RESET")
    database.execute("CREATE TABLE mine(a)")
    database.execute("INSERT INTO mine VALUES (1), (2)")
    database.execute(
        "CREATE TRIGGER tick AFTER INSERT ON demo2 BEGIN UPDATE demo2 SET title = 'x'; END"
    )
