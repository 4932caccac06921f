"""Every connection has the functions, and opening one imports none of their libraries.

Also of `shared.sqlite.functions.function`, what a function is.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from shared.sqlite.connect import open_reader, open_writer
from shared.sqlite.functions.register import ALL, names_in_rules
from shared.sqlite.scratch import UserSqlError, open_scratch, prepare_select


def test_on_readers_and_writers(tmp_path: Path) -> None:
    """A CHECK that the writer keeps, and a filter of a reader."""
    path = tmp_path / "main.db"
    writer = open_writer(path)
    writer.execute(
        "CREATE TABLE t(id BLOB PRIMARY KEY CHECK(is_uuid_v7(id)) DEFAULT (uuid_v7()), v)"
    )
    writer.execute("INSERT INTO t(v) VALUES ('abc')")
    with pytest.raises(apsw.ConstraintError):
        writer.execute("INSERT INTO t(id) VALUES (uuid_v4())")
    reader = open_reader(path)
    assert reader.execute("SELECT count(*) FROM t WHERE v REGEXP '^a' AND is_uuid(id)").get == 1
    writer.close()
    reader.close()


def test_in_views_and_rules() -> None:
    """All may stand in a SELECT of a user but those that cost much."""
    scratch = open_scratch()
    scratch.execute("CREATE TABLE t(g BLOB CHECK(ST_IsValid(g)), s TEXT CHECK(is_json(s)))")

    def may_read(table: str, _column: str) -> bool:
        return table == "t"

    for function in ALL:
        marks = ", ".join(["g"] * function.arguments)
        query = f"SELECT {function.name}({marks}) AS x FROM t"
        if function.in_rules:
            assert prepare_select(scratch, query, may_read).columns == ("x",)
        else:
            with pytest.raises(UserSqlError, match="is not allowed"):
                prepare_select(scratch, query, may_read)
    assert "regexp" in names_in_rules()
    assert "hash_password" not in names_in_rules()
    scratch.close()


def test_what_is_stable_is_told() -> None:
    """An index takes those, and no others."""
    for function in ALL:
        scratch = open_scratch()
        scratch.execute("CREATE TABLE t(g)")
        index = f"CREATE INDEX i ON t({function.name}({', '.join(['g'] * function.arguments)}))"
        if function.stable:
            scratch.execute(index)
        else:
            with pytest.raises(apsw.SQLError, match="non-deterministic"):
                scratch.execute(index)
        scratch.close()


def test_libraries_are_imported_at_the_first_call() -> None:
    """Opening a connection stays cheap."""
    program = (
        "import sys; from shared.sqlite.connect import open_writer;"
        " print([name for name in ('re2', 'shapely', 'numpy', 'jsonschema_rs',"
        " 'argon2', 'orjson', 'msgspec') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
