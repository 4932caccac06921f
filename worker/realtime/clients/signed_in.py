"""As whom the clients of a worker are here, by the records that they are.

A change of such a record may end the identity: its password, its token key, itself. So it matters
to the delivery though nobody may listen to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from shared.access.users import id_text
from shared.sql.plan import Value
from worker.realtime.principal import Principal

_NOBODY: Collection[Principal] = ()


class SignedIn:
    """Principals with the number of their clients."""

    def __init__(self) -> None:
        self._here: dict[tuple[str, str], Counter[Principal]] = {}

    def move(self, old: Principal | None, new: Principal | None) -> None:
        """A client was one and is the other; None for a guest."""
        if new is not None:
            self._here.setdefault(_record(new), Counter())[new] += 1
        if old is None:
            return
        counts = self._here[_record(old)]
        counts[old] -= 1
        if not counts[old]:
            del counts[old]
        if not counts:
            del self._here[_record(old)]

    def of(self, collection_id: str, record_id: Value) -> Collection[Principal]:
        """Those that are this record, under whatever key."""
        key = id_text(record_id) if isinstance(record_id, bytes) else str(record_id)
        return self._here.get((collection_id, key), _NOBODY)

    def all(self) -> list[Principal]:
        """Everybody."""
        return [one for counts in self._here.values() for one in counts]


def _record(principal: Principal) -> tuple[str, str]:
    return principal.collection_id, principal.record_id
