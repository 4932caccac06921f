"""The bare worker's end of the write link: one message a loop tick, answers resolved in batches."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import msgspec
import zmq

from benchmarks.bare.messages import Notice, Operation, Operations, Params, Results

_encode = msgspec.msgpack.Encoder().encode
_decode_results = msgspec.msgpack.Decoder(Results).decode
_decode_notice = msgspec.msgpack.Decoder(Notice).decode


class Link:
    """A DEALER to the writer and a SUB for its notices, both on the running loop."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._incarnation = secrets.randbits(62)
        self._seq = 0
        self._waiting: dict[int, asyncio.Future[str | None]] = {}
        self._tick: list[Operation] = []
        self.head = 0
        context = zmq.Context()
        self._dealer = context.socket(zmq.DEALER)
        self._dealer.setsockopt(zmq.IMMEDIATE, 1)
        self._dealer.setsockopt(zmq.LINGER, 0)
        self._dealer.setsockopt(zmq.RECONNECT_IVL, 5)
        self._dealer.connect(f"ipc://{folder}/writer.ipc")
        self._changes = context.socket(zmq.SUB)
        self._changes.setsockopt(zmq.SUBSCRIBE, b"")
        self._changes.connect(f"ipc://{folder}/changes.ipc")
        self._loop.add_reader(self._dealer.FD, self._receive)
        self._loop.add_reader(self._changes.FD, self._hear)

    def submit(self, insert: int, guard: Params, values: Params) -> asyncio.Future[str | None]:
        """The stored row as JSON text, or None when the guard or SQLite refused."""
        self._seq = seq = self._seq + 1
        answer: asyncio.Future[str | None] = self._loop.create_future()
        self._waiting[seq] = answer
        if not self._tick:
            self._loop.call_soon(self._flush)
        self._tick.append(Operation(seq, insert, guard, values))
        return answer

    def _flush(self) -> None:
        acked = next(iter(self._waiting), self._seq + 1) - 1
        message = Operations(self._incarnation, acked, self._tick)
        self._tick = []
        self._dealer.send(_encode(message))
        self._receive()  # ZeroMQ's descriptor is edge-triggered: look again after each send

    def _receive(self) -> None:
        try:
            while True:
                for result in _decode_results(self._dealer.recv(zmq.NOBLOCK)).results:
                    answer = self._waiting.pop(result.seq, None)
                    if answer is not None and not answer.done():
                        answer.set_result(result.record)
        except zmq.Again:
            pass

    def _hear(self) -> None:
        try:
            while True:
                self.head = _decode_notice(self._changes.recv(zmq.NOBLOCK)).head
        except zmq.Again:
            pass
