"""What a client may send, and what it is answered: JSON in, structs out, and back.

Reading is all that happens here. Whatever bytes a client sends, it raises QuillError INVALID or
returns a request that is well-formed; what its topics mean is for others. Unknown keys are
skipped, so that a newer client can talk to an older server.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec

from shared.errors import FieldError, QuillError, invalid
from shared.limits import (
    SOCKET_REF_CHARS_MAX,
    SOCKET_TOKEN_CHARS_MAX,
    SOCKET_TOPIC_BYTES_MAX,
    SUBSCRIPTION_CHARS_MAX,
    SUBSCRIPTIONS_PER_CLIENT,
)
from worker.realtime.position import Position, read_position
from worker.realtime.topics.text import with_options
from worker.realtime.topics.topic import Topic, topic_of

_REF_LARGEST: Final = 2**53  # what every JSON library reads as it was written

Ref = (
    Annotated[str, msgspec.Meta(max_length=SOCKET_REF_CHARS_MAX)]
    | Annotated[int, msgspec.Meta(ge=-_REF_LARGEST, le=_REF_LARGEST)]
    | None
)
"""A client's own mark on a request, which its answer carries as well."""
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=SUBSCRIPTION_CHARS_MAX)]
_MANY: Final = msgspec.Meta(max_length=SUBSCRIPTIONS_PER_CLIENT)


class AuthRequest(msgspec.Struct, frozen=True):
    """Be the record that `token` was made for; a guest without one."""

    token: Annotated[str, msgspec.Meta(max_length=SOCKET_TOKEN_CHARS_MAX)] | None = None


class TopicWish(msgspec.Struct, frozen=True):
    """One topic with options."""

    topic: _Name
    id: _Name | None = None
    filter: str | None = None
    expand: str | None = None
    fields: str | None = None
    query: dict[str, object] = {}
    headers: dict[str, object] = {}
    since: str | None = None
    snapshot: bool | None = None
    leave: bool | None = None


_Wishes = Annotated[list[_Name | TopicWish], msgspec.Meta(min_length=1), _MANY]


class SubscribeRequest(msgspec.Struct, frozen=True):
    """Hear of these, too. `since`, `snapshot` and `leave` are for topics that do not say."""

    topics: _Wishes | None = None
    collections: _Wishes | None = None
    since: str | None = None
    snapshot: bool | None = None
    leave: bool | None = None


class UnsubscribeRequest(msgspec.Struct, frozen=True):
    """Do not hear of these any more; of nothing, when no list is given."""

    topics: Annotated[list[_Name], _MANY] | None = None
    collections: Annotated[list[_Name], _MANY] | None = None


class ListRequest(msgspec.Struct, frozen=True):
    """Tell what this client listens to."""


class PingRequest(msgspec.Struct, frozen=True):
    """Answer."""


Request = AuthRequest | SubscribeRequest | UnsubscribeRequest | ListRequest | PingRequest
_DECODERS: Final[dict[str, msgspec.json.Decoder[Request]]] = {
    name: msgspec.json.Decoder(kind)
    for name, kind in {
        "auth": AuthRequest,
        "subscribe": SubscribeRequest,
        "unsubscribe": UnsubscribeRequest,
        "list": ListRequest,
        "list-subs": ListRequest,
        "ping": PingRequest,
    }.items()
}


class _Head(msgspec.Struct):
    type: str
    ref: Ref = None


class _Marked(msgspec.Struct):
    ref: Ref = None


_head = msgspec.json.Decoder(_Head).decode
_marked = msgspec.json.Decoder(_Marked).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


def read_ref(text: str) -> Ref:
    """The mark of a message, None where it has none that can be read."""
    try:
        return _marked(text).ref
    except _UNREADABLE:
        return None


def read_request(text: str) -> Request:
    """One message of a client. Raises INVALID with the place of what is wrong."""
    try:
        head = _head(text)
        decoder = _DECODERS.get(head.type)
        if decoder is not None:
            return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _misplaced(str(error)) from None
    except _UNREADABLE:
        raise invalid("The message is not a JSON object that can be read.") from None
    known = ", ".join(sorted(_DECODERS))
    raise _wrong("type", f"The type is one of {known}.")


