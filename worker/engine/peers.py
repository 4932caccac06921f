"""Messages between workers: a small call and its answer, by slot and incarnation.

A realtime subscription may reach a worker that does not hold the client's stream; the client's id
names the slot and the incarnation that does. The incarnation is compared here: whatever took the
slot since then answers that the caller's peer is gone. A predecessor that drains still has the
connections of its peers: it asks its successor for them.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import zmq

from shared.errors import Kind, QuillError
from shared.limits import (
    LINK_RECONNECT_MS,
    LINK_RECONNECT_MS_MAX,
    PEER_SOCKETS_MAX,
    PEER_TIMEOUT_SECONDS,
)
from shared.logs import get_logger
from shared.run_directory import RunDirectory
from worker.engine.sockets import Socket, descriptor, new_socket, readable

PeerHandler = Callable[[bytes], Awaitable[bytes]]
_NOBLOCK: Final = zmq.NOBLOCK
_IPC: Final = "ipc://"


class PeerGoneError(QuillError):
    """The process that was asked for has ended; its slot may have a successor."""

    def __init__(self) -> None:
        super().__init__(Kind.NOT_FOUND, "The worker that held it is gone.")


class _Call(msgspec.Struct, array_like=True, frozen=True):
    """`incarnation`: of the process that is meant."""

    number: int
    incarnation: int
    kind: str
    payload: bytes


class _Answer(msgspec.Struct, array_like=True, frozen=True):
    """`gone`: the slot is held by another process now.  `error`: the handler failed."""

    number: int
    payload: bytes
    gone: bool = False
    error: str = ""


_decode_call = msgspec.msgpack.Decoder(_Call).decode
_decode_answer = msgspec.msgpack.Decoder(_Answer).decode
_encode = msgspec.msgpack.Encoder().encode


class Peers:
    """This worker's socket for its peers, and its connections to theirs."""

    def __init__(self, run_directory: RunDirectory, slot: int, incarnation: int) -> None:
        self._run_directory = run_directory
        self._slot = slot
        self._incarnation = incarnation
        self._handlers: dict[str, PeerHandler] = {}
        self._waiting: dict[int, asyncio.Future[_Answer]] = {}
        self._dealers: dict[int, Socket] = {}
        self._descriptors: dict[Socket, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._loop: asyncio.AbstractEventLoop
        self._address: Path
        self._inode: int
        self._router = new_socket(zmq.ROUTER)

    def start(self) -> None:
        """Take over this slot's address. Raises zmq.ZMQError.

        Bound under a name of its own and renamed, because ZeroMQ removes the path that it bound
        when it closes: a predecessor that drains would take its successor's address away.
        """
        self._loop = asyncio.get_running_loop()
        endpoint = self._run_directory.worker(self._slot)
        own = f"{endpoint}.{os.getpid()}"
        self._router.bind(own)
        self._address = Path(endpoint.removeprefix(_IPC))
        Path(own.removeprefix(_IPC)).rename(self._address)
        self._inode = self._address.stat().st_ino
        self._watch(self._router, self._drain_router)

    def close(self) -> None:
        """Leave the loop; calls that wait fail as gone."""
        for socket, number in self._descriptors.items():
            self._loop.remove_reader(number)
            socket.close()
        self._descriptors.clear()
        self._dealers.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(PeerGoneError())
        self._waiting.clear()

    def serve(self, kind: str, handler: PeerHandler) -> None:
        """Answer calls of this kind with what `handler` returns."""
        self._handlers[kind] = handler

    async def call(self, slot: int, incarnation: int, kind: str, payload: bytes) -> bytes:
        """Ask the worker in `slot`, if it still is `incarnation`.

        Raises PeerGoneError, and QuillError UNAVAILABLE after PEER_TIMEOUT_SECONDS, when the
        peer's handler failed, or when there is no socket to be had.
        """
        self._count = number = self._count + 1
        future: asyncio.Future[_Answer] = self._loop.create_future()
        self._waiting[number] = future
        try:
            self._send(slot, _Call(number, incarnation, kind, payload))
            async with asyncio.timeout(PEER_TIMEOUT_SECONDS):
                answer = await future
        except (TimeoutError, zmq.ZMQError):
            raise QuillError(
                Kind.UNAVAILABLE, "Another worker does not answer.", retry_after_seconds=1
            ) from None
        finally:
            self._waiting.pop(number, None)
        if answer.gone:
            raise PeerGoneError
        if answer.error:
            raise QuillError(Kind.UNAVAILABLE, answer.error, retry_after_seconds=1)
        return answer.payload

    # --- Asking ---------------------------------------------------------------------------------

    def _send(self, slot: int, call: _Call) -> None:
        dealer = self._dealers.get(slot) or self._connect(slot)
        dealer.send(_encode(call), _NOBLOCK)
        self._drain_dealer(dealer)

    def _connect(self, slot: int) -> Socket:
        """Without IMMEDIATE: what is sent while the slot restarts reaches its successor.

        Raises zmq.ZMQError, also when there are PEER_SOCKETS_MAX already: none is ever closed.
        """
        if len(self._dealers) >= PEER_SOCKETS_MAX:
            raise zmq.ZMQError(errno.EMFILE)
        dealer = new_socket(zmq.DEALER)
        try:
            dealer.setsockopt(zmq.RECONNECT_IVL, LINK_RECONNECT_MS)
            dealer.setsockopt(zmq.RECONNECT_IVL_MAX, LINK_RECONNECT_MS_MAX)
            dealer.connect(self._run_directory.worker(slot))
            self._watch(dealer, lambda: self._drain_dealer(dealer))
        except zmq.ZMQError:
            dealer.close()
            raise
        self._dealers[slot] = dealer
        return dealer

    def _drain_dealer(self, dealer: Socket) -> None:
        while readable(dealer):
            answer = _decode_answer(dealer.recv(_NOBLOCK))
            future = self._waiting.pop(answer.number, None)
            if future is not None and not future.done():
                future.set_result(answer)

    # --- Answering ------------------------------------------------------------------------------

    def _drain_router(self) -> None:
        while readable(self._router):
            caller, message = self._router.recv_multipart(_NOBLOCK)
            task = self._loop.create_task(self._serve(caller, _decode_call(message)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, caller: bytes, call: _Call) -> None:
        answer = await self._answer(call)
        if self._router.closed:
            return
        try:
            self._router.send_multipart((caller, _encode(answer)), _NOBLOCK)
        except zmq.Again:
            return  # the caller's time-out tells it
        self._drain_router()

    async def _answer(self, call: _Call) -> _Answer:
        handler = self._handlers.get(call.kind)
        ours = call.incarnation == self._incarnation
        if handler is None or not (ours or self._has_successor()):
            return _Answer(call.number, b"", gone=True)
        try:
            if ours:
                return _Answer(call.number, await handler(call.payload))
            told = await self.call(self._slot, call.incarnation, call.kind, call.payload)
            return _Answer(call.number, told)
        except PeerGoneError:
            return _Answer(call.number, b"", gone=True)
        except QuillError as error:
            return _Answer(call.number, b"", error=error.message)
        except Exception:  # noqa: BLE001 - the outermost loop of a peer's call
            get_logger().error("a call of another worker failed", kind=call.kind, exc_info=True)
            return _Answer(call.number, b"", error="Another worker failed.")

    def _has_successor(self) -> bool:
        """Whether another process has taken this slot's address over."""
        try:
            return self._address.stat().st_ino != self._inode
        except OSError:  # the run directory is being removed
            return False

    def _watch(self, socket: Socket, drain: Callable[[], None]) -> None:
        self._descriptors[socket] = number = descriptor(socket)
        self._loop.add_reader(number, drain)
        self._loop.call_soon(drain)
