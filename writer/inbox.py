"""The inbox thread: the only one that touches the writer's sockets. It runs no SQL.

It beats on the status page, so that a long statement is not taken for a dead writer; answers Hello
with Welcome; hands operations to the batch thread of their database, or says BUSY at once when
the inbox is full; and sends what the batch threads have decided.
"""

from __future__ import annotations

import select
import time
from typing import Final

import msgspec
import zmq

from shared import failpoints, limits
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
from shared.status_page import StatusPage
from writer.answers import Client
from writer.batch import Batcher
from writer.outbox import Outbox
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
_MAIN: Final = "main"


class Inbox:
    """Sockets and clients. Everything here runs on the main thread."""

    def __init__(
        self,
        run_directory: RunDirectory,
        page: StatusPage,
        batchers: dict[str, Batcher],
        outbox: Outbox,
    ) -> None:
        """Bind. The status page must be set before, since clients come at once."""
        self._page = page
        self._batchers = batchers
        self._outbox = outbox
        self._clients: dict[bytes, Client] = {}
        self._accepted: dict[int, int] = {}
        """Greatest seq handed over, by incarnation."""
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
        told = False
        beat_at = 0.0
        while True:
            now = time.monotonic()
            if now >= beat_at:
                self._page.beat()
                beat_at = now + limits.WRITER_BEAT_SECONDS
            # The socket's descriptor only tells of changes: look again after every send.
            while self._receive() | self._send():
                pass
            if self._stopping and not told:
                told = True
                for batcher in self._batchers.values():
                    batcher.stop()
            if told and all(batcher.finished.is_set() for batcher in self._batchers.values()):
                break
            poll.poll(max(beat_at - time.monotonic(), 0.0))
        self._send()
        poll.close()

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
        main = self._batchers[_MAIN]
        worker = main.answers.of(hello.incarnation)
        self._clients = {
            other: client for other, client in self._clients.items() if client.worker is not worker
        }
        self._clients[identity] = Client(identity, worker)
        words = self._page.database()
        welcome = Welcome(self._page.epoch, words.feed, words.catalog_version, words.head)
        self._reply(identity, _encode(welcome))

    def _take_operations(self, identity: bytes, message: Operations, size: int) -> None:
        client = self._clients.get(identity)
        if client is None:
            return  # before its Hello: still pending there, and sent again after Welcome
        operations = message.operations
        batcher = self._batchers[_MAIN]
        if any(operation.plan.database != _MAIN for operation in operations):
            operations = self._refuse_unknown(client, operations)
        if batcher.waiting + len(operations) > limits.WRITER_INBOX_OPERATIONS:
            operations = self._refuse_new(client, operations)
        if operations:
            incarnation = client.worker.incarnation
            last = max(operations[0].seq, operations[-1].seq)
            self._accepted[incarnation] = max(self._accepted.get(incarnation, 0), last)
        share = size // max(len(message.operations), 1)
        batcher.put(client, message.acked, operations, share)

    def _refuse_unknown(self, client: Client, operations: list[Operation]) -> list[Operation]:
        """Answer plans for a database that is not here; the others are returned."""
        strangers = [op for op in operations if op.plan.database not in self._batchers]
        log.error("plan for an unknown database", names=[op.plan.database for op in strangers])
        self._refuse(client, strangers, Status.ERROR)
        return [op for op in operations if op.plan.database in self._batchers]

    def _refuse_new(self, client: Client, operations: list[Operation]) -> list[Operation]:
        """The inbox is full: BUSY for what is certainly new; the others are returned.

        A second copy of something accepted before may have been applied, so it may not be told
        that it was not. The workers' caps bound how many there are.
        """
        worker = client.worker
        accepted = self._accepted.get(worker.incarnation, 0)
        known = [op for op in operations if op.seq <= accepted or op.seq in worker.results]
        if len(known) < len(operations):
            kept = {op.seq for op in known}
            self._refuse(client, [op for op in operations if op.seq not in kept], Status.BUSY)
        return known

    def _refuse(self, client: Client, operations: list[Operation], status: Status) -> None:
        results = [Result(operation.seq, status) for operation in operations]
        self._reply(client.identity, _encode(Results(self._page.database().head, results)))

    def _reply(self, identity: bytes, reply: bytes) -> None:
        self._router.send(identity, _MORE)
        self._router.send(reply, _NOBLOCK)
