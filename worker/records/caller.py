"""Who asks, as the records core sees it, and the guard that he still stands at the writer.

A caller is something that names an identity in a given snapshot. The core does not know tokens;
`worker.auth` provides the callers.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.access.identity import GUEST, Identity
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.sql.plan import Step, require
from worker.engine.snapshot import Snapshot

Caller = Callable[[Snapshot, Catalog], Identity]
"""Finds the caller in a snapshot. A guest is None where a caller is expected."""

REFUSED_AUTH = "auth"
TOKEN_KEY = "tokenKey"  # noqa: S105
"""The field of an auth record whose value signs its tokens."""


def identity_in(caller: Caller | None, snapshot: Snapshot, catalog: Catalog) -> Identity:
    """The identity of `caller` as of `snapshot`."""
    return GUEST if caller is None else caller(snapshot, catalog)


def caller_guards(identity: Identity, compared: frozenset[str] = frozenset()) -> list[Step]:
    """The caller must still be the same when the plan is applied; a guest needs no guard.

    The same: a record under the same token key, with the same values in the fields that the rule
    compares.
    """
    if identity.guest:
        return []
    record = identity.record
    names = sorted(name for name in compared if name in record)
    table = quote_identifier(identity.collection_name)
    same = "".join(f" AND {quote_identifier(name)} IS ?" for name in names)
    sql = f'SELECT 1 FROM {table} WHERE "id" = ? AND "{TOKEN_KEY}" = ?{same}'
    values = (identity.id, record[TOKEN_KEY], *(record[name] for name in names))
    return [require(sql, values, refusal=REFUSED_AUTH)]
