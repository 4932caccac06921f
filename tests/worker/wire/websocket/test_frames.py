"""Messages as frames: the same text, and the same bytes for all who are told the same."""

from __future__ import annotations

import struct

import pytest

from worker.realtime.clients.encoders import Told
from worker.wire.websocket.frames import FRAMED, text_frame
from worker.wire.websocket.gate import TEXT

TOLD = Told(b"create", b'"posts"', b"main:1:2", b'{"id":"x"}')


def _payload(frame: bytes) -> bytes:
    """By the letter of RFC 6455, section 5.2."""
    assert frame[0] == 0x81, "one text frame, the final one"
    if frame[1] < 126:
        size, head = frame[1], 2
    elif frame[1] == 126:
        (size,), head = struct.unpack_from("!H", frame, 2), 4
    else:
        (size,), head = struct.unpack_from("!Q", frame, 2), 10
    assert len(frame) == head + size
    return frame[head:]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])
def test_a_frame_holds_the_message(size: int) -> None:
    """With each of the three spellings of its length."""
    message = b"x" * size
    assert _payload(text_frame(message)) == message


def test_every_message_of_the_main_port_is_framed_on_the_second() -> None:
    """Nothing is spelled differently, and nothing goes out without a frame."""
    pairs = [
        (encoder.connected("c", "main:1:2"), encoder.heartbeat("c", "main:1:2"),
         encoder.farewell("c", "drain"), encoder.snapshot("n", "main:1:2", "[]", more=False),
         encoder.live("n", "main:1:2"), *(encoder.resync("c", ["n", "m"], "main:1:2", "gone") or []),
         encoder.signed_out("expired"), encoder.event("n", TOLD))
        for encoder in (TEXT, FRAMED)
    ]  # fmt: skip
    for text, framed in zip(*pairs, strict=True):
        assert text is not None
        assert framed is not None
        assert _payload(framed) == text


def test_subscriptions_of_one_name_share_their_spelling() -> None:
    """So a frame is made once for all of them, and a prefix is nobody's own."""
    assert FRAMED.spelling("n") is FRAMED.spelling("n")
    assert FRAMED.prefix("c", "n") == b""
    assert _payload(FRAMED.spelling("n").event(TOLD)).startswith(b'{"type":"create","sub":"n"')
