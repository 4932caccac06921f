"""Password login and token refresh: who proves to be whom, and the session token for it.

A wrong password, an unknown identity and a locked one take the same steps and the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.access.identity import Identity
from shared.errors import FieldError, Kind, QuillError, forbidden, invalid, not_found
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import REQUIRED
from shared.sql.plan import Value
from shared.sql.select import shape_sql, view_sql
from worker.auth import lockout
from worker.auth.identity import (
    identify,
    identity_of_record,
    read_record,
    signing_key,
    token_options,
)
from worker.auth.tokens import read_header, sign
from worker.context import Context
from worker.engine.snapshot import Snapshot

_CHARS_MAX: Final = 255
_TOO_LONG: Final = FieldError(
    "validation_length_out_of_range",
    f"The length must be between 1 and {_CHARS_MAX}.",
    {"min": 1, "max": _CHARS_MAX},
)


class Session(NamedTuple):
    """A proven caller: the record's JSON as its owner sees it, and a token."""

    record: str
    token: str


class Attempt(NamedTuple):
    """What a client claims."""

    identity: str
    password: str
    identity_field: str


class _Found(NamedTuple):
    record_id: str
    password: str


def find_auth_collection(catalog: Catalog, name: str) -> Collection:
    """The auth collection of that id or name. Raises NOT_FOUND."""
    collection = catalog.find(name)
    if collection is None or collection.type != "auth":
        raise not_found("Missing or invalid auth collection context.")
    return collection


def password_fields(collection: Collection) -> tuple[str, ...]:
    """Names of the fields that may identify a record at login; empty when that is disabled."""
    options = collection.options.get("passwordAuth")
    if not isinstance(options, dict) or not options.get("enabled"):
        return ()
    names = options.get("identityFields")
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def read_attempt(body: Mapping[str, object]) -> Attempt:
    """The claim in a request's body. Raises INVALID with the fields at fault."""
    wrong: dict[str, FieldError] = {}
    for name in ("identity", "password"):
        value = body.get(name)
        if not isinstance(value, str) or not value:
            wrong[name] = REQUIRED
        elif len(value) > _CHARS_MAX:
            wrong[name] = _TOO_LONG
    if wrong:
        raise invalid("An error occurred while validating the submitted data.", wrong)
    return Attempt(
        str(body["identity"]), str(body["password"]), str(body.get("identityField") or "")
    )


async def with_password(context: Context, name: str, attempt: Attempt, request_id: str) -> Session:
    """Log in. Raises NOT_FOUND, FORBIDDEN (disabled), INVALID (wrong), TOO_MANY (locked)."""
    collection = find_auth_collection(context.catalog.current(), name)
    allowed = password_fields(collection)
    if not allowed:
        raise forbidden("The collection is not configured to allow password authentication.")
    if attempt.identity_field and attempt.identity_field not in allowed:
        error = FieldError("validation_in_invalid", "Must be a valid value.")
        raise invalid("Failed to authenticate.", {"identityField": error})
    key = lockout.attempt_key(collection.id, attempt.identity)
    async with context.passwords.turns.turn(key):
        await lockout.reserve(context, key, request_id)
        found = await context.reader.read(_find, name, attempt, transaction=True)
        stored = found.password if found is not None else None
        if not await context.passwords.verify(stored, attempt.password) or found is None:
            raise invalid("Failed to authenticate.")
        session = await context.reader.read(_open, name, found, transaction=True)
        await lockout.clear(context, key, request_id)
    return session


async def refresh(context: Context, name: str, header: str | None) -> Session:
    """A new token for the caller.

    Raises NOT_FOUND, UNAUTHENTICATED (guest), FORBIDDEN (record of another collection).
    """
    return await context.reader.read(_refresh, name, header, transaction=True)


def _find(snapshot: Snapshot, catalog: Catalog, name: str, attempt: Attempt) -> _Found | None:
    collection = find_auth_collection(catalog, name)
    asked = attempt.identity_field
    for field in (asked,) if asked else password_fields(collection):
        record = read_record(snapshot, collection, field, attempt.identity)
        if record is not None and record["password"]:
            return _Found(str(record["id"]), str(record["password"]))
    return None


def _open(snapshot: Snapshot, catalog: Catalog, name: str, found: _Found) -> Session:
    """The session of a record whose password was verified, if it still is the record's.

    Made only now: its cost would tell before which identities exist. Raises INVALID.
    """
    collection = find_auth_collection(catalog, name)
    record = read_record(snapshot, collection, "id", found.record_id)
    if record is None or record["password"] != found.password:
        raise invalid("Failed to authenticate.")
    return _session(snapshot, catalog, collection, record)


def _refresh(snapshot: Snapshot, catalog: Catalog, name: str, header: str | None) -> Session:
    collection = find_auth_collection(catalog, name)
    identity = identify(snapshot, catalog, header)
    claims = read_header(header)
    if identity.guest or claims is None:
        raise QuillError(
            Kind.UNAUTHENTICATED, "The request requires valid record authorization token."
        )
    if identity.collection_id != collection.id:
        raise forbidden("The authorized record is not allowed to perform this action.")
    if not claims.refreshable:
        return Session(_record_json(snapshot, collection, identity), claims.token)
    return _session(snapshot, catalog, collection, dict(identity.record))


def _session(
    snapshot: Snapshot, catalog: Catalog, collection: Collection, record: dict[str, Value]
) -> Session:
    identity = identity_of_record(collection, record)
    duration = token_options(collection)["duration"]
    token = sign(
        identity.id,
        collection.id,
        signing_key(catalog, identity),
        int(str(duration)),
        refreshable=True,
    )
    return Session(_record_json(snapshot, collection, identity), token)


def _record_json(snapshot: Snapshot, collection: Collection, identity: Identity) -> str:
    """The caller's own record."""
    shape = shape_sql(collection, hidden=identity.superuser)
    return str(snapshot.value(view_sql(collection, None, shape), (identity.id,)))
