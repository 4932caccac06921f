"""What is told of auth records goes with them, however they go."""

from __future__ import annotations

from collections.abc import Iterable

import apsw
import pytest

from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.reserved import AUTH_SYSTEM
from shared.schema.system import USERS_ID
from shared.sql.auth_system import forget_begun_logins
from shared.sql.delete import delete_plan_steps, truncate_steps
from shared.sql.plan import Step
from tests.shared.schema.sample import define, load, make, new_database


@pytest.fixture
def db() -> apsw.Connection:
    """Rows of three users, and of a record of another collection with the id of one of them."""
    db = new_database()
    for number, name in enumerate(("ann", "bob", "eve")):
        db.execute(
            "INSERT INTO users (id, email, tokenKey) VALUES (?1, ?1, ?2)", (name, str(number))
        )
    for table in AUTH_SYSTEM:
        columns = [str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")]
        own = [c for c in columns if c not in ("_rowid_", "collectionRef", "recordRef")]
        sql = (
            f"INSERT INTO {table} (collectionRef, recordRef, {', '.join(own)})"
            f" VALUES (?, ?, {', '.join('?' * len(own))})"
        )
        for owner, record in ((USERS_ID, "ann"), (USERS_ID, "bob"), ("pbc_1", "ann")):
            db.execute(sql, (owner, record, *(f"{c} {owner} {record}" for c in own)))
    return db


def _left(db: apsw.Connection, table: str) -> set[tuple[str, str]]:
    return {
        (str(a), str(b)) for a, b in db.execute(f"SELECT collectionRef, recordRef FROM {table}")
    }


def _apply(db: apsw.Connection, steps: Iterable[Step]) -> None:
    for step in steps:
        db.execute(step.sql, step.params)


def _users(catalog: Catalog) -> Collection:
    users = catalog.by_id(USERS_ID)
    assert users is not None
    return users


def test_with_one_record(db: apsw.Connection) -> None:
    """Its own rows, and nobody else's."""
    catalog = load(db)
    users = _users(catalog)
    _apply(db, delete_plan_steps(catalog, users, "ann"))
    for table in AUTH_SYSTEM:
        assert _left(db, table) == {(USERS_ID, "bob"), ("pbc_1", "ann")}


def test_with_a_cascade(db: apsw.Connection) -> None:
    """A deleted team takes along its users, and they what is told of them."""
    teams = define({"name": "teams"})
    link = {"name": "team", "type": "relation", "collectionId": teams.id, "cascadeDelete": True}
    catalog = load(db)
    users = _users(catalog)
    make(db, teams)
    body = {"fields": [*(one.to_json() for one in users.fields), link]}
    linked = define(body, users, Catalog(1, [*catalog.all(), teams]))
    db.execute("ALTER TABLE users ADD COLUMN team TEXT NOT NULL DEFAULT ''")
    db.execute("INSERT INTO teams (id) VALUES ('t')")
    db.execute("UPDATE users SET team = 't' WHERE id = 'bob'")
    others = [one for one in catalog.all() if one.id != USERS_ID]
    _apply(db, delete_plan_steps(Catalog(2, [*others, teams, linked]), teams, "t"))
    assert [row[0] for row in db.execute("SELECT id FROM users ORDER BY id")] == ["ann", "eve"]
    for table in AUTH_SYSTEM:
        assert _left(db, table) == {(USERS_ID, "ann"), ("pbc_1", "ann")}


def test_with_all_records(db: apsw.Connection) -> None:
    """Those of other collections stay."""
    catalog = load(db)
    users = _users(catalog)
    _apply(db, truncate_steps(catalog, users))
    for table in AUTH_SYSTEM:
        assert _left(db, table) == {("pbc_1", "ann")}


def test_a_new_password_ends_what_was_begun(db: apsw.Connection) -> None:
    """Accounts with providers and known places stay."""
    catalog = load(db)
    users = _users(catalog)
    _apply(db, forget_begun_logins(catalog, users, "ann"))
    for table in AUTH_SYSTEM:
        gone = table in ("_mfas", "_otps")
        assert ((USERS_ID, "ann") in _left(db, table)) is not gone


def test_a_database_without_them_has_nothing_to_forget(db: apsw.Connection) -> None:
    """Another database than main, say."""
    users = _users(load(db))
    assert len(delete_plan_steps(Catalog(1, [users]), users, "ann")) == 1
    assert forget_begun_logins(Catalog(1, [users]), users, "ann") == []
