"""The system collections beside the auth collections, as PocketBase knows them."""

from __future__ import annotations

import apsw
import pytest

from shared.schema.auth_system import auth_system
from shared.schema.reserved import AUTH_SYSTEM
from shared.schema.system import missing_system
from tests.shared.schema.sample import NOW, load, new_database

IDS = {
    "_mfas": "pbc_2279338944",
    "_otps": "pbc_1638494021",
    "_externalAuths": "pbc_2281828961",
    "_authOrigins": "pbc_4275539003",
}
FIELDS = {
    "_mfas": {"method": "text1582905952"},
    "_otps": {"password": "password901924565", "sentTo": "text3866985172"},
    "_externalAuths": {"provider": "text2462348188", "providerId": "text1044722854"},
    "_authOrigins": {"fingerprint": "text4228609354"},
}
COMMON = {
    "id": "text3208210256",
    "collectionRef": "text455797646",
    "recordRef": "text127846527",
    "created": "autodate2990389176",
    "updated": "autodate3332085495",
}


def test_a_new_database_holds_them_under_the_ids_that_imports_bring() -> None:
    """Collections and fields; all of them the system's."""
    catalog = load(new_database())
    assert set(IDS) == set(AUTH_SYSTEM)
    for name, own_id in IDS.items():
        found = catalog.by_id(own_id)
        assert found is not None
        assert (found.name, found.type, found.system) == (name, "base", True)
        assert {one.name: one.id for one in found.fields} == COMMON | FIELDS[name]
        assert all(one.system for one in found.fields)


def test_owners_read_what_is_theirs_and_nobody_writes() -> None:
    """Accounts with providers, and places, may be forgotten by their owner."""
    for one in auth_system(NOW):
        assert one.list_rule == one.view_rule
        assert one.list_rule is not None
        assert "recordRef = @request.auth.id" in one.list_rule
        assert (one.create_rule, one.update_rule) == (None, None)
        deletable = one.name in ("_externalAuths", "_authOrigins")
        assert one.delete_rule == (one.list_rule if deletable else None)


@pytest.mark.parametrize(
    ("table", "columns"),
    [("_externalAuths", ("provider", "providerId")), ("_authOrigins", ("fingerprint",))],
)
def test_one_account_belongs_to_one_record(table: str, columns: tuple[str, ...]) -> None:
    """The indexes say so."""
    db = new_database()
    names = ("id", "collectionRef", "recordRef", *columns)
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    db.execute(sql, ("a", "users", "ann", *columns))
    with pytest.raises(apsw.ConstraintError):
        db.execute(sql, ("b", "users", "ann", *columns))


def test_only_what_is_missing_is_made() -> None:
    """In any case of the name."""
    assert missing_system({name.lower() for name in AUTH_SYSTEM}, NOW) == []
    made = missing_system({"_mfas", "_otps", "_authorigins"}, NOW)
    rows = [params for sql, params in made if sql.startswith("INSERT")]
    assert [row[0] for row in rows] == [IDS["_externalAuths"]]
