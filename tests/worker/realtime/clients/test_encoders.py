"""The spelling of everything that is told, byte by byte."""

from __future__ import annotations

import json

import pytest

from tests.worker.realtime.listening import MESSAGES
from worker.realtime.clients.encoders import EVENT_STREAM, RESUMABLE_STREAM, Encoder, Told

ID = "0123456789" * 4
AT = "main:a:7"
CREATE = Told(b"create", b'"posts"', AT.encode(), b'{"id":"x"}')
LEFT = Told(b"leave", b'"posts"', AT.encode(), b'"x"')
SAID = Told(b"message", b'"chat/room"', AT.encode(), b'{"a":[1,"\\n"]}')


def _json(**members: object) -> str:
    """An object with its members in this order, and no blanks."""
    return json.dumps(members, separators=(",", ":"))


def _event(encoder: Encoder, name: str, told: Told) -> bytes:
    return encoder.prefix(ID, name) + encoder.spelling(name).event(told)


@pytest.mark.parametrize(
    ("encoder", "told", "expected"),
    [
        (
            EVENT_STREAM,
            CREATE,
            f'id:{ID}\nevent:posts/*\ndata:{{"action":"create","record":{{"id":"x"}}}}\n\n',
        ),
        (EVENT_STREAM, SAID, f'id:{ID}\nevent:posts/*\ndata:{{"a":[1,"\\n"]}}\n\n'),
        (
            RESUMABLE_STREAM,
            CREATE,
            f'event:posts/*\nid:{ID};{AT}\ndata:{{"action":"create","record":{{"id":"x"}}}}\n\n',
        ),
        (RESUMABLE_STREAM, SAID, f'event:posts/*\nid:{ID};{AT}\ndata:{{"a":[1,"\\n"]}}\n\n'),
        (
            MESSAGES,
            CREATE,
            _json(
                type="create", sub="posts/*", collection="posts", position=AT, record={"id": "x"}
            ),
        ),
        (
            MESSAGES,
            LEFT,
            _json(type="leave", sub="posts/*", collection="posts", position=AT, id="x"),
        ),
        (
            MESSAGES,
            SAID,
            _json(
                type="message", sub="posts/*", topic="chat/room", position=AT, data={"a": [1, "\n"]}
            ),
        ),
    ],
)
def test_an_event_is_exact(encoder: Encoder, told: Told, expected: str) -> None:
    """SDKs take their id from `id:`, the name from `event:`, and one line of data."""
    assert _event(encoder, "posts/*", told).decode() == expected


def test_the_name_is_the_subscription_as_the_client_wrote_it() -> None:
    """Options and all; in JSON it is quoted."""
    name = 'posts?options={"query":{}}'
    assert f"\nevent:{name}\n".encode() in _event(EVENT_STREAM, name, CREATE)
    assert _event(RESUMABLE_STREAM, name, CREATE).startswith(f"event:{name}\n".encode())
    assert json.loads(_event(MESSAGES, name, CREATE))["sub"] == name


def test_what_is_spelled_alike_is_shared() -> None:
    """Streams of one encoder all are, messages by name."""
    for encoder in (EVENT_STREAM, RESUMABLE_STREAM):
        assert encoder.spelling("a") is encoder.spelling("b")
    kept = MESSAGES.spelling("a")
    assert MESSAGES.spelling("a") is kept
    assert MESSAGES.spelling("b") is not kept


def test_the_first_words() -> None:
    """The id of `PB_CONNECT` is the plain one in either kind of stream."""
    head = f"id:{ID}\nevent:PB_CONNECT\ndata:"
    assert EVENT_STREAM.connected(ID, AT).decode() == f'{head}{{"clientId":"{ID}"}}\n\n'
    assert (
        RESUMABLE_STREAM.connected(ID, AT).decode()
        == f'{head}{{"clientId":"{ID}","position":"{AT}"}}\n\n'
    )
    assert json.loads(MESSAGES.connected(ID, AT)) == {
        "type": "connected", "client": ID, "position": AT, "heartbeat": 30, "protocol": 1,
    }  # fmt: skip


def test_heartbeats() -> None:
    """A comment, an id that a browser remembers, or a message; without a position where unsure."""
    assert EVENT_STREAM.heartbeat(ID, AT) == EVENT_STREAM.heartbeat(ID, "") == b":\n\n"
    assert RESUMABLE_STREAM.heartbeat(ID, AT) == f"id:{ID};{AT}\n\n".encode()
    assert RESUMABLE_STREAM.heartbeat(ID, "") == b":\n\n"
    assert MESSAGES.heartbeat(ID, AT) == b'{"type":"heartbeat","position":"main:a:7"}'
    assert MESSAGES.heartbeat(ID, "") == b'{"type":"heartbeat"}'


def test_the_last_words() -> None:
    """Old clients are told only that they lost events; a resumable stream keeps its last position."""
    lost = f'event:QUILL_OVERFLOW\ndata:{{"clientId":"{ID}"}}\n\n'
    for reason in ("overflow", "fault"):
        assert EVENT_STREAM.farewell(ID, reason) == f"id:{ID}\n{lost}".encode()
        assert RESUMABLE_STREAM.farewell(ID, reason) == lost.encode()
    for reason in ("drain", "reset", "age", "idle"):
        assert EVENT_STREAM.farewell(ID, reason) is None
        assert RESUMABLE_STREAM.farewell(ID, reason) is None
    assert MESSAGES.farewell(ID, "drain") == b'{"type":"bye","reason":"drain"}'


def test_what_only_messages_can_say() -> None:
    """Lists, the end of a join, the end of an identity."""
    for encoder in (EVENT_STREAM, RESUMABLE_STREAM):
        assert encoder.snapshot("posts", AT, "[]", more=False) is None
        assert encoder.live("posts", AT) is None
        assert encoder.signed_out("revoked") is None
    for more in (True, False):
        page = MESSAGES.snapshot("posts", AT, '[{"id":"x"}]', more=more)
        assert page is not None
        assert json.loads(page) == {
            "type": "snapshot", "sub": "posts", "position": AT, "records": [{"id": "x"}],
            "more": more,
        }  # fmt: skip
    assert MESSAGES.live("posts", AT) == b'{"type":"live","sub":"posts","position":"main:a:7"}'
    assert MESSAGES.signed_out("expired") == b'{"type":"auth","record":null,"reason":"expired"}'


def test_a_gap() -> None:
    """A plain stream has no word for it; a resumable one has one for all, messages one for each."""
    names = ["posts", 'a"b']
    assert EVENT_STREAM.resync(ID, names, AT, "reset") is None
    (told,) = RESUMABLE_STREAM.resync(ID, names, AT, "gone") or []
    assert told.decode() == (
        f"event:QUILL_RESYNC\nid:{ID};{AT}\n"
        'data:{"subscriptions":["posts","a\\"b"],"position":"main:a:7","reason":"gone"}\n\n'
    )
    assert [json.loads(one) for one in MESSAGES.resync(ID, names, AT, "fault") or []] == [
        {"type": "resync", "sub": name, "position": AT, "reason": "fault"} for name in names
    ]
