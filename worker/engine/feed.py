"""The change feed: every committed row of `_change`, in order, once, to whoever listens here.

A notice on SUB says that something was committed; the rows are always read from `_change`, so
there is one path for live events and for catching up, and no event precedes its commit. Notices
get lost without a sound, therefore the status page is compared every 50 ms, too. While nobody
wants changes the feed only moves its mark.

    notice, Welcome or page ahead → read (mark, …] → listeners → mark

Rows that retention removed before they were read, and a log that was begun anew, are told as one
RESET of every table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import zmq

from shared.limits import (
    FEED_BYTES_PER_READ,
    FEED_POLL_SECONDS,
    FEED_ROWS_PER_READ,
    LINK_RECONNECT_MS,
    LINK_RECONNECT_MS_MAX,
)
from shared.logs import get_logger
from shared.messages.changes import Act, Change
from shared.sqlite.driver import Error
from shared.status_page import DatabaseWords
from worker.engine.change_log import Interest, PageLimits, changes_after, head_of
from worker.engine.snapshot import Snapshot
from worker.engine.sockets import descriptor, new_socket, readable

EVERY_TABLE = "*"
Listener = Callable[[list[Change]], None]

_READ = PageLimits(FEED_ROWS_PER_READ, FEED_BYTES_PER_READ)


class Feed:
    """This worker's reading of main's log. `position` is the last n that was delivered.

    `wanted`: says whether rows need to be read at all; replace it with your own.
    `interest`: says whose values need to be decoded, all while it is None.
    """

    def __init__(self, endpoint: str, snapshot: Snapshot, words: DatabaseWords) -> None:
        self._endpoint = endpoint
        self._snapshot = snapshot
        self._words = words
        self._feed = words.feed
        self.position = words.head
        self._listeners: list[Listener] = []
        self._wakers: list[Callable[[], None]] = []
        self._woken_at = (words.feed, words.head)
        self.wanted: Callable[[], bool] = lambda: bool(self._listeners)
        self.interest: Interest | None = None
        self._loop: asyncio.AbstractEventLoop
        self._socket = new_socket(zmq.SUB)
        self._descriptor = -1
        self._timer: asyncio.TimerHandle | None = None
        self._continued = False
        self._closed = False

    def start(self) -> None:
        """Subscribe, and begin to compare the page, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._socket.setsockopt(zmq.RECONNECT_IVL, LINK_RECONNECT_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, LINK_RECONNECT_MS_MAX)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.connect(self._endpoint)
        self._descriptor = descriptor(self._socket)
        self._loop.add_reader(self._descriptor, self._notices)
        self._loop.call_soon(self._notices)
        self._poll()

    def close(self) -> None:
        """Stop listening and delivering."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._descriptor)
        self._socket.close()

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every change from now on; lists are in order of n, without gaps."""
        self.advance()
        self._listeners.append(listener)

    def wake(self, waker: Callable[[], None]) -> None:
        """Call `waker` when the log has moved; for those who read it themselves, at their pace."""
        self._wakers.append(waker)

    def wake_no_more(self, waker: Callable[[], None]) -> None:
        """End what `wake` began."""
        self._wakers.remove(waker)

    # --- What wakes it --------------------------------------------------------------------------

    def _notices(self) -> None:
        """Take every notice. What they say is on the page by now: the commit came first."""
        heard = False
        while readable(self._socket):
            self._socket.recv_multipart(zmq.NOBLOCK)
            heard = True
        if heard:
            self.advance()

    def _poll(self) -> None:
        self._timer = self._loop.call_later(FEED_POLL_SECONDS, self._poll)
        self.advance()

    def advance(self) -> None:
        """Deliver what has been committed by now, the rest of a long backlog in later turns.

        A new subscriber calls it first, so that it is told nothing older than itself.
        """
        words = self._words
        head, feed = words.head, words.feed
        if self._wakers and self._woken_at != (feed, head):
            self._woken_at = (feed, head)
            for waker in self._wakers:
                waker()
        if (head == self.position and feed == self._feed) or self._continued or self._closed:
            return
        if feed != self._feed or head < self.position:
            self._feed = feed
            self._reset(head)
        elif not self.wanted():
            self.position = head
        else:
            self._read_on()

    # --- Reading --------------------------------------------------------------------------------

    def _read_on(self) -> None:
        self._continued = False
        try:
            rows = self._rows(self._snapshot)
            if rows is None:  # there was nothing: why not, has to be asked of one state
                rows = self._snapshot.in_transaction(self._rows_or_reset)
        except Error as error:
            get_logger().error("feed read failed", error=str(error))
            return  # the page is compared again in 50 ms
        if rows is None:
            return
        if rows:
            self._deliver(rows)
        if not self._closed and self.position < self._words.head:
            self._continued = True
            self._loop.call_soon(self._read_on)

    def _rows(self, snapshot: Snapshot) -> list[Change] | None:
        """The next rows; None when there are none in the file.

        A commit can be read a moment before the page shows it, a long one if the writer dies just
        then. Its rows wait for the page: a mark ahead of it would look like a log begun anew.
        """
        head = self._words.head
        changes = changes_after(snapshot, self.position, _READ, self.interest)
        if not changes:
            return None
        if changes[0].n != self.position + 1:
            changes.insert(0, _reset_at(min(changes[0].n - 1, head)))
        return [change for change in changes if change.n <= head]

    def _rows_or_reset(self, snapshot: Snapshot) -> list[Change] | None:
        """Nothing above the mark: retention took it all, or the commit is not visible yet."""
        page_head = self._words.head
        rows = self._rows(snapshot)
        if rows is not None:
            return rows
        head, _feed = head_of(snapshot)
        return [_reset_at(min(head, page_head))] if head > self.position else None

    def _reset(self, head: int) -> None:
        self.position = head
        if self.wanted():
            self._deliver([_reset_at(head)])

    def _deliver(self, changes: list[Change]) -> None:
        self.position = changes[-1].n
        for listener in self._listeners:
            try:
                listener(changes)
            except Exception:  # noqa: BLE001 - one listener's fault must not deafen the others
                get_logger().error("a listener of the feed failed", exc_info=True)


def _reset_at(n: int) -> Change:
    return Change(n, EVERY_TABLE, Act.RESET, None, None, None)
