"""SQL rules of record APIs as parts of statements: what they speak of, and their values.

    SELECT … FROM "main"."t" AS _ROW_ WHERE (rule) AND …

A rule stands in brackets of its own, on lines of its own; that it cannot leave them was found out
when it was prepared alone. `_ROW_` is the table itself, so that its indexes serve rules as well.
What the request brings is bound: `_USER_.id` and `_REQ_.x` become `?1`, `?2`, … in the place of the
words, and `_REQ_FIELDS_` a SELECT over a bound list of names. As tables of one row they would have
an order by an index sorted again, and cost more than the rest of the statement. Numbers begin with
1, so a rule stands before any plain `?`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.quote import quote_identifier
from shared.schema.api import Action, RecordApi, SqlRule
from shared.schema.tables.column import Column
from shared.schema.tables.words import (
    Spelling,
    Word,
    Words,
    closing,
    depth_after,
    fold,
    read_words,
)
from shared.sql.plan import Value

USER, ROW, REQ, FIELDS = "_USER_", "_ROW_", "_REQ_", "_REQ_FIELDS_"
_OURS: Final = {fold(name): name for name in (USER, ROW, REQ, FIELDS)}
_NAMES: Final = (Spelling.BARE, Spelling.QUOTED)
_VARIABLES: Final = "?:@$#;"
_COMPARING: Final = ("=", "==", "<", ">", "<=", ">=", "<>", "!=")
_BOOLEAN: Final = (
    "AND", "OR", "NOT", "EXISTS", "IN", "IS", "ISNULL", "NOTNULL", "LIKE", "GLOB", "REGEXP",
    "MATCH", "BETWEEN",
)  # fmt: skip
_NULLS_IN_TRIAL: Final = "NULL"


class WrongRuleError(Exception):
    """A rule that speaks of what its action does not have; the text says of what."""


class Trial(NamedTuple):
    """What is prepared to find out whether a rule is one expression, and reads what it may.

    `text`: the rule, with NULL where values are bound. `source`: the FROM clause that it has, if
    any.
    """

    text: str
    source: str


# --- Reading a rule -----------------------------------------------------------------------------


def read_rule(text: str, action: Action, columns: Iterable[Column]) -> SqlRule:
    """A rule and what it speaks of. `columns`: those of its API. Raises WrongRuleError.

    That it is one expression is for SQLite to say, by its `trial`.
    """
    words = read_words(text)
    _check_signs(words)
    found = _Reading(text, words, {fold(one.name): one.name for one in columns})
    sql = found.spliced(lambda number: f"?{number}")
    rule = SqlRule(
        text=text,
        condition=_condition(sql, words),
        wants=tuple(found.wants),
        uses_user=USER in found.seen,
        uses_row=ROW in found.seen,
        uses_req=REQ in found.seen,
        uses_fields=FIELDS in found.seen,
    )
    if rule.uses_row and not action.has_row:
        raise WrongRuleError(f"it speaks of {ROW}, and there is no row")
    if (rule.uses_req or rule.uses_fields) and not action.has_request:
        raise WrongRuleError(f"it speaks of {REQ}, and nothing is sent")
    return rule


def trial(
    text: str, action: Action, columns: Iterable[Column], *, database: str, table: str
) -> Trial:
    """The trial of a rule that `read_rule` takes; `database`: how the table's is called there."""
    found = _Reading(text, read_words(text), {fold(one.name): one.name for one in columns})
    row = f"FROM {quote_identifier(database)}.{quote_identifier(table)} AS {ROW}"
    sql = found.spliced(lambda _number: _NULLS_IN_TRIAL)
    return Trial(sql, row if action.has_row else "")


def _check_signs(words: Words) -> None:
    for word in words:
        if word.spelling is Spelling.SIGN and word.text in _VARIABLES:
            raise WrongRuleError(f"it may hold no {word.text}")


