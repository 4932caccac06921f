"""What the operands of a comparison mean: columns, values, and what only a request knows.

Names are resolved here, and here is where a client's filter is kept from hidden fields. Whatever
cannot be resolved raises, so no comparison ever loses a side in silence.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.language.errors import ForbiddenNameError, LanguageError
from shared.language.expression import (
    Call,
    Comparison,
    Constant,
    Expression,
    Name,
    Number,
    Operand,
    Text,
    Word,
)
from shared.language.macros import MACROS
from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.sql.plan import Value
from shared.sql.predicate import AuthField, Moment

_AUTH_PREFIX: Final = "@request.auth."
_RULE_PREFIXES: Final = ("@request.", "@collection.")


class Affinity(enum.Enum):
    """How the values of a column compare."""

    TEXT = "text"
    NUMBER = "number"
    JSON = "json"


_AFFINITIES: Final = {
    **dict.fromkeys(
        (
            "text", "editor", "email", "url", "date", "autodate", "select", "relation", "file",
            "password",
        ),
        Affinity.TEXT,
    ),
    "number": Affinity.NUMBER,
    "bool": Affinity.NUMBER,
    "json": Affinity.JSON,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row; never NULL unless it holds JSON."""

    sql: str
    affinity: Affinity


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in the text. `source` is how a text field sees it."""

    value: Value
    source: str

    @property
    def empty(self) -> bool:
        """Whether it is null or '', which mean the same to an ordinary field."""
        return self.value is None or self.value == ""


Resolved = Column | Literal | AuthField | Moment

_CONSTANTS: Final = {
    Word.NULL: Literal(None, ""),
    Word.TRUE: Literal(1, "1"),
    Word.FALSE: Literal(0, "0"),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may name: the fields of one collection, and for whom."""

    collection: Collection
    client: bool
    may_see_hidden: bool

    def check_names(self, expression: Expression) -> None:
        """Refuse a client's `@request.…` and `@collection.…` wherever they stand."""
        if not self.client or self.may_see_hidden:
            return
        for name in _names(expression):
            if name.text.startswith(_RULE_PREFIXES):
                raise ForbiddenNameError(f"{name.text[:40]} is for rules only", name.position)

    def resolve(self, operand: Operand) -> Resolved:
        """The meaning of `operand`; raises LanguageError when it has none here."""
        if isinstance(operand, Name):
            return self._name(operand)
        if isinstance(operand, Text):
            return Literal(operand.value, operand.value)
        if isinstance(operand, Number):
            return Literal(operand.value, operand.source)
        if isinstance(operand, Constant):
            return _CONSTANTS[operand.word]
        raise _unsupported(f"the function {operand.function[:40]}", operand.position)

    def _name(self, name: Name) -> Resolved:
        text = name.text
        if text[0] == "@":
            return _special(name)
        if ":" in text:
            raise _unsupported(f"the modifier in {text[:40]}", name.position)
        if "." in text:
            raise _unsupported(f"the path {text[:40]}", name.position)
        return self.column(text, name.position)

    def column(self, name: str, position: int) -> Column:
        """The column of the field `name`; raises LanguageError if it may not be compared here."""
        field = self.collection.field(name)
        if field is None or (self.client and field.hidden and not self.may_see_hidden):
            raise LanguageError(f"unknown field {name[:40]}", position)
        if self.client and field.secret:
            raise LanguageError(f"{name[:40]} cannot be searched", position)
        affinity = _AFFINITIES.get(field.type)
        if field.multiple or affinity is None:
            raise _unsupported(f"comparing the {field.type} field {name[:40]}", position)
        column = f"r.{quote_identifier(field.name)}"
        if affinity is Affinity.JSON:
            # A malformed text (a migration's, say) counts as null: it must not fail the query.
            column = f"iif(json_valid({column}), json_extract({column}, '$'), NULL)"
        return Column(column, affinity)


def _special(name: Name) -> Resolved:
    if name.text in MACROS:
        return Moment(name.text)
    if name.text.startswith(_AUTH_PREFIX):
        field = name.text.removeprefix(_AUTH_PREFIX)
        if "." not in field and ":" not in field:
            return AuthField(field)
    if name.text.startswith(_RULE_PREFIXES):
        raise _unsupported(name.text[:60], name.position)
    raise LanguageError(f"unknown name {name.text[:40]}", name.position)


def _unsupported(what: str, position: int) -> LanguageError:
    return LanguageError(f"{what} is not supported yet", position)


def _names(expression: Expression) -> Iterator[Name]:
    """Every name in the tree, also as an argument of a function."""
    waiting: list[Expression | Operand] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Name):
            yield node
        elif isinstance(node, Comparison):
            waiting += (node.left, node.right)
        elif isinstance(node, Call):
            waiting += node.arguments
        elif not isinstance(node, Text | Number | Constant):
            waiting += node.parts
