"""Password login and token refresh: who proves to be whom, and the session token for it.

A wrong password, an unknown identity and a locked one take the same steps and the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.access.identity import Identity
from shared.access.request import AccessRequest
from shared.errors import FieldError, Kind, QuillError, forbidden, invalid, not_found
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import REQUIRED
from shared.sql.plan import Value
from shared.sql.select import view_sql
from shared.sql.shape import shape_of
from shared.sql.write import swap_step
from worker.auth import lockout
from worker.auth.admission import admit_record, require_one_factor
from worker.auth.identity import (
    find_by_identity,
    identify,
    identity_of_record,
    read_record,
    signing_key,
    token_options,
)
from worker.auth.tokens import read_header, sign
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, identity_in

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


async def with_password(
    context: Context, name: str, attempt: Attempt, origin: Origin, request_id: str
) -> Session:
    """Log in.

    Raises NOT_FOUND, FORBIDDEN (disabled, authRule, a second factor), INVALID (wrong), TOO_MANY
    (locked).
    """
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
        found = await _renewed(context, collection, found, attempt.password, request_id)
        session = await context.reader.read(_open, name, found, origin, transaction=True)
        await lockout.clear(context, key, request_id)
    return session


async def refresh(context: Context, name: str, header: str | None, origin: Origin) -> Session:
    """A new token for the caller.

    Raises NOT_FOUND, UNAUTHENTICATED (guest), FORBIDDEN (record of another collection,
    or authRule).
    """
    return await context.reader.read(_refresh, name, header, origin, transaction=True)


def _find(snapshot: Snapshot, catalog: Catalog, name: str, attempt: Attempt) -> _Found | None:
    collection = find_auth_collection(catalog, name)
    asked = attempt.identity_field
    for field in (asked,) if asked else password_fields(collection):
        record = find_by_identity(snapshot, collection, field, attempt.identity)
        if record is not None and record["password"]:
            return _Found(str(record["id"]), str(record["password"]))
    return None


async def _renewed(
    context: Context, collection: Collection, found: _Found, password: str, request_id: str
) -> _Found:
    """Store the password's hash anew where it is of an older kind."""
    renewed = await context.passwords.renew(found.password, password)
    if renewed is None:
        return found
    step = swap_step(collection, found.record_id, "password", found.password, renewed)
    await lockout.apply_anyway(context, (step,), request_id)
    return found._replace(password=renewed)


def _open(
    snapshot: Snapshot, catalog: Catalog, name: str, found: _Found, origin: Origin
) -> Session:
    """The session of a record whose password was verified, if it still is the record's.

    Made only now: its cost would tell before which identities exist. Raises INVALID.
    """
    collection = find_auth_collection(catalog, name)
    record = read_record(snapshot, collection, "id", found.record_id)
    if record is None or record["password"] != found.password:
        raise invalid("Failed to authenticate.")
    request = origin.request(identity_in(origin.caller, snapshot, catalog))
    admit_record(snapshot, catalog, collection, found.record_id, request)
    require_one_factor(snapshot, catalog, collection, found.record_id, request)
    return _session(snapshot, catalog, collection, record)


def _refresh(
    snapshot: Snapshot, catalog: Catalog, name: str, header: str | None, origin: Origin
) -> Session:
    collection = find_auth_collection(catalog, name)
    identity = identify(snapshot, catalog, header)
    claims = read_header(header)
    if identity.guest or claims is None:
        raise QuillError(
            Kind.UNAUTHENTICATED, "The request requires valid record authorization token."
        )
    if identity.collection_id != collection.id:
        raise forbidden("The authorized record is not allowed to perform this action.")
    admit_record(snapshot, catalog, collection, identity.id, origin.request(identity))
    if not claims.refreshable:
        return Session(_record_json(snapshot, catalog, collection, identity), claims.token)
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
    return Session(_record_json(snapshot, catalog, collection, identity), token)


def _record_json(
    snapshot: Snapshot, catalog: Catalog, collection: Collection, identity: Identity
) -> str:
    """The caller's own record."""
    shape = shape_of(collection, catalog, hidden=identity.superuser, caller=collection)
    params = (*shape.bind(AccessRequest(identity)), identity.id)
    return str(snapshot.value(view_sql(collection, None, shape), params))
