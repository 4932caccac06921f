"""The way into one database: whom it knows by which connection, and what it has taken in.

Used by the inbox thread only.
"""

from __future__ import annotations

from shared import limits
from shared.messages.commands import Operation
from writer.answers import Client
from writer.batch import Batcher


class Door:
    """Hands operations to a database's batch thread, or none beyond what may wait there."""

    def __init__(self, batcher: Batcher) -> None:
        self.batcher = batcher
        self._clients: dict[int, Client] = {}
        """The present connection of each incarnation."""
        self._accepted: dict[int, int] = {}
        """Greatest seq handed over, by incarnation."""

    def client(self, identity: bytes, incarnation: int) -> Client:
        """The connection, as this database's answers know its worker."""
        client = self._clients.get(incarnation)
        if client is None or client.identity != identity:
            client = Client(identity, self.batcher.answers.of(incarnation))
            self._clients[incarnation] = client
        return client

    def take(
        self, client: Client, acked: int, operations: list[Operation], share: int
    ) -> list[Operation]:
        """Hand over, with the mark of what is finished; what is returned is refused as BUSY.

        `share`: bytes of each on average.
        """
        refused: list[Operation] = []
        if self.batcher.waiting + len(operations) > limits.WRITER_INBOX_OPERATIONS:
            operations, refused = self._sort_out_new(client, operations)
        if operations:
            incarnation = client.worker.incarnation
            last = max(operations[0].seq, operations[-1].seq)
            self._accepted[incarnation] = max(self._accepted.get(incarnation, 0), last)
        self.batcher.put(client, acked, operations, share)
        return refused

    def _sort_out_new(
        self, client: Client, operations: list[Operation]
    ) -> tuple[list[Operation], list[Operation]]:
        """Those that have been here before, and those that are certainly new.

        A second copy of something accepted before may have been applied, so it may not be told
        that it was not. The workers' caps bound how many there are.
        """
        worker = client.worker
        accepted = self._accepted.get(worker.incarnation, 0)
        known = [op for op in operations if op.seq <= accepted or op.seq in worker.results]
        if len(known) == len(operations):
            return known, []
        kept = {op.seq for op in known}
        return known, [op for op in operations if op.seq not in kept]
