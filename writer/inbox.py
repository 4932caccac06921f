"""The inbox thread: the only one that touches the writer's sockets. It runs no SQL.

It beats on the status page, so that a long statement is not taken for a dead writer; answers Hello
with Welcome; hands operations to the batch thread of their database, or says at once that too many
wait there (BUSY) or that there is none (CLOSED); and sends what the batch threads have decided. It
also ends them: so nothing for a database that is closed is handed over behind its end.
"""

from __future__ import annotations

import select
import time
from itertools import groupby
from typing import Final

import msgspec
import zmq

from shared import failpoints, limits
from shared.depot.layout import MAIN
from shared.logs import get_logger
from shared.messages.commands import (
    PROTOCOL,
    Hello,
    Operation,
    Operations,
    Result,
    Results,
    Status,
    ToWriter,
    Welcome,
)
from shared.run_directory import RunDirectory
from writer.answers import Client
from writer.databases import Databases
from writer.process import Process
from writer.publish import Publisher

log = get_logger()

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ToWriter).decode
# Plain numbers: the library's flag enums cost a microsecond an operation.
_EVENTS: Final = int(zmq.EVENTS)
_POLLIN: Final = int(zmq.POLLIN)
_NOBLOCK: Final = int(zmq.NOBLOCK)
_MORE: Final = int(zmq.SNDMORE | zmq.NOBLOCK)
_FAREWELL_MS: Final = 1_000  # for the last replies to leave at the end


class Inbox:
    """Sockets and clients. Everything here runs on the main thread."""

    def __init__(
        self,
        run_directory: RunDirectory,
        process: Process,
        databases: Databases,
    ) -> None:
        """Bind. The status page must be set before, since clients come at once."""
        self._page = process.page
        self._outbox = process.outbox
        self._databases = databases
        self._main = databases.doors[MAIN]
        self._clients: dict[bytes, Client] = {}
        """Greeted connections, as main knows them."""
        self._stopping = False
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context = context
        self._publisher = Publisher(context, run_directory.changes)
        self._router = context.socket(zmq.ROUTER)
        # The bounds that decide are the workers' in-flight caps and the inbox's own.
        self._router.setsockopt(zmq.SNDHWM, 0)
        self._router.setsockopt(zmq.RCVHWM, 0)
        self._router.setsockopt(zmq.LINGER, _FAREWELL_MS)
        self._router.bind(run_directory.writer)
        self._descriptor = int(self._router.getsockopt(zmq.FD))

    def stop(self) -> None:
        """Ask `serve` to settle what has arrived and to return. Safe in a signal handler."""
        self._stopping = True
        self._outbox.wake()

    def serve(self) -> None:
        """Until `stop`, and then until every batch thread has finished."""
        poll = select.epoll()
        poll.register(self._descriptor, select.EPOLLIN)
        poll.register(self._outbox.descriptor, select.EPOLLIN | select.EPOLLET)
        beat_at = 0.0
        while True:
            now = time.monotonic()
            if now >= beat_at:
                self._page.beat()
                beat_at = now + limits.WRITER_BEAT_SECONDS
            # The socket's descriptor only tells of changes: look again after every send.
            while self._receive() | self._send():
                pass
            for batcher in self._databases.closing():
                batcher.stop()
            if self._stopping and self._have_ended():
                break
            poll.poll(max(beat_at - time.monotonic(), 0.0))
        self._send()
        poll.close()

    def _have_ended(self) -> bool:
        """Tell all batch threads to end; whether there are no more of them.

        Main's may open another database to its end, so it is asked first.
        """
        main_has_ended = self._main.batcher.finished.is_set()
        batchers = [*self._databases.batchers(), *self._databases.closing()]
        for batcher in batchers:
            batcher.stop()
        return main_has_ended and all(batcher.finished.is_set() for batcher in batchers)

    def close(self) -> None:
        """Give the last replies a moment to leave, and close the sockets."""
        self._router.close()
        self._publisher.close()
        self._context.term()

    def _receive(self) -> bool:
        """Take every message that is there; whether there was any."""
        router = self._router
        received = False
        while router.get(_EVENTS) & _POLLIN:  # type: ignore[operator]
            received = True
            identity = router.recv(_NOBLOCK)
            frame = router.recv(_NOBLOCK)  # a DEALER's messages are one frame behind its identity
            try:
                message = _decode(frame)
            except msgspec.DecodeError:
                log.exception("message cannot be read")
                continue
            if isinstance(message, Operations):
                self._take_operations(identity, message, len(frame))
            else:
                self._welcome(identity, message)
        return received

    def _send(self) -> bool:
        """Send what was decided: replies first, then the notice. Whether there was any."""
        sent = False
        for outgoing in self._outbox.take():
            sent = True
            for identity, reply in outgoing.replies:
                self._reply(identity, reply)
            if outgoing.notice is not None:
                if failpoints.ACTIVE:
                    failpoints.reach("writer.after_reply")
                self._publisher.publish(outgoing.notice)
        return sent

    def _welcome(self, identity: bytes, hello: Hello) -> None:
        """A connection begins; from now on its operations are heard."""
        if hello.protocol != PROTOCOL:
            log.error("worker speaks another protocol", protocol=hello.protocol, ours=PROTOCOL)
            return
        greeted = self._main.client(identity, hello.incarnation)
        self._clients = {
            other: client
            for other, client in self._clients.items()
            if client.worker is not greeted.worker
        }
        self._clients[identity] = greeted
        words = self._page.database()
        welcome = Welcome(self._page.epoch, words.feed, words.catalog_version, words.head)
        self._reply(identity, _encode(welcome))

    def _take_operations(self, identity: bytes, message: Operations, size: int) -> None:
        client = self._clients.get(identity)
        if client is None:
            return  # before its Hello: still pending there, and sent again after Welcome
        operations = message.operations
        share = size // max(len(operations), 1)
        if any(operation.plan.database != MAIN for operation in operations):
            self._take_elsewhere(client, message, share)
        elif refused := self._main.take(client, message.acked, operations, share):
            self._refuse(client, refused, Status.BUSY)

    def _take_elsewhere(self, client: Client, message: Operations, share: int) -> None:
        """Not only for main. A worker sends what is for one database by itself."""
        for name, group in groupby(message.operations, lambda one: one.plan.database):
            operations = list(group)
            door = self._databases.doors.get(name)
            if door is None:
                log.error("plan for a database that is not open", name=name)
                self._refuse(client, operations, Status.CLOSED)
                continue
            if failpoints.ACTIVE:
                failpoints.reach("writer.door_found")
            guest = door.client(client.identity, client.worker.incarnation)
            if refused := door.take(guest, message.acked, operations, share):
                self._refuse(client, refused, Status.BUSY)

    def _refuse(self, client: Client, operations: list[Operation], status: Status) -> None:
        results = [Result(operation.seq, status) for operation in operations]
        self._reply(client.identity, _encode(Results(self._page.database().head, results)))

    def _reply(self, identity: bytes, reply: bytes) -> None:
        self._router.send(identity, _MORE)
        self._router.send(reply, _NOBLOCK)
