"""SQL text stands where it can be found: in the one folder that builds it, and in a named few."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.layout.sources import Source, product

# Whole folders whose business is SQL, and modules with single look-ups of their own.
MAY_HOLD_SQL = (
    "shared.sql.", "shared.sqlite.", "shared.schema.catalog",     "shared.schema.system", "shared.schema.table", "shared.schema.side", "shared.schema.conversion", "shared.schema.view", "writer.", "worker.engine.",
    "worker.auth.identity", "worker.auth.lockout", "worker.auth.mfa", "worker.auth.superusers",
    "worker.migrations.databases", "worker.migrations.history", "worker.migrations.intact",
    "worker.pb_data.", "worker.records.caller", "worker.records.idempotency",
)  # fmt: skip
_SQL = re.compile(
    r"(SELECT |INSERT INTO |DELETE FROM |UPDATE \S+ SET |PRAGMA |ALTER TABLE |CREATE TABLE )"
)


def _texts(source: Source) -> Iterator[tuple[int, str]]:
    """Every text of a module but its docstrings; of an f-string, its fixed parts."""
    described = {
        id(node.value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in described
        ):
            yield node.lineno, node.value


def test_sql_stands_in_few_places() -> None:
    """What builds SQL is reviewed as such: quoted identifiers, bound values."""
    bad = [
        f"{source.path}:{line}: {text[:40]!r}"
        for source in product()
        if not source.module.startswith(MAY_HOLD_SQL)
        for line, text in _texts(source)
        if _SQL.match(text)
    ]
    assert not bad, "build this in shared/sql:\n" + "\n".join(bad)


def test_every_place_named_here_holds_sql() -> None:
    """A module that has none any more is struck off the list."""
    holding = {
        source.module for source in product() if any(_SQL.match(text) for _, text in _texts(source))
    }
    idle = [place for place in MAY_HOLD_SQL if not any(name.startswith(place) for name in holding)]
    assert not idle, f"strike off: {idle}"
