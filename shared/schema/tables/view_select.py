"""A view's query, read into the few forms whose columns have a type that can be known.

SQLite alone judges whether a query is valid. This tells what its columns are: those of a table, all
of them, a literal, a CAST, or the least, greatest or sum of a column. Comments are left out and
names keep their quotes, so that the parser reads what SQLite reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from shared.limits import VIEW_QUERY_CHARS_MAX
from shared.schema.tables.column import DataType
from shared.schema.tables.words import Spelling, Words, fold, read_words

if TYPE_CHECKING:
    from sqlglot import exp


class NoSchemaError(Exception):
    """A view whose columns have no type that is known; the text says why."""


class Named(NamedTuple):
    """A column by its name, and by that of its source if that is said; `""` if not."""

    source: str
    name: str


class Star(NamedTuple):
    """All columns, of one source or, for `""`, of all."""

    source: str


class Value(NamedTuple):
    """A literal or a CAST. `of`: the column whose NULLs are its NULLs."""

    type: DataType
    nullable: bool = True
    of: Named | None = None


class Folded(NamedTuple):
    """MIN, MAX or SUM of a column."""

    function: str
    of: Named


class Shown(NamedTuple):
    """One entry of the SELECT list; `alias` is `""` where there is none."""

    value: Named | Star | Value | Folded
    alias: str


class Source(NamedTuple):
    """A table or view that is read, under the name by which its columns are called.

    `outer`: joined by LEFT JOIN, so that its columns may be NULL. `using`: the columns, folded,
    that it shares with those before it. `equal`: columns whose equality its ON asks for.
    """

    table: str
    name: str
    outer: bool = False
    using: frozenset[str] = frozenset()
    equal: tuple[tuple[Named, Named], ...] = ()


class Select(NamedTuple):
    """A query. `groups`: the columns of its GROUP BY. `folds`: whether it has an aggregate."""

    shown: tuple[Shown, ...]
    sources: tuple[Source, ...]
    groups: tuple[Named, ...] = ()
    folds: bool = False


_CASTS: Final = {
    "INT": DataType.INTEGER, "BIGINT": DataType.INTEGER, "SMALLINT": DataType.INTEGER,
    "TINYINT": DataType.INTEGER, "DOUBLE": DataType.REAL, "FLOAT": DataType.REAL,
    "TEXT": DataType.TEXT, "VARCHAR": DataType.TEXT, "CHAR": DataType.TEXT,
    "VARBINARY": DataType.BLOB, "DECIMAL": DataType.ANY,
}  # fmt: skip
"""SQLite's types as the parser calls them; ANY is given to it as NUMERIC, which it is in a CAST."""
_AGGREGATES: Final = frozenset(
    {
        "group_concat", "json_group_array", "json_group_object", "jsonb_group_array",
        "jsonb_group_object", "median", "percentile", "percentile_cont", "percentile_disc",
        "string_agg", "total",
    }
)  # fmt: skip
_INTEGER_MAX: Final = 2**63 - 1


def read_select(definition: str) -> Select:
    """Read the query of a CREATE VIEW as SQLite stores it. Raises NoSchemaError."""
    import sqlglot  # noqa: PLC0415  0.1 s and 20 MB that only a depot with views of its own needs
    from sqlglot import exp  # noqa: PLC0415

    if len(definition) > VIEW_QUERY_CHARS_MAX:
        raise NoSchemaError(f"its query is longer than {VIEW_QUERY_CHARS_MAX} characters")
    try:
        found = sqlglot.parse_one(_query(definition), read="sqlite")
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise NoSchemaError("its query is not understood") from None
    if not isinstance(found, exp.Select):
        raise NoSchemaError("its query is not one plain SELECT")
    if found.args.get("with_") is not None:
        raise NoSchemaError("its query has a WITH")
    return Select(
        tuple(_shown(one) for one in found.expressions),
        _sources(found),
        _groups(found),
        any(_is_aggregate(node) for node in _own_nodes(found)),
    )


def _query(definition: str) -> str:
    """The text behind the AS, a blank between its words."""
    words = read_words(definition)
    depth = 0
    for at, word in enumerate(words):
        depth += word.is_sign("(") - word.is_sign(")")
        if depth == 0 and word.is_bare("AS"):
            return " ".join(_spelled(definition, words[at + 1 :]))
    raise NoSchemaError("its definition has no AS")


def _spelled(definition: str, words: Words) -> list[str]:
    texts = [definition[word.start : word.end] for word in words]
    for at in range(1, len(words) - 1):
        if words[at - 1].is_bare("AS") and words[at].is_bare("ANY") and words[at + 1].is_sign(")"):
            texts[at] = "NUMERIC"
    if any(word.spelling is Spelling.SIGN and word.text == ";" for word in words[:-1]):
        raise NoSchemaError("its query is more than one statement")
    return texts


def _shown(entry: exp.Expr) -> Shown:
    from sqlglot import exp  # noqa: PLC0415

    alias = entry.alias if isinstance(entry, exp.Alias) else ""
    return Shown(_value(_bare(entry.unalias())), alias)


def _value(value: exp.Expr) -> Named | Star | Value | Folded:
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(value, exp.Star):
        return Star("")
    if isinstance(value, exp.Column) and isinstance(value.this, exp.Star):
        return Star(value.table)
    if isinstance(value, exp.Column):
        return _named(value)
    if isinstance(value, exp.Min | exp.Max | exp.Sum) and not value.expressions:
        return _folded(value)
    if isinstance(value, exp.Cast):
        return _cast(value)
    return _literal(value)


