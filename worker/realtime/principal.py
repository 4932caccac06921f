"""Who a realtime client is, over the minutes of its stream: remembered by name, never believed.

A request's identity ends with the request; a stream outlives it. So a stream keeps only which
record it was and with which key its token was signed, and the record is read again, in the
snapshot that judges the events, before anything is decided or shown for its sake. A deleted
record, a changed password or a renewed secret thus end what it may see at once.

A user of the auth API has no key of his own. His password and whether he is an admin stand for it:
when one of them changes, he is no longer whom the stream was opened by.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.access.identity import Identity
from shared.access.users import USERS, id_bytes, is_user, user_identity
from shared.schema.catalog import Catalog
from shared.schema.reserved import PASSWORD_HASH
from worker.auth.identity import caller, load_identity, signing_key
from worker.auth.users.rows import read_user
from worker.engine.snapshot import Snapshot
from worker.records.caller import identity_in


class Principal(NamedTuple):
    """An auth record and the signing key that its token had.

    `superuser` chooses the view of the data; whether it still stands is read each time.
    """

    collection_id: str
    record_id: str
    key: str
    superuser: bool


def principal_of(snapshot: Snapshot, catalog: Catalog, header: str | None) -> Principal | None:
    """The caller behind an Authorization header; None for a guest."""
    return principal_as(catalog, identity_in(caller(header), snapshot, catalog))


def principal_as(catalog: Catalog, identity: Identity) -> Principal | None:
    """What is remembered of an identity; None for a guest."""
    if identity.guest:
        return None
    key = _user_key(identity) if is_user(identity) else signing_key(catalog, identity)
    return Principal(identity.collection_id, identity.id, key, identity.superuser)


def current_identity(snapshot: Snapshot, catalog: Catalog, principal: Principal) -> Identity | None:
    """The principal's record as it is now; None when its tokens are no longer good."""
    if principal.collection_id == USERS:
        return _current_user(snapshot, catalog, principal)
    identity = load_identity(snapshot, catalog, principal.collection_id, principal.record_id)
    if identity is None or signing_key(catalog, identity) != principal.key:
        return None
    return identity


def _user_key(identity: Identity) -> str:
    return f"{identity.superuser:d}{identity.record.get(PASSWORD_HASH)!r}"


def _current_user(snapshot: Snapshot, catalog: Catalog, principal: Principal) -> Identity | None:
    key = id_bytes(principal.record_id)
    user = None if key is None else read_user(snapshot, catalog, "id", key)
    identity = None if user is None else user_identity(user)
    return identity if identity is not None and _user_key(identity) == principal.key else None


def ended(snapshot: Snapshot, catalog: Catalog, principals: Iterable[Principal]) -> set[Principal]:
    """Those whose tokens are no longer good."""
    return {one for one in principals if current_identity(snapshot, catalog, one) is None}
