"""What may be published: a topic that is no collection's, and data that fits into the log.

Needs no running worker: the command line publishes, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from shared.errors import FieldError, Kind, QuillError, invalid
from shared.limits import MESSAGE_BYTES_MAX, PUBLISHED_MESSAGES_MAX, SUBSCRIPTION_CHARS_MAX
from shared.schema.catalog import Catalog
from shared.sql.message import Message, first_part, message_steps
from shared.sql.plan import Plan
from worker.realtime.topics.topic import CONTROL_CHARS

_FAILED: Final = "Failed to publish."
_REQUIRED: Final = FieldError("validation_required", "A topic is needed.")
_TOO_LONG: Final = FieldError(
    "validation_max_text_constraint",
    f"A topic has at most {SUBSCRIPTION_CHARS_MAX} characters.",
    {"max": SUBSCRIPTION_CHARS_MAX},
)
_UNSOUND: Final = FieldError(
    "validation_invalid_topic",
    "A topic may not begin with @, nor contain ? or control characters.",
)
_TAKEN: Final = FieldError(
    "validation_topic_taken", "The first part of the topic is the name or id of a collection."
)


def make_message(catalog: Catalog, topic: object, data: object, place: str = "") -> Message:
    """`data`, which came from JSON, for whoever subscribes to `topic`.

    `place`: where the message stands among others (`2.`), for the errors.
    Raises INVALID, and TOO_LARGE when it is larger than the log takes.
    """
    if not isinstance(topic, str):
        raise invalid(_FAILED, {f"{place}topic": _REQUIRED})
    wrong = _topic_problem(catalog, topic)
    if wrong is not None:
        raise invalid(_FAILED, {f"{place}topic": wrong})
    text = orjson.dumps(data)
    if len(topic.encode()) + len(text) > MESSAGE_BYTES_MAX:
        raise QuillError(
            Kind.TOO_LARGE, f"Topic and data have at most {MESSAGE_BYTES_MAX} bytes together."
        )
    return Message(topic, text.decode())


def check_count(messages: Sequence[object]) -> None:
    """Raises INVALID for none, and for more than one plan may have."""
    if not 0 < len(messages) <= PUBLISHED_MESSAGES_MAX:
        raise invalid(f"Send 1 to {PUBLISHED_MESSAGES_MAX} messages.")


def message_plan(catalog: Catalog, messages: Sequence[Message]) -> Plan:
    """All messages in their order, or none where a topic has become a collection's."""
    return Plan(catalog.version, tuple(message_steps(messages)))


def _topic_problem(catalog: Catalog, topic: str) -> FieldError | None:
    if not topic:
        return _REQUIRED
    if len(topic) > SUBSCRIPTION_CHARS_MAX:
        return _TOO_LONG
    if topic.startswith("@") or "?" in topic or not CONTROL_CHARS.isdisjoint(topic):
        return _UNSOUND
    if any("\ud800" <= char <= "\udfff" for char in topic):  # no text: arguments of a command
        return _UNSOUND
    return None if catalog.find(first_part(topic)) is None else _TAKEN