def _folded(value: exp.Min | exp.Max | exp.Sum) -> Folded:
    from sqlglot import exp  # noqa: PLC0415

    of: exp.Expr = value.this
    if isinstance(of, exp.Distinct) and len(of.expressions) == 1:
        of = of.expressions[0]
    of = _bare(of)
    if not isinstance(of, exp.Column) or isinstance(of.this, exp.Star):
        raise NoSchemaError(f"{value.key.upper()} is of no single column")
    return Folded(value.key.upper(), _named(of))


def _cast(value: exp.Cast) -> Value:
    from sqlglot import exp  # noqa: PLC0415

    kind = value.to.this.name if isinstance(value.to.this, exp.DType) else ""
    inner = _bare(value.this)
    if kind == "BOOLEAN" and isinstance(inner, exp.Predicate | exp.Connector | exp.Not):
        return Value(DataType.INTEGER)
    target = _CASTS.get(kind)
    if target is None:
        raise NoSchemaError("a CAST is to no type of STRICT tables")
    if isinstance(inner, exp.Column) and not isinstance(inner.this, exp.Star):
        return Value(target, nullable=False, of=_named(inner))
    return Value(target)


def _literal(value: exp.Expr) -> Value:
    from sqlglot import exp  # noqa: PLC0415

    number = _bare(value.this) if isinstance(value, exp.Neg) else value
    if isinstance(number, exp.Literal) and not number.is_string:
        if not number.name.isdigit():
            return Value(DataType.REAL, nullable=False)
        if int(number.name) <= _INTEGER_MAX:
            return Value(DataType.INTEGER, nullable=False)
        raise NoSchemaError("a number is longer than 64 bits")
    if isinstance(value, exp.Literal):
        return Value(DataType.TEXT, nullable=False)
    if isinstance(value, exp.HexString):
        return Value(DataType.BLOB, nullable=False)
    if isinstance(value, exp.Boolean):
        return Value(DataType.INTEGER, nullable=False)
    if isinstance(value, exp.Null):
        return Value(DataType.ANY)
    raise NoSchemaError(
        "a column is neither one of a table nor a literal, a CAST, or MIN, MAX or SUM of a column:"
        f" {value.sql(dialect='sqlite')[:100]}"
    )


def _sources(query: exp.Select) -> tuple[Source, ...]:
    begin = query.args.get("from_")
    if begin is None:
        return ()
    found = [_source(begin.this, outer=False)]
    for join in query.args.get("joins") or ():
        words = {join.method.upper(), join.side.upper(), join.kind.upper()} - {""}
        if not words <= {"INNER", "LEFT", "OUTER"}:
            named = "a comma or CROSS" if "CROSS" in words else " ".join(sorted(words))
            raise NoSchemaError(f"it joins by {named}, not by INNER or LEFT JOIN")
        using = frozenset(fold(one.name) for one in join.args.get("using") or ())
        source = _source(join.this, outer="LEFT" in words)
        found.append(source._replace(using=using, equal=_equal(join.args.get("on"))))
    return tuple(found)


def _equal(on: exp.Expr | None) -> tuple[tuple[Named, Named], ...]:
    """The pairs of columns that have to be equal, whatever else an ON asks for."""
    from sqlglot import exp  # noqa: PLC0415

    found, left = [], [] if on is None else [on]
    while left:
        one = _bare(left.pop())
        sides = [_bare(side) for side in (one.args.get("this"), one.args.get("expression")) if side]
        if isinstance(one, exp.And):
            left += sides
        elif isinstance(one, exp.EQ) and all(isinstance(side, exp.Column) for side in sides):
            found.append((_named(sides[0]), _named(sides[1])))
    return tuple(found)


def _source(source: exp.Expr, *, outer: bool) -> Source:
    from sqlglot import exp  # noqa: PLC0415

    plain = isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)
    if not plain or source.args.get("joins"):
        raise NoSchemaError("it reads from something else than tables and views")
    return Source(source.name, source.alias_or_name, outer)


def _groups(query: exp.Select) -> tuple[Named, ...]:
    from sqlglot import exp  # noqa: PLC0415

    clause = query.args.get("group")
    found = [_bare(one) for one in clause.expressions] if clause is not None else []
    if any(not isinstance(one, exp.Column) for one in found):
        raise NoSchemaError("it is grouped by something else than columns")
    return tuple(_named(one) for one in found)


def _own_nodes(query: exp.Select) -> list[exp.Expr]:
    """All parts of a query but its subqueries and windows."""
    from sqlglot import exp  # noqa: PLC0415

    apart = (exp.Subquery, exp.Query, exp.Window)
    walked = query.walk(prune=lambda node: node is not query and isinstance(node, apart))
    return [node for node in walked if node is query or not isinstance(node, apart)]


def _is_aggregate(node: exp.Expr) -> bool:
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _AGGREGATES
    return isinstance(node, exp.AggFunc | exp.JSONArrayAgg | exp.JSONObjectAgg)


def _named(column: exp.Expr) -> Named:
    from sqlglot import exp  # noqa: PLC0415

    assert isinstance(column, exp.Column)
    return Named(column.table, column.name)


def _bare(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp  # noqa: PLC0415

    while isinstance(value, exp.Paren):
        value = value.this
    return value
