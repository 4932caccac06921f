"""Who asks, as the records core sees it, and the guard that he still stands at the writer.

A caller is something that names an identity in a given snapshot. The core does not know tokens;
`worker.auth` provides the callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from shared.access.identity import GUEST, Identity
from shared.access.request import DEFAULT, AccessRequest, RequestSource
from shared.access.users import is_user
from shared.limits import PLAN_CACHE_ENTRIES
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.plan import Step, require
from shared.sql.users import user_guard
from worker.engine.snapshot import Snapshot


class Caller(Protocol):
    """Finds the caller in a snapshot. A guest is None where a caller is expected."""

    def __call__(self, snapshot: Snapshot, catalog: Catalog) -> Identity:
        """Who asks, as of the snapshot."""

    def remembered(self, catalog: Catalog) -> Identity | None:
        """Who it was when last looked up, None where that is not known.

        Good for a plan whose guards find out whether he still is, and for nothing else.
        """


REFUSED_AUTH = "auth"
TOKEN_KEY = "tokenKey"  # noqa: S105
"""The field of an auth record whose value signs its tokens."""
_ALWAYS: Final = frozenset({"id", TOKEN_KEY})


_NOTHING: Final[Mapping[str, object]] = {}


class Origin(NamedTuple):
    """Where a request comes from, as far as rules may ask.

    `caller`: who, None for a guest. `source`: its query and headers, None where no HTTP request
    asks. `context`: `@request.context`.
    """

    caller: Caller | None = None
    source: RequestSource | None = None
    context: str = DEFAULT

    def request(self, identity: Identity, body: Mapping[str, object] = _NOTHING) -> AccessRequest:
        """What rules judge, once it is known who the caller is."""
        return AccessRequest(identity, self.context, self.source, body)


def identity_in(caller: Caller | None, snapshot: Snapshot, catalog: Catalog) -> Identity:
    """The identity of `caller` as of `snapshot`."""
    return GUEST if caller is None else caller(snapshot, catalog)


def caller_collection(catalog: Catalog, identity: Identity) -> Collection | None:
    """The auth collection of whoever asks, None for a guest."""
    return catalog.by_id(identity.collection_id) if identity.collection_id else None


def caller_guards(identity: Identity, compared: frozenset[str] = frozenset()) -> list[Step]:
    """The caller must still be the same when the plan is applied; a guest needs no guard.

    The same: a record under the same token key, with the same values in the fields that the rule
    compares.
    """
    if identity.guest:
        return []
    if is_user(identity):
        return [user_guard(identity)]
    record = identity.record
    # Most rules compare the caller's id alone.
    names = () if compared <= _ALWAYS else tuple(sorted((compared - _ALWAYS) & record.keys()))
    values = (identity.id, record[TOKEN_KEY], *[record[name] for name in names])
    return [require(_guard_sql(identity.collection_name, names), values, refusal=REFUSED_AUTH)]


@lru_cache(PLAN_CACHE_ENTRIES)
def _guard_sql(collection_name: str, names: tuple[str, ...]) -> str:
    table = quote_identifier(collection_name)
    same = "".join(f" AND {quote_identifier(name)} IS ?" for name in names)
    return f'SELECT 1 FROM {table} WHERE "id" = ? AND "{TOKEN_KEY}" = ?{same}'
