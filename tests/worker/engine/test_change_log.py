"""Pages of the change log: in order, bounded, by table, and honest about what is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from shared.messages.changes import Act, Change
from shared.sql.plan import Value
from shared.status_page import StatusPage
from worker.engine.change_log import ChangePage, PageLimits, read_changes
from worker.engine.snapshot import quick_snapshot
from writer.database import Database

_encode = msgspec.msgpack.encode


class _Log:
    """A log that a test fills by hand, and a reader of it."""

    def __init__(self, folder: Path) -> None:
        page = StatusPage.create(folder / "status")
        self._path = folder / "main.db"
        self.database = Database("main", self._path, page.database())
        self.words = page.database()
        self.snapshot = quick_snapshot(self._path, self.words)
        self._execute("DELETE FROM _change")
        self._execute("UPDATE _head SET n = 0")

    def _execute(self, sql: str, params: tuple[Value, ...] = ()) -> None:
        self.database.connection.execute(sql, params)

    def add(self, *tables: str, size: int = 1) -> None:
        """A row for each table name, with a value of so many bytes."""
        for table in tables:
            self._execute("UPDATE _head SET n = n + 1")
            self._execute(
                "INSERT INTO _change SELECT n, ?, 1, 'key ' || n, NULL, ? FROM _head",
                (table, _encode({"f": "x" * size})),
            )

    def trim(self, n: int) -> None:
        """What retention does."""
        self._execute("DELETE FROM _change WHERE n <= ?", (n,))

    def read(
        self,
        after: int,
        limits: PageLimits | None = None,
        tables: Collection[str] | None = None,
    ) -> ChangePage:
        """One page."""
        bounds = limits or PageLimits()
        return self.snapshot.in_transaction(lambda s: read_changes(s, after, bounds, tables))

    def close(self) -> None:
        """Close both connections."""
        self.snapshot.close()
        self.database.connection.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[_Log]:
    """An empty log."""
    made = _Log(tmp_path)
    yield made
    made.close()


def _numbers(changes: Iterable[Change]) -> list[int]:
    return [change.n for change in changes]


def test_a_page_holds_what_follows(log: _Log) -> None:
    """Decoded, in order, up to the head of the same moment."""
    log.add("a", "b", "a")
    page = log.read(1)
    assert _numbers(page.changes) == [2, 3]
    assert page.changes[0] == Change(2, "b", Act.CREATE, "key 2", None, {"f": "x"})
    assert (page.upto, page.gone, page.head, page.at_head) == (3, False, 3, True)
    assert page.feed == log.words.feed


def test_nothing_follows_the_head(log: _Log) -> None:
    """Neither in a log with rows nor in an empty one."""
    assert log.read(0) == ChangePage([], 0, gone=False, head=0, feed=log.words.feed)
    log.add("a")
    assert log.read(1) == ChangePage([], 1, gone=False, head=1, feed=log.words.feed)


def test_a_page_is_bounded_by_rows(log: _Log) -> None:
    """The next page goes on where it ended, and the last says that it is the last."""
    log.add(*"abcde")
    first = log.read(0, PageLimits(rows=2))
    assert (_numbers(first.changes), first.upto, first.at_head) == ([1, 2], 2, False)
    second = log.read(first.upto, PageLimits(rows=3))
    assert (_numbers(second.changes), second.upto, second.at_head) == ([3, 4, 5], 5, True)


def test_a_page_is_bounded_by_bytes(log: _Log) -> None:
    """The change that passes the bound is the last; one too large by itself is a page."""
    log.add("a", "a", "a", size=1_000)
    assert _numbers(log.read(0, PageLimits(size=1_500)).changes) == [1, 2]
    assert _numbers(log.read(0, PageLimits(size=10)).changes) == [1]


def test_rows_of_other_tables_are_passed_over(log: _Log) -> None:
    """The page advances over them, also where nothing of it is wanted."""
    log.add(*"abbbab", "quo'te\"", "b")
    page = log.read(0, tables={"a", "quo'te\""})
    assert (_numbers(page.changes), page.upto, page.at_head) == ([1, 5, 7], 8, True)
    assert log.read(0, tables={"c"})[:2] == ([], 8)
    assert log.read(0, tables=())[:2] == ([], 8)


def test_what_is_passed_over_is_bounded(log: _Log) -> None:
    """A page looks at so many rows, however few it finds."""
    log.add(*"abbba")
    page = log.read(0, PageLimits(scanned=3), {"a"})
    assert (_numbers(page.changes), page.upto, page.at_head) == ([1], 3, False)
    assert _numbers(log.read(page.upto, PageLimits(scanned=3), {"a"}).changes) == [5]


@pytest.mark.parametrize("limits", [PageLimits(rows=2), PageLimits(size=1)])
def test_a_full_page_of_some_tables_ends_at_its_last_change(log: _Log, limits: PageLimits) -> None:
    """What it did not come to is left to the next one: all pages together are the whole."""
    log.add(*"abaabbaa")
    seen, after = list[int](), 0
    while True:
        page = log.read(after, limits, {"a"})
        assert not page.changes or page.upto >= page.changes[-1].n
        seen, after = seen + _numbers(page.changes), page.upto
        if page.at_head:
            break
    assert seen == [1, 3, 4, 7, 8]


def test_removed_rows_are_gone(log: _Log) -> None:
    """A position before them is told so, and where to go on; one behind them is as good as ever."""
    log.add(*"abcd")
    log.trim(2)
    page = log.read(1)
    assert (page.changes, page.gone, page.upto) == ([], True, 2)
    assert log.read(1, tables={"d"}).gone
    assert _numbers(log.read(2).changes) == [3, 4]
    log.trim(4)
    assert (log.read(3).gone, log.read(3).upto) == (True, 4)
    assert not log.read(4).gone


def test_a_position_of_the_future_is_gone(log: _Log) -> None:
    """As after a restore; what is there is not told as if it followed."""
    log.add(*"ab")
    page = log.read(3)
    assert (page.changes, page.gone, page.upto) == ([], True, 2)
