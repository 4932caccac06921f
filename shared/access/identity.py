"""Who makes a request: a guest, a record of an auth collection, or a superuser.

An identity holds the caller's record as stored, read in the request's own snapshot. It never holds
a token, and it is never sent to a client.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from shared.schema.collection import Collection
from shared.schema.fields.field import Value

_NONE: Final[frozenset[str]] = frozenset()


class Identity(NamedTuple):
    """A caller. Everything is empty for a guest.

    `record`: stored values by field name. `refused`: names of fields that a rule may not compare
    (secrets); binding a rule that does so fails, so it denies. A tuple, since one is made for each
    request: a frozen dataclass takes 0.9 µs instead of 0.3 (m).
    """

    collection_id: str
    collection_name: str
    record: Mapping[str, Value]
    superuser: bool = False
    refused: frozenset[str] = _NONE

    @property
    def id(self) -> str:
        """The id of the caller's record as a text, `""` for a guest."""
        value = self.record.get("id") or ""
        return urlsafe_b64encode(value).decode() if isinstance(value, bytes) else str(value)

    @property
    def guest(self) -> bool:
        """Whether nobody is logged in."""
        return not self.collection_id

    @property
    def actor(self) -> str:
        """Who did it, for the log of commits: `<collection id>/<record id>`, `""` for a guest."""
        return f"{self.collection_id}/{self.id}" if self.collection_id else ""


GUEST = Identity("", "", {})
"""The caller that sent no valid token."""


def identity_of(
    collection: Collection, record: Mapping[str, Value], *, superuser: bool
) -> Identity:
    """The identity of a stored record of an auth collection."""
    return Identity(collection.id, collection.name, record, superuser, _secrets(collection))


@lru_cache(128)
def _secrets(collection: Collection) -> frozenset[str]:
    """Worked out once for each version of a collection."""
    return frozenset(one.name for one in collection.fields if one.secret)
