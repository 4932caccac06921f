"""Messages to custom topics, as steps of a plan, and the guard that keeps them off collections.

A subscription whose first part names a collection hears its records. So no message may be told
under such a topic, also not when the collection is made while the message is on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from shared.sql.plan import Step, forbid, publish

TOPIC_TAKEN: Final = "topic_taken"
"""The refusal: the first part of a topic is the name or the id of a collection."""
# Names are ASCII, which is all that SQLite's lower() knows.
_TAKEN_SQL: Final = (
    'SELECT 1 FROM "_collections" WHERE "id" IN (SELECT value FROM json_each(?))'
    ' OR lower("name") IN (SELECT value FROM json_each(?))'
)


class Message(NamedTuple):
    """What is told to whoever subscribes to exactly `topic`. `data`: JSON text on one line."""

    topic: str
    data: str


def first_part(topic: str) -> str:
    """What names the collection, where the topic is one's."""
    return topic.partition("/")[0]


def message_steps(messages: Sequence[Message]) -> list[Step]:
    """One guard for all of them, and the messages in their order."""
    parts = sorted({first_part(message.topic) for message in messages})
    lower = sorted({part.lower() for part in parts})
    guard = forbid(_TAKEN_SQL, (_json(parts), _json(lower)), refusal=TOPIC_TAKEN)
    return [guard, *(publish(message.topic, message.data) for message in messages)]


def _json(texts: list[str]) -> str:
    return msgspec.json.encode(texts).decode()
