"""Conditions while they are put together: SQL text with its parameters, or a truth known beforehand.

SQL has three truths, and so has a clause. Most of the work goes into conditions that have to be
TRUE, where unknown is as good as false; only what makes a comparison FALSE tells the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.sql.request_values import Parameter


class Sql(NamedTuple):
    """An SQL expression and its parameters in the order of its `?`.

    `opposite`: text that is TRUE exactly where this one is not, with the same parameters; only
    conditions that are never NULL have one. `excludes`: the opposite is what an index can find.
    """

    text: str
    params: tuple[Parameter, ...] = ()
    opposite: str | None = None
    excludes: bool = False

    def turned(self) -> Sql:
        """The opposite of a condition that has one."""
        assert self.opposite is not None
        return Sql(self.opposite, self.params, self.text, not self.excludes)


Clause = Sql | bool | None
"""A condition; `None` is the unknown truth, not the absence of a condition."""


def sql(*parts: str | Sql) -> Sql:
    """The parts written one after the other."""
    return Sql(
        "".join(one if isinstance(one, str) else one.text for one in parts),
        tuple(p for one in parts if isinstance(one, Sql) for p in one.params),
    )


def two_valued(left: Sql, operator: str, opposite: str, right: Sql) -> Sql:
    """`left operator right`, which is never NULL and whose opposite is the other operator."""
    return Sql(
        f"{left.text} {operator} {right.text}",
        left.params + right.params,
        f"{left.text} {opposite} {right.text}",
        operator == "IS NOT",
    )


def exists(query: Sql) -> Sql:
    """Whether the query has a row."""
    return Sql(f"EXISTS({query.text})", query.params, f"NOT EXISTS({query.text})")


def among(value: Sql, query: Sql, *, hoisted: bool = False) -> Sql:
    """Whether a value, which is never NULL, is one of the query's, which never are either.

    `hoisted`: the set may not decide in which order the rows come (the `+` keeps it from that).
    """
    plus = "+" if hoisted else ""
    return Sql(
        f"{plus}{value.text} IN ({query.text})",
        value.params + query.params,
        f"{value.text} NOT IN ({query.text})",
    )


def all_true(clauses: Sequence[Clause]) -> Clause:
    """TRUE where all of them are, and not TRUE elsewhere."""
    return _joined([one for one in clauses if one is not True], " AND ", neutral=True)


def any_true(clauses: Sequence[Clause]) -> Clause:
    """TRUE where one of them is, and not TRUE elsewhere."""
    return _joined([one for one in clauses if one], " OR ", neutral=False)


def _joined(clauses: list[Clause], word: str, *, neutral: bool) -> Clause:
    present = [one for one in clauses if isinstance(one, Sql)]
    if len(present) != len(clauses):
        return not neutral
    if len(present) <= 1:
        return present[0] if present else neutral
    return Sql(
        word.join(f"({one.text})" for one in present),
        tuple(p for one in present for p in one.params),
    )


def negated(clause: Clause) -> Clause:
    """TRUE where the clause is FALSE; unknown where it is unknown."""
    if isinstance(clause, Sql):
        if clause.opposite is not None:
            return clause.turned()
        return Sql(f"NOT ({clause.text})", clause.params)
    return None if clause is None else not clause


def not_true(clause: Clause) -> Clause:
    """TRUE where the clause is not: NOT alone would lose what is unknown."""
    if isinstance(clause, Sql):
        if clause.opposite is not None:
            return clause.turned()
        return Sql(f"({clause.text}) IS NOT TRUE", clause.params, f"({clause.text}) IS TRUE")
    return not clause


def both(first: Clause, second: Clause) -> Clause:
    """AND of three-valued logic, for what may be negated yet."""
    if first is False or second is False:
        return False
    if first is True or second is True:
        return second if first is True else first
    if first is None and second is None:
        return None
    return sql("(", _written(first), ") AND (", _written(second), ")")


def _written(clause: Clause) -> Sql:
    if isinstance(clause, Sql):
        return clause
    return Sql("NULL" if clause is None else str(int(clause)))


def condition(clause: Clause) -> Sql:
    """The clause as SQL text, where TRUE is all that counts."""
    return clause if isinstance(clause, Sql) else Sql(str(int(bool(clause))))


def where(*clauses: Clause) -> Sql:
    """` WHERE …` for all of them, or nothing."""
    clause = all_true(clauses)
    return Sql("") if clause is True else sql(" WHERE ", condition(clause))
