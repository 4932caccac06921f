"""Plans that make superusers while nobody is logged in: for the command line and the setup form.

Needs no running worker. Superusers are otherwise ordinary records of `_superusers`, changed through
the records API.
"""

from __future__ import annotations

from typing import Final

from shared import ids
from shared.errors import FieldError, invalid
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.fields.password import PasswordField
from shared.schema.system import SUPERUSERS_ID
from shared.sql.plan import Plan, Step, Value, forbid, returning
from worker.auth.lockout import attempt_key, clear_step
from worker.records.caller import TOKEN_KEY

REFUSED_NOT_FIRST: Final = "superuser_exists"
_EMAIL, _PASSWORD = "email", "password"


def check_credentials(catalog: Catalog, email: str, password: str) -> None:
    """Judge both as the records API would. Raises INVALID with the fields at fault."""
    collection = superusers(catalog)
    wrong: dict[str, FieldError] = {}
    for name, value in ((_EMAIL, email), (_PASSWORD, password)):
        field = collection.field(name)
        problem = _problem(field, value)
        if problem is not None:
            wrong[name] = problem
    if wrong:
        raise invalid("Failed to save the superuser.", wrong)


def upsert_plan(catalog: Catalog, email: str, password_hash: str, now: str) -> Plan:
    """Creates the superuser, or gives an existing one the new password and ends its sessions.

    Guesses at the old password are forgotten, so that whoever is locked out by them gets in.

    `now` is stored text (shared.dates). The result is the record's id. Raises INVALID for an email
    that the field refuses.
    """
    collection = superusers(catalog)
    _check_email(collection, email)
    insert = _insert(collection, _values(collection, email, password_hash, now))
    changed = [_PASSWORD, TOKEN_KEY, *_stamps(collection, update=True)]
    sets = ", ".join(f"{quote_identifier(n)} = excluded.{quote_identifier(n)}" for n in changed)
    # The unique index on the email is partial, so the conflict target repeats its condition.
    sql = (
        f'{insert.sql} ON CONFLICT ("email") WHERE "email" != \'\' DO UPDATE SET {sets} '
        'RETURNING "id"'
    )
    unlock = clear_step(attempt_key(collection.id, email))
    return Plan(catalog.version, (returning(sql, insert.params), unlock))


def first_plan(catalog: Catalog, email: str, password_hash: str, now: str) -> Plan:
    """Creates a superuser if there is none yet; else it is refused with REFUSED_NOT_FIRST."""
    collection = superusers(catalog)
    table = quote_identifier(collection.table)
    insert = _insert(collection, _values(collection, email, password_hash, now))
    return Plan(
        catalog.version,
        (
            forbid(f"SELECT 1 FROM {table}", refusal=REFUSED_NOT_FIRST),
            returning(f'{insert.sql} RETURNING "id"', insert.params),
        ),
    )


def superusers(catalog: Catalog) -> Collection:
    """The system collection of superusers."""
    collection = catalog.by_id(SUPERUSERS_ID)
    if collection is None:
        raise LookupError("the catalog has no _superusers collection")
    return collection


def _problem(field: Field | None, value: str) -> FieldError | None:
    if isinstance(field, PasswordField):
        return field.check_plain(value)
    return None if field is None else field.check(value)


def _check_email(collection: Collection, email: str) -> None:
    field = collection.field(_EMAIL)
    problem = field.check(email) if field is not None else None
    if problem is not None:
        raise invalid("The email address is not valid.", {_EMAIL: problem})


def _values(collection: Collection, email: str, password_hash: str, now: str) -> dict[str, Value]:
    values = {field.name: field.zero() for field in collection.fields}
    values |= dict.fromkeys(_stamps(collection, update=False), now)
    return values | {
        "id": ids.record_id(),
        _EMAIL: email,
        _PASSWORD: password_hash,
        TOKEN_KEY: ids.token_key(),
        "verified": 1,
    }


def _stamps(collection: Collection, *, update: bool) -> list[str]:
    """Names of the autodate fields that a create, or an update, sets."""
    return [
        field.name
        for field in collection.fields
        if field.type == "autodate" and (field.fills_on_update if update else field.fills_on_create)
    ]


def _insert(collection: Collection, values: dict[str, Value]) -> Step:
    names = ", ".join(map(quote_identifier, values))
    marks = ", ".join("?" * len(values))
    table = quote_identifier(collection.table)
    return returning(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
