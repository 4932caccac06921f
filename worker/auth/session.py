"""Sessions and tokens of proven callers: what a login, of whatever kind, ends in."""

from __future__ import annotations

from typing import NamedTuple

from shared.access.identity import Identity
from shared.access.request import AccessRequest
from shared.errors import Kind, QuillError, forbidden, not_found
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.sql.select import view_sql
from shared.sql.shape import shape_of
from worker.auth.identity import signing_key, token_seconds
from worker.auth.tokens import TokenType, sign, sign_file
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import Caller, identity_in


class Session(NamedTuple):
    """A proven caller: the record's JSON as its owner sees it, and a token."""

    record: str
    token: str


def find_auth_collection(catalog: Catalog, name: str) -> Collection:
    """The auth collection of that id or name. Raises NOT_FOUND."""
    collection = catalog.find(name)
    if collection is None or collection.type != AUTH:
        raise not_found("Missing or invalid auth collection context.")
    return collection


def new_session(
    snapshot: Snapshot, catalog: Catalog, collection: Collection, identity: Identity
) -> Session:
    """A session with a new token. Raises FORBIDDEN where no token can be made."""
    key, seconds = _terms(catalog, collection, identity, TokenType.AUTH)
    token = sign(identity.id, collection.id, key, seconds, refreshable=True)
    return Session(record_json(snapshot, catalog, collection, identity), token)


def record_json(
    snapshot: Snapshot, catalog: Catalog, collection: Collection, identity: Identity
) -> str:
    """The caller's own record."""
    shape = shape_of(collection, catalog, hidden=identity.superuser, caller=collection)
    params = (*shape.bind(AccessRequest(identity)), identity.id)
    return str(snapshot.value(view_sql(collection, None, shape), params))


async def new_file_token(context: Context, caller: Caller | None) -> str:
    """A token that opens files for its owner. Raises UNAUTHENTICATED for a guest, FORBIDDEN."""
    if caller is None:
        raise unauthenticated()
    return await context.reader.read(_file_token, caller)


def _file_token(snapshot: Snapshot, catalog: Catalog, caller: Caller) -> str:
    identity = identity_in(caller, snapshot, catalog)
    collection = catalog.by_id(identity.collection_id)
    if identity.guest or collection is None:
        raise unauthenticated()
    key, seconds = _terms(catalog, collection, identity, TokenType.FILE)
    return sign_file(identity.id, collection.id, key, seconds)


def unauthenticated() -> QuillError:
    """The refusal of a guest."""
    return QuillError(
        Kind.UNAUTHENTICATED, "The request requires valid record authorization token."
    )


def _terms(
    catalog: Catalog, collection: Collection, identity: Identity, kind: TokenType
) -> tuple[str, int]:
    """Key and seconds of a new token."""
    key, seconds = signing_key(catalog, identity, kind), token_seconds(collection, kind)
    if not key or not seconds:
        raise forbidden("No tokens can be made for this record.")
    return key, seconds
