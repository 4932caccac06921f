"""Following the log from inside the server: each event once, in order, at the follower's own pace.

```python
async with follow(context, "posts", since=stored) as events:
    async for event in events:
        ...                      # and store event.position with what was done
```
A follower reads the log itself, page by page, and the feed only wakes it. So a slow one holds one
page, overflows nothing and slows nobody down; how far it may fall behind is what retention keeps.
A position that is gone by then is told as a RESYNC. What was stored with an event's position is
told exactly once over restarts; what was not is told again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

from shared.errors import Kind, QuillError
from shared.limits import (
    INTERNAL_RETRY_SECONDS,
    INTERNAL_ROWS_ON_LOOP,
    LOG_PAGE_BYTES,
    LOG_PAGE_ROWS_SCANNED,
)
from shared.logs import get_logger
from shared.status_page import DatabaseWords
from worker.context import Context
from worker.engine.change_log import PAGE_LIMITS, PageLimits
from worker.engine.feed import Feed
from worker.engine.reader import Reader
from worker.realtime.following.events import EVERYTHING, EventPage, InternalEvent, read_events
from worker.realtime.position import Position

__all__ = ["EVERYTHING", "Follower", "InternalEvent", "follow"]

_ON_LOOP = PageLimits(INTERNAL_ROWS_ON_LOOP, LOG_PAGE_BYTES // 8, LOG_PAGE_ROWS_SCANNED // 40)
_log = get_logger()


def follow(context: Context, topic: str, since: Position | None = None) -> Follower:
    """The events of a collection (name or id), of a custom topic, or of EVERYTHING.

    `since`: those after that position; None: those after this moment.
    """
    return Follower(context.reader, context.feed, context.main, topic, since)


class Follower:
    """An async iterator over events, to be used as an async context manager, by one task.

    `position`: every event up to it has been handed out. It moves over events of others as well,
    so that a follower of a quiet topic can store it now and then and does not fall behind the log.
    """

    def __init__(
        self,
        reader: Reader,
        feed: Feed,
        words: DatabaseWords,
        topic: str,
        since: Position | None = None,
    ) -> None:
        self._reader = reader
        self._feed = feed
        self._words = words
        self._topic = topic
        self._collection = ""
        self._events: deque[InternalEvent] = deque()
        self._read_upto = since or Position(words.feed, words.head)
        self._moved = asyncio.Event()
        self._closed = False
        self.position = self._read_upto

    async def __aenter__(self) -> Self:
        self._feed.wake(self._moved.set)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._feed.wake_no_more(self._moved.set)

    def close(self) -> None:
        """End the iteration after what has been handed out; it goes on from `position` any time."""
        self._closed = True
        self._moved.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> InternalEvent:
        """The next event, when there is one."""
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            await self._fetch()
        if self._closed:
            raise StopAsyncIteration
        event = self._events.popleft()
        self.position = event.position if self._events else self._read_upto
        return event

    async def _fetch(self) -> None:
        """Read the next page, or wait until there may be one."""
        self._moved.clear()  # first: what moves during the read is read after it
        if self._read_upto == (self._words.feed, self._words.head):
            await self._moved.wait()
            return
        page = await self._page()
        if page is None:
            await asyncio.sleep(INTERNAL_RETRY_SECONDS)
            return
        if page.upto == self._read_upto and not page.events:
            await self._moved.wait()  # the page is behind the log: its writer died in between
            return
        self._collection = page.collection
        self._events.extend(page.events)
        self._read_upto = page.upto
        if not page.events:
            self.position = page.upto

    async def _page(self) -> EventPage | None:
        """The page after what has been read. None when the server has no time for it now."""
        behind = abs(self._words.head - self._read_upto.n) > INTERNAL_ROWS_ON_LOOP
        try:
            return await self._reader.read(
                read_events,
                self._topic,
                self._collection,
                self._read_upto,
                PAGE_LIMITS if behind else _ON_LOOP,
                transaction=True,
                in_thread=behind,
            )
        except QuillError as error:
            if error.kind is not Kind.UNAVAILABLE:
                raise
            _log.warning("a follower waits", topic=self._topic, reason=error.message)
            return None
