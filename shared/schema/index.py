"""Index definitions: `CREATE [UNIQUE] INDEX` texts, understood well enough to be safe.

A definition is read into names, key parts and a condition, each made only of the collection's own
fields, literals, and operators and functions that are deterministic; it is stored and run as this
module spells it, never as it was sent. What SQLite allows beyond that is refused: an index may not
depend on the clock, on a setting of the connection (LIKE) or on functions that another program that
opens the file lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from shared.limits import INDEX_CHARS_MAX
from shared.quote import quote_backtick
from shared.schema.index_tokens import (
    NUMBER,
    OPERATOR,
    QUOTED,
    TEXT,
    WORD,
    IndexDefinitionError,
    Token,
    read_tokens,
    render_tokens,
)

INDEX_NAME_CHARS_MAX: Final = 255
_KEPT: Final = 1_024

_FUNCTIONS: Final = frozenset(
    {
        "abs",
        "ceil",
        "ceiling",
        "char",
        "coalesce",
        "concat",
        "concat_ws",
        "floor",
        "hex",
        "ifnull",
        "iif",
        "instr",
        "json",
        "json_array_length",
        "json_extract",
        "json_type",
        "json_valid",
        "length",
        "lower",
        "ltrim",
        "max",
        "min",
        "mod",
        "nullif",
        "octet_length",
        "quote",
        "replace",
        "round",
        "rtrim",
        "sign",
        "substr",
        "substring",
        "trim",
        "trunc",
        "typeof",
        "unicode",
        "upper",
    }
)
_KEYWORDS: Final = frozenset(
    {
        "AND",
        "OR",
        "NOT",
        "IS",
        "NULL",
        "ISNULL",
        "NOTNULL",
        "IN",
        "BETWEEN",
        "GLOB",
        "DISTINCT",
        "FROM",
        "COLLATE",
        "AS",
    }
)
_CASE_KEYWORDS: Final = frozenset({"CASE", "WHEN", "THEN", "ELSE", "END"})
_TYPES: Final = frozenset({"TEXT", "INTEGER", "REAL", "NUMERIC"})
_COLLATIONS: Final = frozenset({"BINARY", "NOCASE", "RTRIM"})

Names = Mapping[str, str]
"""Field names by their lower-case form (and former names of renamed fields)."""


@dataclass(frozen=True, slots=True)
class Index:
    """A definition. `keys`: the tokens of each key part; `where`: those of the condition."""

    name: str
    unique: bool
    keys: tuple[tuple[Token, ...], ...]
    where: tuple[Token, ...] = ()

    def sql(self, table: str) -> str:
        """The statement that makes this index on `table`."""
        keys = ", ".join(render_tokens(key) for key in self.keys)
        kind = "CREATE UNIQUE INDEX" if self.unique else "CREATE INDEX"
        sql = f"{kind} {quote_backtick(self.name)} ON {quote_backtick(table)} ({keys})"
        return f"{sql} WHERE {render_tokens(self.where)}" if self.where else sql

    def definition(self) -> str:
        """What the index does, whatever it is called."""
        return replace(self, name="").sql("")

    def fields(self) -> set[str]:
        """Names of the fields that the definition mentions."""
        parts = (*self.keys, self.where)
        return {token.text for part in parts for token in part if token.kind == QUOTED}

    def key_fields(self) -> list[str]:
        """Names of the fields in the key, in order: those that a broken uniqueness is about."""
        found = [token.text for key in self.keys for token in key if token.kind == QUOTED]
        return list(dict.fromkeys(found))

    def resolved(self, names: Names) -> Index:
        """The same index with every name settled as field, function or keyword.

        Raises IndexDefinitionError for a name that is none of them.
        """
        keys = tuple(_resolve(key, names) for key in self.keys)
        return replace(self, keys=keys, where=_resolve(self.where, names))


@lru_cache(_KEPT)  # each definition is read again for every name that is to be free
def read_index(sql: str) -> Index:
    """The index that `sql` defines, on whatever table it names. Raises IndexDefinitionError."""
    if len(sql) > INDEX_CHARS_MAX:
        raise IndexDefinitionError(f"it is longer than {INDEX_CHARS_MAX} characters")
    tokens = read_tokens(sql.strip().removesuffix(";"))
    unique, position = _read_begin(tokens)
    name, position = _read_name(tokens, position)
    if not _at(tokens, position).is_word("ON"):
        raise IndexDefinitionError("ON is missing")
    _, position = _read_name(tokens, position + 1)
    if not _at(tokens, position).is_operator("("):
        raise IndexDefinitionError("the list of columns is missing")
    end = _closing(tokens, position)
    keys = tuple(_split(tokens[position + 1 : end]))
    rest = tokens[end + 1 :]
    if not rest:
        return Index(_checked_name(name), unique, keys)
    if not rest[0].is_word("WHERE") or len(rest) == 1:
        raise IndexDefinitionError("only a WHERE condition may follow the columns")
    _check_brackets(rest[1:])
    return Index(_checked_name(name), unique, keys, tuple(rest[1:]))


def _at(tokens: list[Token], position: int) -> Token:
    return tokens[position] if position < len(tokens) else Token(OPERATOR, "")


def _read_begin(tokens: list[Token]) -> tuple[bool, int]:
    if not _at(tokens, 0).is_word("CREATE"):
        raise IndexDefinitionError("it is not a CREATE INDEX statement")
    unique = _at(tokens, 1).is_word("UNIQUE")
    position = 2 if unique else 1
    if not _at(tokens, position).is_word("INDEX"):
        raise IndexDefinitionError("it is not a CREATE INDEX statement")
    position += 1
    words = ("IF", "NOT", "EXISTS")
    if all(_at(tokens, position + n).is_word(word) for n, word in enumerate(words)):
        position += len(words)
    return unique, position


def _read_name(tokens: list[Token], position: int) -> tuple[str, int]:
    token = _at(tokens, position)
    if token.kind not in (WORD, QUOTED, TEXT) or not token.text:
        raise IndexDefinitionError("a name is missing")
    return token.text, position + 1


def _checked_name(name: str) -> str:
    if len(name) > INDEX_NAME_CHARS_MAX or not name.isprintable():
        raise IndexDefinitionError("its name is too long or holds control characters")
    if name.lower().startswith("sqlite_"):
        raise IndexDefinitionError("its name is reserved by SQLite")
    return name


def _closing(tokens: list[Token], opening: int) -> int:
    depth = 0
    for position in range(opening, len(tokens)):
        if tokens[position].is_operator("("):
            depth += 1
        elif tokens[position].is_operator(")"):
            depth -= 1
            if depth == 0:
                return position
    raise IndexDefinitionError("a bracket is not closed")


def _check_brackets(tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        depth += token.is_operator("(") - token.is_operator(")")
        if depth < 0:
            break
    if depth:
        raise IndexDefinitionError("its brackets do not match")


def _split(tokens: list[Token]) -> list[tuple[Token, ...]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.is_operator("(") - token.is_operator(")")
        if depth == 0 and token.is_operator(","):
            parts.append([])
        else:
            parts[-1].append(token)
    if not all(parts):
        raise IndexDefinitionError("a column is missing")
    return [tuple(part) for part in parts]


def _resolve(tokens: tuple[Token, ...], names: Names) -> tuple[Token, ...]:
    found: list[Token] = []
    last = len(tokens) - 1
    case_depth = 0
    for position, token in enumerate(tokens):
        before = tokens[position - 1] if position else None
        after = tokens[position + 1] if position < last else None
        settled = _settle(token, before, after, names, case_depth)
        case_depth += settled.is_word("CASE") - settled.is_word("END")
        found.append(settled)
    return tuple(found)


def _settle(
    token: Token, before: Token | None, after: Token | None, names: Names, case_depth: int
) -> Token:
    if token.kind in (TEXT, NUMBER, OPERATOR):
        return token
    if before is not None and before.is_word("COLLATE"):
        return _one_of(token, _COLLATIONS, "collation")
    if token.kind == WORD:
        keyword = _keyword(token, before, after, case_depth)
        if keyword is not None:
            return keyword
    if after is not None and after.is_operator("("):
        raise IndexDefinitionError(f"the function {token.text} is not allowed in an index")
    field = names.get(token.text.lower())
    if field is None:
        raise IndexDefinitionError(f"{token.text} is not a field of the collection")
    return Token(QUOTED, field)


def _keyword(
    token: Token, before: Token | None, after: Token | None, case_depth: int
) -> Token | None:
    """The settled token when the bare word is not a field's name, else None."""
    upper = token.text.upper()
    if before is not None and before.is_word("AS"):
        return _one_of(token, _TYPES, "type")
    if after is not None and after.is_operator("("):
        lower = token.text.lower()
        if lower == "cast" or lower in _FUNCTIONS:
            return Token(WORD, lower)
    in_case = upper in _CASE_KEYWORDS and (upper == "CASE" or case_depth > 0)
    direction = upper in ("ASC", "DESC") and after is None and before is not None
    if in_case or direction or upper in _KEYWORDS:
        return Token(WORD, upper)
    return None


def _one_of(token: Token, known: frozenset[str], what: str) -> Token:
    upper = token.text.upper()
    if upper not in known:
        raise IndexDefinitionError(f"the {what} {token.text} is not known")
    return Token(WORD, upper)