class _Reading:
    """The words of a rule. `columns`: the API's, by their folded names.

    `wants`: what is bound, in the order of the numbers: `_USER_`, `_REQ_FIELDS_`, or the name of a
    column of `_REQ_`. `seen`: which of our names it holds.
    """

    def __init__(self, text: str, words: Words, columns: Mapping[str, str]) -> None:
        self._text = text
        self._words = words
        self._columns = columns
        self.wants: list[str] = []
        self.seen: set[str] = set()

    def spliced(self, placeholder: Callable[[int], str]) -> str:
        """The text with placeholders for what is bound. Raises WrongRuleError."""
        parts: list[str] = []
        end = 0
        for at, word in enumerate(self._words):
            name = _OURS.get(fold(word.text)) if word.spelling in _NAMES else None
            if name is None:
                continue
            self._note(name, word)
            if name == ROW:
                continue
            last, want = self._bound(name, at)
            if want not in self.wants:
                self.wants.append(want)
            sql = placeholder(self.wants.index(want) + 1)
            parts += [self._text[end : word.start], _FIELDS_SQL % sql if name == FIELDS else sql]
            end = last.end
        return "".join([*parts, self._text[end:]])

    def _note(self, name: str, word: Word) -> None:
        if word.text != name:
            raise WrongRuleError(f"{word.text} has to be written as {name}")
        self.seen.add(name)

    def _bound(self, name: str, at: int) -> tuple[Word, str]:
        """The last word of what is bound there, and its entry in `wants`."""
        words = self._words
        if name == FIELDS:
            if at < 2 or not words[at - 1].is_bare("IN"):
                raise WrongRuleError(f"{FIELDS} stands after 'column' IN")
            return words[at], FIELDS
        if (
            at + 2 >= len(words)
            or not words[at + 1].is_sign(".")
            or (at > 0 and words[at - 1].is_sign("."))
        ):
            raise WrongRuleError(f"{name} stands before a dot and a column")
        column = words[at + 2]
        if name == USER and fold(column.text) == "id":
            return column, USER
        known = self._columns.get(fold(column.text)) if name == REQ else None
        if known is None or column.spelling not in _NAMES:
            raise WrongRuleError(f"{name} has no column {column.text}")
        return column, known


_FIELDS_SQL: Final = "(SELECT value FROM json_each(%s))"


def _condition(sql: str, words: Words) -> str:
    """A rule as a condition: whether its value, as a whole number, is another than 0."""
    plain = f"(\n{sql}\n)"
    return plain if _is_boolean(words) else f"CAST({plain} AS INTEGER)"


def _is_boolean(words: Words) -> bool:
    """Whether the value is surely 0, 1 or NULL, so that SQLite may use indexes for it.

    All these operators bind less tightly than any that yields another value.
    """
    if words and words[0].is_sign("("):
        try:
            if closing(words, 0) == len(words) - 1:
                return _is_boolean(words[1:-1])
        except ValueError:
            return False
    if words and words[0].is_bare("SELECT", "WITH", "VALUES"):
        return False
    depth = 0
    for word in words:
        outside = depth == 0
        depth = depth_after(word, depth)
        if outside and (word.is_bare(*_BOOLEAN) or any(word.is_sign(one) for one in _COMPARING)):
            return True
    return False


# --- Statements ---------------------------------------------------------------------------------


def source_sql(api: RecordApi, database: str | None = None) -> str:
    """The API's rows for a FROM clause.

    `database`: how its database is called where the statement runs, as the API says unless given.
    """
    schema = quote_identifier(api.database if database is None else database)
    return f"{schema}.{quote_identifier(api.table.name)} AS {ROW}"


def rule_params(
    rule: SqlRule | None,
    user: Value,
    sent: Mapping[str, Value] | None = None,
    fields: Iterable[str] | None = None,
) -> tuple[Value, ...]:
    """The values of a rule's condition, which stand before all others of its statement.

    `user`: the id of who asks, as stored. `sent`: values by column, NULL where absent. `fields`:
    the names for `_REQ_FIELDS_`, those of `sent` unless given.
    """
    if rule is None or not rule.wants:
        return ()
    given = sent or {}
    values: list[Value] = []
    for want in rule.wants:
        if want == USER:
            values.append(user)
        elif want == FIELDS:
            values.append(json.dumps(list(given if fields is None else fields)))
        else:
            values.append(given.get(want))
    return tuple(values)


@dataclass(frozen=True, slots=True)
class Judge:
    """A statement that has a row exactly where a rule allows; a guard of a plan.

    Of an action with a row it has none either where the record is not there.
    """

    sql: str
    rule: SqlRule | None
    has_row: bool

    def params(
        self,
        user: Value,
        record_id: Value = None,
        sent: Mapping[str, Value] | None = None,
        fields: Iterable[str] | None = None,
    ) -> tuple[Value, ...]:
        """As `rule_params`; `record_id`: as stored."""
        values = rule_params(self.rule, user, sent, fields)
        return (*values, record_id) if self.has_row else values


def judge(api: RecordApi, action: Action, database: str | None = None) -> Judge:
    """The guard of one action. `database` as in `source_sql`; the writer calls each its main."""
    rule = api.rules.get(action)
    conditions = [] if rule is None else [rule.condition]
    source = ""
    if action.has_row:
        source = f" FROM {source_sql(api, database)}"
        conditions.append(f"{ROW}.{quote_identifier(api.key.column.name)} = ?")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return Judge(f"SELECT 1{source}{where}", rule, action.has_row)
