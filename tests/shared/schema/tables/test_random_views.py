"""Random views over random rows: what is inferred of a column holds for every value in it."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.schema.tables.column import DataType
from tests.shared.schema.tables.sample import inferred, new_database

TABLES = (
    "CREATE TABLE a (id INTEGER PRIMARY KEY, i INTEGER, r REAL NOT NULL, t TEXT NOT NULL, b BLOB, x ANY) STRICT",
    "CREATE TABLE c (id TEXT PRIMARY KEY, a INTEGER, t TEXT) STRICT",
    "CREATE TABLE l (i INTEGER, t TEXT, n)",
)
COLUMNS = {
    "a": ("id", "i", "r", "t", "b", "x", "rowid"),
    "c": ("id", "a", "t"),
    "l": ("i", "t", "n", "oid"),
}
LITERALS = st.sampled_from(
    ["1", "-1", "2.0", "'x'", "x'00'", "NULL", "FALSE", "0x7fffffffffffffff", "1e2"]
)
TYPES = st.sampled_from(["INTEGER", "INT", "REAL", "TEXT", "BLOB", "ANY"])
VALUES = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.sampled_from([0.5, -1.0]),
    st.sampled_from(["", "x", "12"]),
    st.sampled_from([b"", b"7"]),
)
KEYS = st.lists(st.integers(1, 9), max_size=4, unique=True)


@st.composite
def sources(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A FROM clause, and the columns that can be named there."""
    first, *joined = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=3))
    clause, names = f"{first} AS s0", [f"s0.{one}" for one in COLUMNS[first]]
    for at, table in enumerate(joined, 1):
        kind = draw(st.sampled_from(["JOIN", "INNER JOIN", "LEFT JOIN", "LEFT OUTER JOIN"]))
        own = st.sampled_from([*COLUMNS[table], *COLUMNS[table][:1] * 3])
        equal = f"s{at}.{draw(own)}", draw(st.sampled_from(names))
        sides = " = ".join(equal if draw(st.booleans()) else equal[::-1])
        condition = draw(st.sampled_from(["1", "0", *[sides] * 4, f"({sides}) AND s0.t > ''"]))
        clause += f" {kind} {table} s{at} ON {condition}"
        names += [f"s{at}.{one}" for one in COLUMNS[table]]
    return clause, names


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A SELECT of the forms whose types can be inferred."""
    clause, names = draw(sources())
    column = st.sampled_from(names)
    plain = st.one_of(
        column,
        LITERALS,
        st.builds(
            "CAST({} AS {})".format, st.one_of(column, LITERALS, st.just("s0.t || 'y'")), TYPES
        ),
    )
    folded = st.builds("{}({})".format, st.sampled_from(["min", "MAX", "sum", "sum"]), column)
    groups = draw(st.none() | st.lists(column, min_size=1, max_size=2))
    entries = draw(
        st.lists(
            plain if groups is None and draw(st.booleans()) else plain | folded,
            min_size=1,
            max_size=5,
        )
    )
    listed = ", ".join(f"{one} AS c{at}" for at, one in enumerate([*(groups or []), *entries]))
    star = draw(st.sampled_from(["", "", "s0.*, "])) if groups is None else ""
    return f"SELECT {star}{listed} FROM {clause}" + (
        f" GROUP BY {', '.join(groups)}" if groups else ""
    )


ROWS = st.tuples(
    st.lists(
        st.tuples(
            st.integers(1, 6),
            st.none() | st.integers(-2, 2),
            st.sampled_from([0.0, 1.5]),
            st.sampled_from(["x", "y"]),
            st.none() | st.just(b"1"),
            VALUES,
        ),
        max_size=4,
        unique_by=lambda row: row[0],
    ),
    st.lists(
        st.tuples(
            st.sampled_from("pqr"),
            st.none() | st.integers(1, 6),
            st.none() | st.sampled_from(["x", "y"]),
        ),
        max_size=3,
        unique_by=lambda row: row[0],
    ),
    st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=3),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(queries(), ROWS)
def test_types_hold_for_every_value(query: str, rows: tuple[list[tuple[object, ...]], ...]) -> None:
    """`typeof` agrees, and what cannot be NULL is not; a key names each row and is never NULL."""
    with new_database(*TABLES, f"CREATE VIEW v AS {query}") as db:
        for table, values in zip(("a", "c", "l"), rows, strict=True):
            for row in values:
                db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        view = inferred(db, "v")
        assert view.problem == ""
        for column in view.columns:
            name = '"' + column.name.replace('"', '""') + '"'
            seen = {str(row[0]) for row in db.execute(f"SELECT DISTINCT typeof({name}) FROM v")}
            if not column.nullable:
                assert "null" not in seen
            if column.type is not DataType.ANY:
                assert seen <= {column.type.value.lower(), "null"}
        if view.key is not None and not view.repeats:
            name = '"' + view.key.name.replace('"', '""') + '"'
            assert (
                db.execute(f"SELECT {name} FROM v GROUP BY 1 HAVING count(*) > 1").fetchall() == []
            )
