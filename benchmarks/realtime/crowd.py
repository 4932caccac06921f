"""The crowd: thousands of clients in one process that costs little beside the server.

    python -m benchmarks.realtime.crowd     commands on stdin, answers on stdout (messages.py)

One epoll loop reads big chunks from raw sockets into one buffer, finds the marks in them with one
regular expression, and compares them with the order in which the others read them. Nothing is
decoded. An arrival is the moment after a read; all of them are kept, none is sampled.
"""

from __future__ import annotations

import contextlib
import gc
import select
import sys
from time import monotonic, monotonic_ns, sleep
from typing import Final

import msgspec

from benchmarks.realtime.arrivals import Arrivals
from benchmarks.realtime.entrance import Entrance
from benchmarks.realtime.frames import PING, PONG, client_frame, server_frames
from benchmarks.realtime.marks import CARRY_BYTES, find_marks
from benchmarks.realtime.members import Member
from benchmarks.realtime.messages import (
    Answer,
    Await,
    Close,
    Command,
    Measure,
    Open,
    Order,
    Orders,
    Rest,
    Settle,
    Told,
)
from benchmarks.realtime.opening import OpeningError

_READ_BYTES: Final = 131_072
_POLL_SECONDS: Final = 0.02
_OPENING_POLL_SECONDS: Final = 0.001
_SLOW_SECONDS: Final = 1.0
_PING_BYTE: Final = 0x80 | PING  # in no other byte of our events, which are ASCII
_COMMANDS: Final = 0  # stdin's descriptor