def topics_of(request: SubscribeRequest) -> list[Topic]:
    """What a client wants to hear, each under a name of its own. Raises INVALID."""
    wishes = request.topics if request.topics is not None else request.collections
    if wishes is None:
        raise _wrong("topics", "At least one topic is needed.")
    if request.since is not None and request.snapshot:
        raise _both("since")
    default = _Start(_since(request.since, "since"), bool(request.snapshot))
    topics: dict[str, Topic] = {}
    for number, wish in enumerate(wishes):
        place = f"topics.{number}"
        topic = _topic(wish, default, bool(request.leave), place)
        known = topics.setdefault(topic.subscription, topic)
        if known != topic:
            raise _wrong(place, "Two topics have the same id.")
    return list(topics.values())


def names_of(request: UnsubscribeRequest) -> list[str] | None:
    """The subscriptions to end; None for all."""
    return request.topics if request.topics is not None else request.collections


class _Start(msgspec.Struct, frozen=True):
    """Where a subscription begins: at a position, with a snapshot, or now."""

    since: Position | None
    snapshot: bool


def _topic(wish: str | TopicWish, default: _Start, leave: bool, place: str) -> Topic:
    if isinstance(wish, str):
        wish = TopicWish(wish)
    elif len(msgspec.json.encode(wish)) > SOCKET_TOPIC_BYTES_MAX:
        raise _wrong(place, f"A topic with its options has at most {SOCKET_TOPIC_BYTES_MAX} bytes.")
    if "?" in wish.topic:
        raise _wrong(place, "Options stand beside the topic, in an object.")
    try:
        topic = _with_options(topic_of(wish.topic, wish.id or ""), wish)
    except QuillError as error:
        raise _wrong(place, error.message) from None
    start = default
    if wish.since is not None and wish.snapshot:
        raise _both(f"{place}.since")
    if wish.since is not None or wish.snapshot is not None:
        start = _Start(_since(wish.since, f"{place}.since"), bool(wish.snapshot))
    return replace(
        topic,
        since=start.since,
        snapshot=start.snapshot,
        leave=leave if wish.leave is None else wish.leave,
    )


def _with_options(topic: Topic, wish: TopicWish) -> Topic:
    """`filter`, `expand` and `fields` are parameters of the query with places of their own."""
    own = {"filter": wish.filter, "expand": wish.expand, "fields": wish.fields}
    query = {**wish.query, **{name: text for name, text in own.items() if text is not None}}
    return with_options(topic, query, wish.headers) if query or wish.headers else topic


def _since(text: str | None, place: str) -> Position | None:
    if text is None:
        return None
    try:
        return read_position(text)
    except QuillError as error:
        raise _wrong(place, error.message) from None


def _both(place: str) -> QuillError:
    return _wrong(place, "A topic begins at a position or with a snapshot, not with both.")


def _misplaced(reason: str) -> QuillError:
    """From msgspec's words, whose place is a JSON path: `$.topics[0].id`, `$[…]` for a value."""
    what, _, path = reason.partition(" - at `")
    keys = [part.strip("[]`") for part in path.removeprefix("$").replace("[", ".[").split(".")]
    return _wrong(".".join(key if key != "..." else "*" for key in keys if key), what)


def _wrong(place: str, message: str) -> QuillError:
    if not place:
        return invalid(message)
    return invalid(
        "The message cannot be served.", {place: FieldError("validation_invalid_value", message)}
    )


def message(kind: str, ref: Ref, /, **content: Any) -> bytes:
    """One message of the server; with the mark of the request that it answers."""
    mark = {} if ref is None else {"ref": ref}
    return msgspec.json.encode({"type": kind, **mark, **content})


def error_message(ref: Ref, rest: bytes) -> bytes:
    """A refusal. `rest`: what a REST answer would say, `{"data", "message", "status"}`."""
    mark = b"" if ref is None else b'"ref":%b,' % msgspec.json.encode(ref)
    return b'{"type":"error",%b%b' % (mark, rest[1:])
