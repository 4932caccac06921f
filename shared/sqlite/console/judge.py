"""The authorizer of the SQL console: what a statement may do, asked by SQLite as it prepares it.

It is on while a statement is prepared and while it runs, in the worker as in the writer. What is
not named here is refused.
"""

from __future__ import annotations

import enum
from functools import cache
from typing import Final

import apsw

from shared.limits import (
    CONSOLE_CALLS_MAX,
    CONSOLE_SEARCHED_BYTES_MAX,
    CONSOLE_TRIMMED_BYTES_MAX,
    CONSOLE_VALUE_BYTES_MAX,
)
from shared.messages.console import Scope
from shared.schema.reserved import (
    PROTECTED_TABLES,
    USER_SECRETS,
    USERS_TABLE,
    is_reserved_table,
)
from shared.sqlite.functions.register import names_in_rules
from shared.sqlite.scratch import functions_of_users

_HIDDEN_TABLES: Final = frozenset(
    {
        "_settings", "_batch", "_idempotency", "_session", "_authorization_code", "_otp_code",
    }
)  # fmt: skip
"""Tables that nobody reads: they hold keys, or answers that were meant for others."""
_SAMPLES: Final = frozenset({("sqlite_stat3", "sample"), ("sqlite_stat4", "sample")})
"""Indexed values that ANALYZE keeps, of any column."""
_HIDDEN_COLUMNS: Final = {USERS_TABLE: USER_SECRETS, "_collections": frozenset({"options"})}
_SCHEMA_TABLES: Final = frozenset(
    {"sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"}
)
_PRAGMAS: Final = frozenset(
    {
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
        "foreign_key_list", "foreign_key_check", "collation_list", "function_list",
        "quick_check",  # ALTER TABLE asks for it, too
    }
)  # fmt: skip
"""Those that only read, whatever they are given."""
_BARE_PRAGMAS: Final = frozenset(
    {"user_version", "application_id", "schema_version", "page_count", "page_size", "encoding",
     "freelist_count", "compile_options"}
)  # fmt: skip
"""Those that only read where they are given nothing."""
_TABLE_FUNCTIONS: Final = frozenset({"json_each", "json_tree"})
_MODULES: Final = frozenset(
    {"sqlite_dbpage", "sqlite_dbdata", "sqlite_dbptr", "sqlite_stmt", "dbstat", "bytecode",
     "tables_used", "completion", "fsdir", "fts3tokenize", "carray"}
)  # fmt: skip
"""What looks like a table and shows the file, the process or the machine."""
_FUNCTIONS: Final = frozenset(
    {"changes", "total_changes", "last_insert_rowid", "randomblob", "sqlite_version"}
)
_PRODUCTS: Final = {
    **dict.fromkeys(("instr", "replace"), CONSOLE_SEARCHED_BYTES_MAX),
    **dict.fromkeys(
        ("trim", "ltrim", "rtrim", "unhex", "json_patch", "jsonb_patch"), CONSOLE_TRIMMED_BYTES_MAX
    ),
}
"""Functions that may take the product of two lengths, where no clock can end it."""
_OF_ALTER: Final = ("sqlite_rename_", "sqlite_drop_", "sqlite_add_", "sqlite_find_", "sqlite_fail")
"""Functions that ALTER TABLE calls by itself; no text of a user can."""

_ON_ONE: Final = frozenset(
    {apsw.SQLITE_CREATE_TABLE, apsw.SQLITE_CREATE_VIEW, apsw.SQLITE_DROP_TABLE,
     apsw.SQLITE_DROP_VIEW}
)  # fmt: skip
_ON_TWO: Final = frozenset(
    {apsw.SQLITE_CREATE_INDEX, apsw.SQLITE_DROP_INDEX, apsw.SQLITE_DROP_TRIGGER,
     apsw.SQLITE_ALTER_TABLE}
)  # fmt: skip
_ANYWHERE: Final = frozenset({apsw.SQLITE_REINDEX, apsw.SQLITE_ANALYZE})
_DEFINES: Final = _ON_ONE | _ON_TWO | _ANYWHERE
_WRITES: Final = frozenset({apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE, apsw.SQLITE_DELETE})
_REASONS: Final = {
    apsw.SQLITE_ATTACH: "ATTACH is not allowed; name the databases in attached_databases",
    apsw.SQLITE_DETACH: "DETACH is not allowed",
    apsw.SQLITE_TRANSACTION: "a text is one transaction, and begins and ends none itself",
    apsw.SQLITE_SAVEPOINT: "a text is one transaction, and begins and ends none itself",
    apsw.SQLITE_CREATE_TRIGGER: "triggers are made by migrations",
    apsw.SQLITE_CREATE_VTABLE: "virtual tables are made by migrations",
    apsw.SQLITE_DROP_VTABLE: "virtual tables are dropped by migrations",
}


class Secrets(enum.Enum):
    """What becomes of a secret column that a statement reads."""

    NULL = apsw.SQLITE_IGNORE
    """It is NULL, so that a whole row can be looked at."""
    REFUSED = apsw.SQLITE_DENY
    """The statement is refused: a write must not take a NULL for the value."""


