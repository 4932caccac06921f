"""Two ways to log in, one after the other: what the first one leaves behind, and what ends it.

Where a collection asks for a second factor, the first way that a record passes is stored as a row
of `_mfas`, and the client gets that row's id. Another way of the same record, sent with the id,
logs in and takes the row away: in one transaction, so that an id is good once. The same way a
second time proves nothing.

Rows grow old by the collection's `mfa.duration`. They go when they are used, when the password or
the address changes (`shared.sql.auth_system`), and a few of the oldest each time one is added; of
one record only the newest are kept.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from shared import ids
from shared.dates import date_text
from shared.errors import QuillError, invalid
from shared.limits import MFA_BEGUN_MAX, MFA_ROWS_SWEPT, MFA_SECONDS_MAX
from shared.schema.collection import Collection
from shared.sql.plan import Step, run
from worker.auth.admission import second_factor_seconds
from worker.engine.snapshot import Snapshot

REFUSED_MFA: Final = "mfa"
"""The refusal of a row that was used or grew old between the look and the write."""

_SWEEP: Final = (
    'DELETE FROM "_mfas" WHERE "created" <= ?'
    ' AND _rowid_ IN (SELECT _rowid_ FROM "_mfas" ORDER BY _rowid_ LIMIT ?)'
)
_MAKE_ROOM: Final = (
    'DELETE FROM "_mfas" WHERE "collectionRef" = ?1 AND "recordRef" = ?2'
    ' AND _rowid_ NOT IN (SELECT _rowid_ FROM "_mfas"'
    ' WHERE "collectionRef" = ?1 AND "recordRef" = ?2 ORDER BY _rowid_ DESC LIMIT ?3)'
)
_ADD: Final = (
    'INSERT INTO "_mfas" ("id", "collectionRef", "recordRef", "method", "created", "updated")'
    " VALUES (?1, ?2, ?3, ?4, ?5, ?5)"
)
_OWN: Final = '"id" = ? AND "collectionRef" = ? AND "recordRef" = ? AND "created" > ?'
_METHOD: Final = f'SELECT "method" FROM "_mfas" WHERE {_OWN}'
_TAKE: Final = f'DELETE FROM "_mfas" WHERE {_OWN} AND "method" <> ?'


class Begun(NamedTuple):
    """One way to log in is passed, and the record is asked for another. `mfa_id` names the first."""

    mfa_id: str


def begin_steps(
    collection: Collection, record_id: str, method: str, moment: datetime
) -> tuple[Begun, tuple[Step, ...]]:
    """Remember that the record has passed `method`."""
    begun = Begun(ids.record_id())
    owner = (collection.id, record_id)
    oldest = date_text(moment - timedelta(seconds=MFA_SECONDS_MAX))
    return begun, (
        run(_SWEEP, (oldest, MFA_ROWS_SWEPT)),
        run(_MAKE_ROOM, (*owner, MFA_BEGUN_MAX - 1)),
        run(_ADD, (begun.mfa_id, *owner, method, date_text(moment))),
    )


def finish_step(
    snapshot: Snapshot,
    collection: Collection,
    record_id: str,
    method: str,
    mfa_id: str,
    moment: datetime,
) -> Step:
    """Take away the row of the first way, now that the record has passed `method`, too.

    Raises INVALID for a row that is not the record's or is too old, and for the same way again. The
    step is refused as REFUSED_MFA where that has become so since.
    """
    since = date_text(moment - timedelta(seconds=second_factor_seconds(collection)))
    own = (mfa_id, collection.id, record_id, since)
    first = snapshot.value(_METHOD, own)
    if first is None:
        raise unknown_login()
    if first == method:
        raise invalid("The second factor must be another way to log in than the first.")
    return run(_TAKE, (*own, method), refusal=REFUSED_MFA)


def unknown_login() -> QuillError:
    """The refusal of an id that is of no use, whatever the reason."""
    return invalid("The login that this one continues is unknown or too old.")


def now() -> datetime:
    """The moment that rows are dated and judged by."""
    return datetime.now(UTC)
