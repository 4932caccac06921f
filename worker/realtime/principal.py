"""Who a realtime client is, over the minutes of its stream: remembered by name, never believed.

A request's identity ends with the request; a stream outlives it. So a stream keeps only which
record it was and with which key its token was signed, and the record is read again, in the
snapshot that judges the events, before anything is decided or shown for its sake. A deleted
record, a changed password or a renewed secret thus end what it may see at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.access.identity import Identity
from shared.schema.catalog import Catalog
from worker.auth.identity import identify, load_identity, signing_key
from worker.engine.snapshot import Snapshot


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
    return principal_as(catalog, identify(snapshot, catalog, header))


def principal_as(catalog: Catalog, identity: Identity) -> Principal | None:
    """What is remembered of an identity; None for a guest."""
    if identity.guest:
        return None
    key = signing_key(catalog, identity)
    return Principal(identity.collection_id, identity.id, key, identity.superuser)


def current_identity(snapshot: Snapshot, catalog: Catalog, principal: Principal) -> Identity | None:
    """The principal's record as it is now; None when its tokens are no longer good."""
    identity = load_identity(snapshot, catalog, principal.collection_id, principal.record_id)
    if identity is None or signing_key(catalog, identity) != principal.key:
        return None
    return identity


def ended(snapshot: Snapshot, catalog: Catalog, principals: Iterable[Principal]) -> set[Principal]:
    """Those whose tokens are no longer good."""
    return {one for one in principals if current_identity(snapshot, catalog, one) is None}