class ConsoleJudge:
    """Answers SQLite, and keeps what the statement does.

    `writes`: it changes rows. `defines`: it changes the schema. `places`: the databases where.
    `views`: those that it makes. `refusal`: why it may not.
    """

    def __init__(self, scope: Scope, secrets: Secrets) -> None:
        self._scope = scope
        self._secrets = secrets
        self.begin()

    def twin(self) -> ConsoleJudge:
        """Another one for a statement in between."""
        return ConsoleJudge(self._scope, self._secrets)

    def begin(self) -> None:
        """Another statement follows."""
        self.writes = self.defines = False
        self.places: set[str] = set()
        self.views: list[str] = []
        self.refusal = ""
        self._calls = self._products = 0
        self._longest = CONSOLE_VALUE_BYTES_MAX
        self._analyzes = False

    @property
    def value_bytes(self) -> int:
        """How large a value may be beside the functions that the statement calls."""
        return self._longest // max(self._products, 1)

    def __call__(
        self,
        action: int,
        one: str | None,
        two: str | None,
        database: str | None,
        within: str | None,
    ) -> int:
        """sqlite.org/c3ref/set_authorizer.html; `within`: a trigger or view."""
        verdict: int = apsw.SQLITE_OK
        if action == apsw.SQLITE_READ:
            verdict = self._read(str(one), str(two or ""))
        elif action == apsw.SQLITE_FUNCTION:
            verdict = self._call(str(two))
        elif action in _WRITES:
            verdict = self._write(str(one), database, within)
        elif action == apsw.SQLITE_PRAGMA:
            verdict = self._pragma(str(one), two)
        elif action in _DEFINES:
            verdict = self._define(action, str(one), str(two or ""), database)
        elif action not in (apsw.SQLITE_SELECT, apsw.SQLITE_RECURSIVE):
            verdict = self._refuse(_REASONS.get(action, "this has no place in the console"))
        return verdict

    def _refuse(self, why: str) -> int:
        self.refusal = self.refusal or why
        return apsw.SQLITE_DENY

    def _read(self, name: str, column: str) -> int:
        table = name.lower()
        if (table, column.lower()) in _SAMPLES:
            # SQLite asks for itself, too, when it loads a schema: that is no fault of the statement.
            return apsw.SQLITE_OK if self._analyzes else apsw.SQLITE_DENY
        if table in _HIDDEN_TABLES or table in _MODULES:
            return self._refuse(f"{name} may not be read")
        if table.startswith("pragma_") and table.removeprefix("pragma_") not in _ALL_PRAGMAS:
            return self._refuse(f"{name} may not be read")
        secret = _HIDDEN_COLUMNS.get(table) or self._scope.secrets.get(table, frozenset())
        if column.lower() not in secret:
            return apsw.SQLITE_OK
        if self._secrets is Secrets.REFUSED:
            self._refuse(f"{name}.{column} may not be read")
        return self._secrets.value

    def _call(self, name: str) -> int:
        self._calls += 1
        if self._calls > CONSOLE_CALLS_MAX:
            return self._refuse(f"a statement may call {CONSOLE_CALLS_MAX} functions at most")
        lower = name.lower()
        if lower in _PRODUCTS:
            self._products += 1
            self._longest = min(self._longest, _PRODUCTS[lower])
        if lower in functions_of_console() or lower.startswith(_OF_ALTER):
            return apsw.SQLITE_OK
        return self._refuse(f"the function {name} is not allowed")

    def _write(self, name: str, database: str | None, within: str | None) -> int:
        table = name.lower()
        if table in _SCHEMA_TABLES:
            return apsw.SQLITE_OK  # a part of what is judged as a definition
        if table in PROTECTED_TABLES:
            return self._refuse(f"the table {name} belongs to the system")
        if ":" in table and within is None:
            return self._refuse(f"the table {name} follows the records of its collection")
        self.writes = True
        self.places.add(database or "main")
        return apsw.SQLITE_OK

    def _pragma(self, name: str, given: str | None) -> int:
        lower = name.lower()
        if lower in _PRAGMAS or (lower in _BARE_PRAGMAS and given is None):
            return apsw.SQLITE_OK
        return self._refuse(f"PRAGMA {name} is not allowed here")

    def _define(self, action: int, one: str, two: str, database: str | None) -> int:
        """ALTER tells the database first, so its table is the second name as well."""
        place = one if action == apsw.SQLITE_ALTER_TABLE else database
        name = one if action in _ON_ONE else two
        if action not in _ANYWHERE and (why := self._owner(name)):
            return self._refuse(why)
        if action == apsw.SQLITE_CREATE_VIEW:
            self.views.append(one)
        self._analyzes = self._analyzes or action == apsw.SQLITE_ANALYZE
        self.defines = True
        self.places.add(place or "main")
        return apsw.SQLITE_OK

    def _owner(self, name: str) -> str:
        """Why a table or view is not defined here; "" where it is the user's own."""
        lower = name.lower()
        if lower in self._scope.owned:
            return f"{name} is defined by its collection; change that"
        if ":" in lower or (is_reserved_table(lower) and not lower.startswith("sqlite_")):
            return f"the table {name} belongs to the system"
        if lower in PROTECTED_TABLES:
            return f"the table {name} belongs to the system"
        return ""


_ALL_PRAGMAS: Final = _PRAGMAS | _BARE_PRAGMAS


@cache
def functions_of_console() -> frozenset[str]:
    """What a text may call, by lower-case names; none reads a file or loads code."""
    return functions_of_users() | names_in_rules() | _FUNCTIONS
