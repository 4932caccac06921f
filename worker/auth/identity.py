"""From an Authorization header to the caller, read in the request's own snapshot.

Each request reads the caller's row. What is kept between requests is only what follows from it:
which key a token is signed with (tokens.py), and whom a token and the very same row make. Whoever
cannot be told for sure is a guest, never an error.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from shared.access.identity import GUEST, Identity, identity_of
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.schema.index import read_index
from shared.schema.system import SUPERUSERS_ID
from shared.sql.plan import Value
from worker.auth.tokens import Claims, TokenType, read_file_token, read_header, signed_with
from worker.auth.users.identity import UserCaller, read_auth
from worker.auth.users.tokens import bearer
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.http.request import Request
from worker.records.caller import TOKEN_KEY, Caller, Origin

_NOCASE: Final = "NOCASE"
_COLLECTIONS_KEPT: Final = 128
_AUTHORIZATION: Final = b"authorization"
_KNOWN_CALLERS: Final = 1_024
_KNOWN_ROW_CHARS_MAX: Final = 4_096
_DRAWN_BYTES: Final = 7  # of a number that SQLite holds

_Row = tuple[Value, ...]


class _Known(NamedTuple):
    """Whom a token meant, when its record was `row` of this version of its collection."""

    collection: Collection
    row: _Row
    identity: Identity


_known: dict[str, _Known] = {}
"""By token; bounded by being emptied when full. Making it out again takes 5 µs of a request (m)."""


def caller(header: str | None) -> Caller | None:
    """Who asks: None for a guest, else how to find the identity in a snapshot."""
    if not header:
        return None
    claims = read_header(header)
    return _admin(header) if claims is None else _TokenCaller(claims)


class AdminCaller(UserCaller):
    """An admin of the auth API of record APIs; its other users are guests to collections."""

    __slots__ = ()

    def __call__(self, snapshot: Snapshot, catalog: Catalog) -> Identity:
        """Who he is in the snapshot."""
        identity = super().__call__(snapshot, catalog)
        return identity if identity.superuser else GUEST

    def remembered(self, catalog: Catalog) -> Identity | None:
        """Who he was when last looked up."""
        identity = super().remembered(catalog)
        return identity if identity is None or identity.superuser else GUEST


def _admin(header: str | None) -> AdminCaller | None:
    claims = read_auth(bearer(header))
    return None if claims is None else AdminCaller(claims)


class _TokenCaller:
    """Whoever a token names."""

    __slots__ = ("claims",)

    def __init__(self, claims: Claims) -> None:
        self.claims = claims

    def __call__(self, snapshot: Snapshot, catalog: Catalog) -> Identity:
        """Who he is in the snapshot."""
        return _identify(snapshot, catalog, self.claims)

    def remembered(self, catalog: Catalog) -> Identity | None:
        """Who he was when last looked up under the present version of his collection."""
        known = _known.get(self.claims.token)
        if known is None or known.collection is not catalog.by_id(self.claims.collection_id):
            return None
        return known.identity


def token_expires(asking: Caller | None) -> float | None:
    """When the token of a caller expires, in unix seconds; None where there is none, or it never does."""
    if isinstance(asking, UserCaller | _TokenCaller):
        return asking.claims.expires
    return None


def origin_of(request: Request) -> Origin:
    """Where an HTTP request comes from."""
    return Origin(caller(request.header(_AUTHORIZATION)), request)


def identify(snapshot: Snapshot, catalog: Catalog, header: str | None) -> Identity:
    """The record of an auth collection behind an Authorization header; GUEST when it is not good."""
    claims = read_header(header)
    return GUEST if claims is None else _identify(snapshot, catalog, claims)


async def caller_identity(context: Context, header: str | None) -> Identity:
    """Who asks, where nothing else is read; a guest costs no read."""
    asking = caller(header)
    return GUEST if asking is None else await context.reader.read(asking)


async def file_caller(context: Context, token: str) -> Identity:
    """Whom a file token (of a request's query) means; GUEST for one that is not, or no longer, good.

    Such a token opens files and backups, and nothing else.
    """
    claims = read_file_token(token)
    return GUEST if claims is None else await context.reader.read(identify_file, claims)


def identify_file(snapshot: Snapshot, catalog: Catalog, claims: Claims) -> Identity:
    """The identity behind the claims of a file token, read in the snapshot."""
    identity = load_identity(snapshot, catalog, claims.collection_id, claims.record_id)
    if identity is None or not signed_with(claims, signing_key(catalog, identity, TokenType.FILE)):
        return GUEST
    return identity


def _identify(snapshot: Snapshot, catalog: Catalog, claims: Claims) -> Identity:
    collection = catalog.by_id(claims.collection_id)
    if collection is None or collection.type != AUTH:
        return GUEST
    row = snapshot.row(_record_sql(collection, "id", any_case=False), (claims.record_id,))
    known = _known.get(claims.token)
    if known is not None and known.row == row and known.collection is collection:
        return known.identity
    return GUEST if row is None else _make_out(collection, row, claims)


def _make_out(collection: Collection, row: _Row, claims: Claims) -> Identity:
    """Whom a token means whose record is this row."""
    identity = identity_of_record(collection, dict(zip(collection.by_name, row, strict=True)))
    if not signed_with(claims, _key(collection, identity, TokenType.AUTH)):
        return GUEST
    if sum(len(one) for one in row if isinstance(one, str)) <= _KNOWN_ROW_CHARS_MAX:
        if len(_known) >= _KNOWN_CALLERS:
            _known.clear()
        _known[claims.token] = _Known(collection, row, identity)
    return identity


def load_identity(
    snapshot: Snapshot, catalog: Catalog, collection_id: str, record_id: str
) -> Identity | None:
    """The auth record of that id as an identity; None when there is none that may have tokens."""
    collection = catalog.by_id(collection_id)
    if collection is None or collection.type != AUTH:
        return None
    record = read_record(snapshot, collection, "id", record_id)
    return identity_of_record(collection, record) if record and record[TOKEN_KEY] else None


def read_record(
    snapshot: Snapshot, collection: Collection, field: str, value: str, *, any_case: bool = False
) -> dict[str, Value] | None:
    """The stored values of the one auth record whose `field` is `value`."""
    row = snapshot.row(_record_sql(collection, field, any_case=any_case), (value,))
    return None if row is None else dict(zip(collection.by_name, row, strict=True))


@lru_cache(_COLLECTIONS_KEPT)
def _record_sql(collection: Collection, field: str, *, any_case: bool) -> str:
    """Made once for each version of a collection: every request of a caller asks for it."""
    columns = ", ".join(map(quote_identifier, collection.by_name))
    table, column = quote_identifier(collection.table), quote_identifier(field)
    same = f"{column} = ? COLLATE {_NOCASE}" if any_case else f"{column} = ?"
    return f"SELECT {columns} FROM {table} WHERE {same} LIMIT 1"


def stand_in(snapshot: Snapshot, collection: Collection, value: str) -> str:
    """The password's hash that an identity which nobody has is verified against; `""` for none.

    Hashes of different kinds take different times, and imported ones stay until their first login.
    So an unknown identity takes as long as some record does, and always as long as the same one;
    as which one cannot be foretold without the collection's secret.
    """
    secret = str(_token_options(collection, TokenType.AUTH).get("secret"))
    drawn = hmac.digest(secret.encode(), value.strip().lower().encode(), "sha256")
    number = int.from_bytes(drawn[:_DRAWN_BYTES], "big")
    return str(snapshot.value(_stand_in_sql(collection), (number,)) or "")


@lru_cache(_COLLECTIONS_KEPT)
def _stand_in_sql(collection: Collection) -> str:
    table = quote_identifier(collection.table)
    return (
        f'SELECT "password" FROM {table}'
        f" WHERE _rowid_ >= ? % (SELECT max(_rowid_) + 1 FROM {table}) ORDER BY _rowid_ LIMIT 1"
    )


def find_by_identity(
    snapshot: Snapshot, collection: Collection, field: str, value: str
) -> dict[str, Value] | None:
    """The record that logs in as `value`: in any case where the field's unique index says so."""
    return read_record(
        snapshot, collection, field, value, any_case=field in any_case_fields(collection)
    )


def any_case_fields(collection: Collection) -> frozenset[str]:
    """Fields with a unique index of their own that is not case-sensitive (COLLATE NOCASE)."""
    found = set()
    for index in map(read_index, collection.indexes):
        if index.unique and len(index.keys) == 1:
            words = {token.text.upper() for token in index.keys[0]}
            if _NOCASE in words:
                found.update(index.key_fields())
    return frozenset(found)


def identity_of_record(collection: Collection, record: dict[str, Value]) -> Identity:
    """The identity that a stored auth record stands for."""
    return identity_of(collection, record, superuser=collection.id == SUPERUSERS_ID)


def signing_key(catalog: Catalog, identity: Identity, kind: TokenType = TokenType.AUTH) -> str:
    """Key of the identity's tokens: its tokenKey and its collection's secret.

    Empty, which signs nothing, where one of the two is.
    """
    return _key(catalog.by_id(identity.collection_id), identity, kind)


def _key(collection: Collection | None, identity: Identity, kind: TokenType) -> str:
    own = identity.record.get(TOKEN_KEY)
    secret = _token_options(collection, kind).get("secret") if collection is not None else None
    if not isinstance(own, str) or not isinstance(secret, str) or not own or not secret:
        return ""
    return own + secret


def token_seconds(collection: Collection, kind: TokenType) -> int:
    """How long new tokens of the collection are good, 0 where it says nothing that makes sense."""
    seconds = _token_options(collection, kind).get("duration")
    return seconds if type(seconds) is int and seconds > 0 else 0


def _token_options(collection: Collection, kind: TokenType) -> Mapping[str, object]:
    """`{"duration": seconds, "secret": text}` of the collection's tokens."""
    options = collection.options.get(f"{kind.value}Token")
    return options if isinstance(options, dict) else {}
