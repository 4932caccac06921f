"""An oracle's world whose rows were written under the eyes of the change log, with odd values.

What the log says of each row is encoded by the writer's own code and decoded as a worker does it,
so that a predicate over bound values meets exactly what it meets when an event is judged.
"""

from __future__ import annotations

import json
from typing import Any, Final

import apsw
import msgspec
from hypothesis import strategies as st

from shared.messages.changes import Act
from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.sql.plan import Value
from shared.sql.predicate import Predicate, Shape
from shared.sql.row import match_sql, row_values_by_id
from shared.sql.select import view_sql
from shared.sql.shape import shape_of
from tests.shared.sql.oracle_database import Database
from tests.shared.sql.oracle_functions import NOW
from tests.shared.sql.oracle_schemas import Draw
from tests.shared.sql.oracle_world import Table, World
from writer.capture import Capture, encode_events

NUMBERS: Final[list[Value]] = [
    0, 1, -1, 5, 5.0, -0.0, 0.1, 0.30000000000000004, 1e-9, 1e15, 1e21, 1e300, -2.5,
    2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 9.007199254740993e15, 1.7976931348623157e308,
    5e-324, 1e17, 1e18, 2.0**53, 2.0**62, -4e18, 9.2e18, 9.3e18,
]  # fmt: skip
TEXTS: Final[list[Value]] = [
    "", " ", "a ", "A", "5", "5.0", "05", "1e1", "é", "e\u0301", "É", "漢字", "😀", "%", "_", "\\",
    "'", '"', "\u2028", "null", "x" * 300, "\ufeffa", "٣",
]  # fmt: skip
JSON: Final[list[Value]] = [
    None, "null", "not json", "", "{", "5", "5.0", "1e400", '"é"', '"\\ud83d\\ude00"', "[]",
    '{"a":9007199254740993}', '{"a":[{"b":0.1}],"s":"\\u2028"}', '{"a":{"b":true},"s":null}',
    '{"a":1,"a":2}', "[1,[2,[3]]]", "9223372036854775808",
]  # fmt: skip
_ODD: Final = {"number": NUMBERS, "text": TEXTS, "json": JSON}
_UNIQUE: Final = ("id", "email", "tokenKey")
_read = msgspec.msgpack.Decoder(dict[str, Value]).decode


def odd_values(draw: Draw, table: Table) -> dict[str, Value]:
    """New values for some columns of a row; what an index keeps apart stays."""
    return {
        column.name: draw(st.sampled_from(_ODD[column.kind]))
        for column in table.columns.values()
        if column.kind in _ODD and column.name not in _UNIQUE and not column.unique
    }


class LoggedWorld(Database):
    """Tables, rows, and what the change log has of the rows.

    `logged`: by the name of a table and the id of a row, values by field id.
    """

    def __init__(self, world: World, odd: dict[tuple[str, object], dict[str, Value]]) -> None:
        super().__init__(world, case_sensitive_like=True)
        self.logged: dict[tuple[str, object], dict[str, Value]] = {}
        self._connection.execute("CREATE TABLE _collections(id, name, type, fields)")
        for collection in self._catalog.all():
            entries = [{"id": f.id, "name": f.name, "type": f.type} for f in collection.fields]
            row = (collection.id, collection.table, collection.type, json.dumps(entries))
            self._connection.execute("INSERT INTO _collections VALUES(?, ?, ?, ?)", row)
        self._capture = Capture(self._connection)
        for (name, own_id), values in odd.items():
            self._change(name, own_id, values)
        self._capture.pause()

    def _change(self, name: str, own_id: object, values: dict[str, Value]) -> None:
        """Write a row as the writer does, and keep what it logs."""
        sets = ", ".join(f"{quote_identifier(column)} = ?" for column in values)
        table = quote_identifier(name)
        sql = f"UPDATE {table} SET {sets or 'id = id'} WHERE id = ?"
        self._connection.execute(sql, (*values.values(), own_id))
        rows, _ = encode_events(self._capture.events, 0)
        self._capture.clear()
        told = [row for row in rows if row[1] == self.collection(name).id]
        assert [row[2] for row in told] == [Act.UPDATE], told
        assert told[0][5] is not None
        self.logged[name, own_id] = _read(told[0][5])

    def shown_as_stored(
        self, predicate: Predicate, shape: Shape, collection: Collection, own_id: Any
    ) -> object:
        """The record as a read of this one shows it, None where the predicate does not hold."""
        sql = view_sql(collection, predicate, shape)
        bound = predicate.bind(self.request, NOW)
        return self._shown(sql, (*shape.bind(self.request, NOW), own_id, *bound))

    def shown_as_logged(
        self, predicate: Predicate, shape: Shape, collection: Collection, own_id: Any
    ) -> object:
        """The record as an event shows it."""
        sql = match_sql(collection, predicate, shape)
        row = row_values_by_id(collection, self.logged[collection.name, own_id])
        bound = predicate.bind(self.request, NOW)
        return self._shown(sql, (*shape.bind(self.request, NOW), *row, *bound))

    def _shown(self, sql: str, bound: tuple[Value, ...]) -> object:
        """The record, or what kind of error SQLite raises for it."""
        try:
            found = self._run(sql, bound)
        except apsw.Error as error:
            return type(error)
        return found[0][0] if found else None

    def shape(self, table: Table) -> Shape:
        """What the world's caller sees of a record."""
        caller = None if self.world.caller is None else self.collection(self.world.caller[0])
        return shape_of(
            self.collection(table.name), self._catalog, hidden=self.world.superuser, caller=caller
        )
