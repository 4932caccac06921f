"""The change feed: the notice of a commit on PUB, and the rows of `_change` behind it."""

from __future__ import annotations

import enum

import msgspec

from shared.sql.plan import Value


class CommitNotice(msgspec.Struct, array_like=True, frozen=True, tag=10):
    """A commit added the rows (before, head] to the `_change` table of `database`."""

    database: str
    feed: int
    before: int
    head: int


TOPICS = "@topics"
"""The `table` of messages to custom topics; no collection can be called so."""


class Act(enum.IntEnum):
    """What happened to a row. RESET: too much to tell; subscribers read again.

    MESSAGE: no row, but what was published to a custom topic.
    """

    CREATE = 1
    UPDATE = 2
    DELETE = 3
    RESET = 4
    MESSAGE = 5


class Change(msgspec.Struct, array_like=True, frozen=True):
    """One row of `_change`, decoded.

    `table`: the collection's id for owned tables, else the table's name.
    `key`: the record's id, or the primary key (a msgpack array when it has several columns).
    `old`, `new`: values by field id (or column name where there is no catalog entry). `old` is whole
    for deletes and holds the changed columns for updates; `new` is whole. None: not logged (a very
    large row: key only). Of a message (`table` TOPICS) `key` is the topic and `new` is {"data": JSON}.
    """

    n: int
    table: str
    act: Act
    key: Value
    old: dict[str, Value] | None
    new: dict[str, Value] | None