class Crowd:
    """The clients, what they have read, and the command that waits for its answer."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._epoll.register(_COMMANDS, select.EPOLLIN)
        self._buffer = bytearray(CARRY_BYTES + _READ_BYTES)
        self._view = memoryview(self._buffer)
        self._room = self._view[CARRY_BYTES:]
        self._members: dict[int, Member] = {}
        self._slow: list[Member] = []
        self._slow_next = 0.0
        self._entrance: Entrance | None = None
        self._arrivals = Arrivals()
        self._order: list[bytes] = []
        self._told = Told()
        self._command: Command | None = None
        self._until = 0.0
        self._rest_seconds = 0.0

    def run(self) -> None:
        """Until stdin ends."""
        members, read = self._members, self._read
        while True:
            if self._rest_seconds:
                sleep(self._rest_seconds)
            for descriptor, _ in self._epoll.poll(self._poll_seconds()):
                member = members.get(descriptor)
                if member is not None:
                    read(member)
                elif descriptor == _COMMANDS and not self._take_command():
                    return
            self._advance()

    def _poll_seconds(self) -> float:
        """Answers to subscriptions that were posted are read between two polls."""
        return _POLL_SECONDS if self._entrance is None else _OPENING_POLL_SECONDS

    # --- Reading --------------------------------------------------------------------------------

    def _read(self, member: Member) -> None:
        """The hot path: some microseconds a read."""
        try:
            size = member.receive_into(self._room)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        now = monotonic_ns()
        if not size:
            self._lost(member)
            return
        self._buffer[:CARRY_BYTES] = member.carry
        found = find_marks(self._view[: CARRY_BYTES + size])
        member.carry = bytes(self._buffer[size : CARRY_BYTES + size])
        self._told.received_bytes += size
        if found:
            self._count(member, found, now)
        if member.opening is not None:
            self._step(member, self._room[:size].tobytes())
        elif (at := self._buffer.find(_PING_BYTE, CARRY_BYTES, CARRY_BYTES + size)) >= 0:
            for frame in server_frames(bytes(self._buffer[at : CARRY_BYTES + size])):
                if frame.opcode == PING:
                    member.socket.send(client_frame(frame.payload, PONG))

    def _count(self, member: Member, found: list[bytes], now: int) -> None:
        self._arrivals.add((found, now))
        at = member.heard
        member.heard = end = at + len(found)
        self._told.heard += len(found)
        self._told.last = now
        if member.own is not None:
            member.own += found
        elif self._order[at:end] != found:
            known = self._order[at:end]
            if known == found[: len(known)] and len(self._order) >= at:
                self._order += found[len(known) :]  # nobody has read these before
            else:
                member.wrong = True

    def _step(self, member: Member, data: bytes) -> None:
        """One more step to being live."""
        assert member.opening is not None
        try:
            reply = member.opening.feed(data)
        except OpeningError as error:
            self._fail(str(error))
            return
        if reply is None:
            self._live(member)
        elif reply:
            member.socket.send(reply)

    def _lost(self, member: Member) -> None:
        """The server has hung up."""
        self._epoll.unregister(member.socket.fileno())
        self._told.lost += 1
        if member.opening is not None:
            self._fail("the server ended a connection while it was being opened")
        del self._members[member.socket.fileno()]
        member.hang_up()

    # --- Opening --------------------------------------------------------------------------------

    def _fail(self, why: str) -> None:
        self._told.failure = self._told.failure or why

    def _open(self, command: Open) -> None:
        try:
            self._entrance = Entrance(command, self._live, self._fail)
        except OSError as error:
            self._fail(repr(error))

    def _connect_more(self, entrance: Entrance) -> None:
        try:
            for member in entrance.connect():
                self._members[member.socket.fileno()] = member
                self._epoll.register(member.socket.fileno(), select.EPOLLIN)
        except OSError as error:
            self._fail(repr(error))

    def _live(self, member: Member) -> None:
        member.opening = None
        if self._entrance is not None:
            self._entrance.opening -= 1
        if member.slow:
            descriptor = member.socket.fileno()
            self._epoll.unregister(descriptor)
            del self._members[descriptor]
            self._slow.append(member)
        else:
            self._told.live += 1

    # --- Commands -------------------------------------------------------------------------------

    def _take_command(self) -> bool:
        """Begin with the next command; there is never a second one. False at the end of input."""
        line = sys.stdin.buffer.readline()
        if not line:
            return False
        command = self._command = _decode(line)
        self._until = monotonic() + getattr(command, "seconds", 0.0)
        if isinstance(command, Open):
            self._open(command)
        elif isinstance(command, Close):
            self._close(slow=command.slow)
        elif isinstance(command, Rest):
            self._rest_seconds = command.seconds
        return True

    def _advance(self) -> None:
        """Between two polls."""
        if self._entrance is not None:
            self._connect_more(self._entrance)
            self._entrance.poll()
        if self._slow and monotonic() >= self._slow_next:
            self._slow_next = monotonic() + _SLOW_SECONDS
            for member in self._slow:
                with contextlib.suppress(OSError):
                    member.socket.recv(1)
        if self._command is not None:
            answer = self._answer(self._command)
            if answer is not None:
                self._command = None
                sys.stdout.buffer.write(_encode(answer) + b"\n")
                sys.stdout.buffer.flush()

    def _answer(self, command: Command) -> Answer | None:
        """None while there is something to wait for."""
        late = monotonic() >= self._until
        match command:
            case Measure():
                return self._arrivals.measure(command.sent)
            case Order():
                return self._orders()
            case Open():
                waits = self._entrance is not None and self._entrance.busy
                troubled = bool(self._told.failure)
            case Await():
                waits = self._told.heard < command.events
                troubled = self._told.lost > 0
            case Settle():
                waits, troubled = not late, False
            case Rest() | Close():
                waits = troubled = False
        if waits and not late and not troubled:
            return None
        self._end_opening()
        return self._tell(late=waits)

    def _end_opening(self) -> None:
        if self._entrance is not None:
            self._entrance.close()
            self._entrance = None

    def _tell(self, *, late: bool) -> Told:
        quick = self._members.values()
        told = self._told
        told.late = late
        told.low = min((member.heard for member in quick), default=0)
        told.high = max((member.heard for member in quick), default=0)
        told.wrong = sum(member.wrong for member in quick)
        return told

    def _orders(self) -> Orders:
        apart = [
            [mark.decode() for mark in member.own]
            for member in self._members.values()
            if member.own is not None
        ]
        return Orders([mark.decode() for mark in self._order], apart)

    def _close(self, *, slow: bool) -> None:
        for member in self._slow:
            member.hang_up()
        self._slow.clear()
        if slow:
            return
        for descriptor, member in self._members.items():
            self._epoll.unregister(descriptor)
            member.hang_up()
        self._members.clear()
        self._arrivals.clear()
        self._order.clear()
        self._told = Told()


_decode = msgspec.json.Decoder(Command).decode
_encode = msgspec.json.encode

if __name__ == "__main__":
    gc.disable()  # nothing here is cyclic, and a collection would look like the server's delay
    Crowd().run()
