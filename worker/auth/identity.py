"""From an Authorization header to the caller, read in the request's own snapshot.

No identity outlives its request: what is kept between requests is only which key a token is signed
with (tokens.py). Whoever cannot be told for sure is a guest, never an error.
"""

from __future__ import annotations

from functools import partial

from shared.access.identity import GUEST, Identity, identity_of
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.system import SUPERUSERS_ID
from shared.sql.plan import Value
from worker.auth.tokens import Claims, read_header, signed_with
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import TOKEN_KEY, Caller


def caller(header: str | None) -> Caller | None:
    """Who asks: None for a guest, else how to find the identity in a snapshot."""
    claims = read_header(header)
    return None if claims is None else partial(_identify, claims=claims)


def identify(snapshot: Snapshot, catalog: Catalog, header: str | None) -> Identity:
    """The identity behind an Authorization header; GUEST when it is not, or no longer, good."""
    claims = read_header(header)
    return GUEST if claims is None else _identify(snapshot, catalog, claims)


async def caller_identity(context: Context, header: str | None) -> Identity:
    """Who asks, where nothing else is read; a guest costs no read."""
    claims = read_header(header)
    return GUEST if claims is None else await context.reader.read(_identify, claims)


def _identify(snapshot: Snapshot, catalog: Catalog, claims: Claims) -> Identity:
    identity = load_identity(snapshot, catalog, claims.collection_id, claims.record_id)
    if identity is None or not signed_with(claims, signing_key(catalog, identity)):
        return GUEST
    return identity


def load_identity(
    snapshot: Snapshot, catalog: Catalog, collection_id: str, record_id: str
) -> Identity | None:
    """The auth record of that id as an identity; None when there is none that may have tokens."""
    collection = catalog.by_id(collection_id)
    if collection is None or collection.type != "auth":
        return None
    record = read_record(snapshot, collection, "id", record_id)
    return identity_of_record(collection, record) if record and record[TOKEN_KEY] else None


def read_record(
    snapshot: Snapshot, collection: Collection, field: str, value: str
) -> dict[str, Value] | None:
    """The stored values of the one auth record whose `field` is `value`."""
    names = [stored.name for stored in collection.fields]
    columns = ", ".join(map(quote_identifier, names))
    table, column = quote_identifier(collection.table), quote_identifier(field)
    row = snapshot.row(f"SELECT {columns} FROM {table} WHERE {column} = ? LIMIT 1", (value,))
    return None if row is None else dict(zip(names, row, strict=True))


def identity_of_record(collection: Collection, record: dict[str, Value]) -> Identity:
    """The identity that a stored auth record stands for."""
    return identity_of(collection, record, superuser=collection.id == SUPERUSERS_ID)


def signing_key(catalog: Catalog, identity: Identity) -> str:
    """Key of the identity's tokens: its tokenKey and its collection's secret."""
    collection = catalog.by_id(identity.collection_id)
    secret = token_options(collection)["secret"] if collection is not None else ""
    return f"{identity.record[TOKEN_KEY]!s}{secret}"


def token_options(collection: Collection) -> dict[str, object]:
    """`{"duration": seconds, "secret": text}` of the collection's auth tokens."""
    options = collection.options.get("authToken")
    return options if isinstance(options, dict) else {"duration": 0, "secret": ""}
