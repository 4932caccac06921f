"""WebSocket frames by hand, compared with what the `websockets` library makes of them."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from benchmarks.realtime.frames import CLOSE, PING, TEXT, client_frame, server_frames

_SIZES = (0, 1, 125, 126, 65_535, 65_536, 100_000)


@pytest.mark.parametrize("size", _SIZES)
def test_a_client_frame_is_read_by_the_library(size: int) -> None:
    """Masked, final, and whole, whatever its length."""
    payload = b"x" * size
    reader = StreamReader()
    reader.feed_data(client_frame(payload))
    parser = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as found:
        next(parser)
    frame = found.value.value
    assert (frame.opcode, frame.data, frame.fin) == (Opcode.TEXT, payload, True)


@pytest.mark.parametrize("size", _SIZES)
def test_frames_of_the_library_are_read(size: int) -> None:
    """One after the other, and no part of one that is not whole."""
    frames = (
        Frame(Opcode.TEXT, b"a" * size),
        Frame(Opcode.PING, b"1234"),
        Frame(Opcode.CLOSE, b"\x03\xe8"),
    )
    data = b"".join(frame.serialize(mask=False) for frame in frames)
    expected = [(TEXT, b"a" * size), (PING, b"1234"), (CLOSE, b"\x03\xe8")]
    assert list(server_frames(data)) == expected
    assert list(server_frames(data[:-1])) == expected[:-1]
    assert list(server_frames(data[:1])) == []
