"""The crowd counts right, and notices what is wrong: a server that sends whatever a test wants."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.realtime.bare_server import WELCOME
from benchmarks.realtime.crowd_link import CrowdLink, WrongError, crowd
from benchmarks.realtime.frames import PING, PONG, client_frame
from benchmarks.realtime.messages import Open
from benchmarks.target import TargetError
from tests.waiting import until

_MARKS = [f"{number:08}" for number in range(6)]
_SENT = dict.fromkeys(_MARKS, 0)


def _frame(payload: bytes, opcode: int = 1) -> bytes:
    """As a server sends it."""
    assert len(payload) < 126
    return bytes((0x80 | opcode, len(payload))) + payload


def _event(mark: str) -> bytes:
    return _frame(b'{"type":"create","record":{"mark":"%b","text":""}}' % mark.encode())


_EVENTS = b"".join(map(_event, _MARKS))


@contextmanager
def _opened(count: int) -> Iterator[tuple[CrowdLink, list[socket.socket]]]:
    """A crowd that believes it is connected to a bare server, and the server's ends."""
    with (
        crowd() as people,
        socket.create_server(("127.0.0.1", 0)) as server,
        ThreadPoolExecutor(1) as pool,
        ExitStack() as ends,
    ):
        server.settimeout(20)
        accepted = pool.submit(lambda: [_accept(server) for _ in range(count)])
        people.open(Open("bare", server.getsockname()[1], ["posts"] * count, at_once=count))
        yield people, [ends.enter_context(line) for line in accepted.result()]


def _accept(server: socket.socket) -> socket.socket:
    line, _ = server.accept()
    line.settimeout(20)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert line.recv(4_096).startswith(b"GET ")
    line.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + _frame(WELCOME.encode()))
    return line


@pytest.fixture(scope="module")
def one() -> Iterator[tuple[CrowdLink, socket.socket]]:
    """A crowd of one."""
    with _opened(1) as (people, (line,)):
        yield people, line


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, len(_EVENTS) - 1), unique=True, max_size=12))
def test_marks_are_found_once_wherever_the_stream_is_cut(
    one: tuple[CrowdLink, socket.socket], cuts: list[int]
) -> None:
    """Each piece is its own read, because the crowd has counted it before the next one is sent."""
    people, line = one
    begin, before = len(people.orders().common), people.counts().received_bytes
    edges = [0, *sorted(cuts), len(_EVENTS)]
    for start, end in itertools.pairwise(edges):
        line.sendall(_EVENTS[start:end])
        until(partial(_received, people, before + end), what="the piece")
    assert people.orders().common[begin:] == _MARKS


def _received(people: CrowdLink, size: int) -> bool:
    return people.counts().received_bytes == size


def test_what_all_read_is_right() -> None:
    """Three clients that are told the same, each in pieces of its own."""
    with _opened(3) as (people, lines):
        for number, line in enumerate(lines):
            line.sendall(_EVENTS[: 50 + number])
        for number, line in enumerate(lines):
            line.sendall(_EVENTS[50 + number :])
        assert people.wait(3 * len(_MARKS)).heard == 3 * len(_MARKS)
        people.verify(_MARKS)
        taken = people.latencies(_SENT)
        assert taken.count == 3 * len(_MARKS)
        assert 0 < taken.p50_ms <= taken.p99_ms <= taken.max_ms


def test_another_order_is_wrong() -> None:
    """Two marks change places for one of two clients."""
    with _opened(2) as (people, lines):
        lines[0].sendall(_EVENTS)
        people.wait(len(_MARKS))
        lines[1].sendall(b"".join(map(_event, (_MARKS[1], _MARKS[0], *_MARKS[2:]))))
        with pytest.raises(WrongError, match="1 clients out of order"):
            people.wait(2 * len(_MARKS))


def test_the_same_wrong_order_for_all_is_wrong() -> None:
    """All agree, but not with the commits."""
    with _opened(2) as (people, lines):
        for line in lines:
            line.sendall(_EVENTS)
        people.wait(2 * len(_MARKS))
        with pytest.raises(WrongError, match=r"first at event \[0\]"):
            people.verify(_MARKS[::-1])


def test_one_event_too_many_is_wrong() -> None:
    """A double for one client."""
    with _opened(2) as (people, lines):
        for line in lines:
            line.sendall(_EVENTS)
        lines[0].sendall(_event(_MARKS[-1]))
        with pytest.raises(WrongError, match="13 of 12"):
            people.verify(_MARKS)


def test_one_event_too_few_is_wrong() -> None:
    """One client misses the last one, however long it waits."""
    with _opened(2) as (people, lines):
        lines[0].sendall(_EVENTS)
        lines[1].sendall(_EVENTS[: -len(_event(_MARKS[-1]))])
        with pytest.raises(WrongError, match="11 of 12"):
            people.wait(2 * len(_MARKS), seconds=0.3)


def test_a_lost_connection_is_wrong() -> None:
    """The server hangs up on one of two."""
    with _opened(2) as (people, lines):
        lines[0].close()
        with pytest.raises(WrongError, match="1 connections lost"):
            people.wait(1)


def test_a_refused_client_is_told() -> None:
    """Whatever the server answers is in the error."""
    with (
        crowd() as people,
        socket.create_server(("127.0.0.1", 0)) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        server.settimeout(20)
        refused = pool.submit(_refuse, server)
        with pytest.raises(TargetError, match="503 Service Unavailable"):
            people.open(Open("ws", server.getsockname()[1], ["posts"]))
        refused.result()


def _refuse(server: socket.socket) -> None:
    with server.accept()[0] as line:
        assert line.recv(4_096)
        line.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")


@pytest.mark.parametrize("before", [b"", _EVENTS])
def test_a_ping_is_answered(before: bytes) -> None:
    """Alone, or right behind events."""
    with _opened(1) as (people, (line,)):
        line.sendall(before + _frame(b"1234", PING))
        assert line.recv(100) == client_frame(b"1234", PONG)
        assert people.counts().lost == 0


def test_a_slow_client_reads_a_byte_a_second_and_is_not_counted() -> None:
    """What is sent to it stays where it is; the quick one reads on."""
    with _opened(1) as (people, (line,)), socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        with ThreadPoolExecutor(1) as pool:
            accepted = pool.submit(_accept, server)
            people.open(Open("bare", server.getsockname()[1], ["posts"], slow=True))
            slow = accepted.result()
        with slow:
            slow.setblocking(False)
            with pytest.raises(BlockingIOError):
                _fill(slow)
            line.sendall(_EVENTS)
            assert people.wait(len(_MARKS)).live == 1
            people.close(slow=True)
            with pytest.raises(ConnectionError):
                slow.recv(1)


def _fill(line: socket.socket) -> None:
    """Until the kernel takes no more."""
    for _ in range(100_000):
        line.send(_EVENTS * 100)
