"""Password login and token refresh: who proves to be whom.

A wrong password, an unknown identity and a locked one take the same steps and the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.access.request import PASSWORD
from shared.errors import FieldError, forbidden, invalid
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import REQUIRED
from shared.sql.plan import Step
from shared.sql.write import stored_guard, swap_step
from worker.auth import lockout
from worker.auth.admission import admit_record
from worker.auth.entry import REFUSED_PROOF, Proof, enter, wrong
from worker.auth.identity import find_by_identity, identify, stand_in
from worker.auth.mfa import Begun
from worker.auth.session import (
    Session,
    find_auth_collection,
    new_session,
    record_json,
    unauthenticated,
)
from worker.auth.tokens import read_header
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin

_CHARS_MAX: Final = 255
_TOO_LONG: Final = FieldError(
    "validation_length_out_of_range",
    f"The length must be between 1 and {_CHARS_MAX}.",
    {"min": 1, "max": _CHARS_MAX},
)


class Attempt(NamedTuple):
    """What a client claims. `mfa_id`: of another way that it has passed before, `""` for none."""

    identity: str
    password: str
    identity_field: str
    mfa_id: str = ""


class _Found(NamedTuple):
    """A record and its hash. Without an id: a hash to spend as much time on, for an unknown one."""

    record_id: str
    password: str


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
) -> Session | Begun:
    """Log in.

    Raises NOT_FOUND, FORBIDDEN (disabled, authRule), INVALID (wrong), TOO_MANY (locked).
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
        matches = await context.passwords.verify(found.password, attempt.password)
        if not matches or not found.record_id:
            raise wrong()
        found = await _renewed(context, collection, found, attempt.password, request_id)
        entered = await enter(context, name, _proof(found, attempt), origin, request_id)
        await lockout.clear(context, key, request_id)
    return entered


async def refresh(context: Context, name: str, header: str | None, origin: Origin) -> Session:
    """A new token for the caller.

    Raises NOT_FOUND, UNAUTHENTICATED (guest), FORBIDDEN (record of another collection,
    or authRule).
    """
    return await context.reader.read(_refresh, name, header, origin, transaction=True)


def _find(snapshot: Snapshot, catalog: Catalog, name: str, attempt: Attempt) -> _Found:
    collection = find_auth_collection(catalog, name)
    asked = attempt.identity_field
    for field in (asked,) if asked else password_fields(collection):
        record = find_by_identity(snapshot, collection, field, attempt.identity)
        if record is not None and record["password"]:
            return _Found(str(record["id"]), str(record["password"]))
    return _Found("", stand_in(snapshot, collection, attempt.identity))


def _proof(found: _Found, attempt: Attempt) -> Proof:
    """The password was verified; the session is made only while its hash is still the record's."""

    def guard(collection: Collection) -> Step:
        stored = {"password": found.password}
        return stored_guard(collection, found.record_id, stored, refusal=REFUSED_PROOF)

    return Proof(found.record_id, PASSWORD, guard, attempt.mfa_id)


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


def _refresh(
    snapshot: Snapshot, catalog: Catalog, name: str, header: str | None, origin: Origin
) -> Session:
    collection = find_auth_collection(catalog, name)
    identity = identify(snapshot, catalog, header)
    claims = read_header(header)
    if identity.guest or claims is None:
        raise unauthenticated()
    if identity.collection_id != collection.id:
        raise forbidden("The authorized record is not allowed to perform this action.")
    admit_record(snapshot, catalog, collection, identity.id, origin.request(identity))
    if not claims.refreshable:
        return Session(record_json(snapshot, catalog, collection, identity), claims.token)
    return new_session(snapshot, catalog, collection, identity)
