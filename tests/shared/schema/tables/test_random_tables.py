"""Random tables: written as DDL in random spellings, made by SQLite, read back, and the same."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.quote import quote_backtick, quote_identifier, quote_text
from shared.schema.tables.column import DataType, JsonCheck, Uuid
from shared.schema.tables.words import fold
from tests.shared.schema.tables.sample import new_database, read

NAMES = st.one_of(
    st.sampled_from(
        ["id", "check", "order by", "as", "a(b", "c,d", "--", "/*", "end", "it's", 'q"']
    ),
    st.text(
        st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=8
    ),
).filter(lambda name: not fold(name).startswith("sqlite_"))
COMMENTS = st.sampled_from([" ", "\n", " /* , ) CHECK (0) */ ", " -- ( ' \" CHECK\n", "\t/**/ "])
QUOTES = st.sampled_from([quote_identifier, quote_backtick, quote_text])
CONDITIONS = st.sampled_from(
    [
        "1",
        "length({}) > 0",
        "{} <> ')'",
        "({} IN ('(', 'CHECK (') OR 1)",
        "{} IS NULL OR ({} > (0))",
    ]
)


@dataclass(frozen=True)
class Drawn:
    """A column as it was meant."""

    name: str
    type: DataType
    not_null: bool
    default: str | None
    collation: str
    checks: tuple[str, ...]
    uuid: bool
    json: str | None
    generated: bool


@st.composite
def columns(draw: st.DrawFn) -> Drawn:
    """One column of any kind."""
    name = draw(NAMES)
    kind = draw(st.sampled_from(DataType))
    quoted = quote_identifier(name)
    return Drawn(
        name,
        kind,
        draw(st.booleans()),
        draw(st.sampled_from([None, "'),('", "x'00'", "-1.5", "NULL", "1 + (2)"])),
        draw(st.sampled_from(["BINARY", "NOCASE", "RTRIM"])),
        tuple(one.replace("{}", quoted) for one in draw(st.lists(CONDITIONS, max_size=2))),
        kind is DataType.BLOB and draw(st.booleans()),
        draw(st.none() | NAMES) if kind is DataType.TEXT else None,
        draw(st.integers(0, 5)) == 0,
    )


def written(draw: st.DrawFn, column: Drawn) -> str:
    """Its definition, its constraints in any order."""
    quoted = quote_identifier(column.name)
    parts = [f"CHECK ({one})" for one in column.checks]
    if column.collation != "BINARY":
        parts.append(f"COLLATE {column.collation}")
    if column.not_null:
        parts.append("CONSTRAINT nn NOT NULL")
    if column.uuid:
        parts.append(f"CHECK(is_uuid_v4({quoted}))")
    if column.json is not None:
        parts.append(f"CHECK ({quoted} IS NULL OR jsonschema({quote_text(column.json)}, {quoted}))")
    if not column.generated and column.default is not None:
        parts.append(f"DEFAULT ({column.default})")
    kind = column.type.value
    if column.generated:
        # Directly behind the type: SQLite takes a comment there for a part of the type.
        kind += draw(st.sampled_from([" AS ('(' || 1)", " GENERATED ALWAYS AS ('),') STORED"]))
    between = draw(COMMENTS)
    spelled = draw(QUOTES)(column.name)
    return between.join([spelled, kind, *draw(st.permutations(parts))])


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, str, list[Drawn], str | None, bool]:
    """DDL, and what it means: name, columns, key, whether it has no rowid."""
    name = draw(NAMES)
    drawn = draw(st.lists(columns(), min_size=1, max_size=6, unique_by=lambda one: fold(one.name)))
    free = [one.name for one in drawn if not one.generated]
    if not free:
        drawn, free = (
            [
                *drawn,
                Drawn("last" * 3, DataType.ANY, False, None, "BINARY", (), False, None, False),
            ],
            ["last" * 3],
        )
    key = draw(st.none() | st.sampled_from(free))
    rowless = key is not None and draw(st.booleans())
    items = [written(draw, one) for one in drawn]
    if key is not None:
        items.append(f"CONSTRAINT pk PRIMARY KEY ({quote_identifier(key)})")
    options = "STRICT, WITHOUT ROWID" if rowless else "STRICT"
    comma = "," + draw(COMMENTS)
    return (
        f"CREATE TABLE {quote_identifier(name)} ({comma.join(items)}) {options}",
        name,
        drawn,
        key,
        rowless,
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_a_table_is_read_as_it_was_meant(
    made: tuple[str, str, list[Drawn], str | None, bool],
) -> None:
    """Names, types, constraints and promises come back from any spelling."""
    sql, name, drawn, key, rowless = made
    with new_database(sql) as db:
        table = read(db).find(name)
    assert table is not None
    assert (table.problem, table.strict, table.without_rowid) == ("", True, rowless)
    assert table.primary_key == (() if key is None else (key,))
    assert [(c.name, c.type, c.collation) for c in table.columns] == [
        (one.name, one.type, one.collation) for one in drawn
    ]
    for column, one in zip(table.columns, drawn, strict=True):
        assert column.nullable == (not one.not_null and one.name != key)
        assert (column.generated is not None) == one.generated
        assert column.default == (None if one.generated else one.default)
        assert column.uuid is (Uuid.V4 if one.uuid else None)
        assert column.json == (None if one.json is None else JsonCheck(one.json))
        texts = [check.text for check in table.checks or () if check.column == one.name]
        ours = [text for text in texts if "is_uuid_v4(" not in text and "jsonschema(" not in text]
        assert sorted(ours) == sorted(one.checks)
