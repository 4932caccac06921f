"""ETags: the hash of a record's stored values, and writes that hold only while it is the same.

The tag does not depend on who asks, nor on `fields` and `expand`, so it can be kept by one client
and used by another. It covers values that the client may not see, so it is keyed: from a plain hash
a short hidden value, or an address, would be found by trying. It says that the record changed, not
that the bytes of an answer did; so a tag that a proxy made weak (`W/"…"`, nginx does when it
compresses) means the same as the strong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from shared.errors import Kind, QuillError
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.system import SUPERUSERS_ID
from shared.sql.plan import Step, Value
from shared.sql.version import stored_version_sql, version_fields, version_shape
from shared.sql.write import stored_guard
from worker.engine.snapshot import Snapshot

REFUSED_CHANGED: Final = "precondition"
"""The refusal of a write whose If-Match names another version."""
_HASH_BYTES: Final = 12
_KEY_BYTES: Final = 64
_PURPOSE: Final = b"etag"
"""Keeps apart what else is made with the same key."""
_ANY: Final = "*"


def etag_of(catalog: Catalog, text: bytes) -> str:
    """The ETag of a record whose version has this text (`version_shape`), quotes included.

    All workers make the same one: its key is what signs the superusers' tokens.
    """
    key = _key(catalog.by_id(SUPERUSERS_ID))
    digest = blake2b(text, digest_size=_HASH_BYTES, key=key, person=_PURPOSE)
    return f'"{digest.hexdigest()}"'


def _key(superusers: Collection | None) -> bytes:
    options = superusers.options.get("authToken") if superusers is not None else None
    secret = options.get("secret") if isinstance(options, dict) else ""
    return str(secret).encode()[:_KEY_BYTES]


def names_tag(header: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match header names this tag, or any."""
    if header == etag:
        return True
    tags = (one.strip().removeprefix("W/") for one in header.split(","))
    return any(one in (etag, _ANY) for one in tags)


def version_guard(collection: Collection, record: Mapping[str, Value]) -> Step:
    """The guard that the record still has these stored values, `id` among them."""
    return stored_guard(collection, str(record["id"]), record, refusal=REFUSED_CHANGED)


def check_if_match(
    snapshot: Snapshot,
    catalog: Catalog,
    collection: Collection,
    record_id: str,
    header: str | None,
) -> Step | None:
    """The guard that goes with an If-Match header; None where the header asks for nothing more.

    Raises PRECONDITION (412) when the record has another version, or is not there. Judge the rule
    first: whether a record exists is not for everybody to know.
    """
    if header is None:
        return None
    shape = version_shape(collection, catalog)
    row = snapshot.row(stored_version_sql(collection, shape), (record_id,))
    if row is None:
        raise changed()
    if header.strip() == _ANY:
        return None
    text, *values = row
    if not names_tag(header, etag_of(catalog, str(text).encode())):
        raise changed()
    names = (field.name for field in version_fields(collection))
    return version_guard(collection, dict(zip(names, values, strict=True)))


def changed() -> QuillError:
    """412."""
    return QuillError(Kind.PRECONDITION, "The record has changed since it was read.")
