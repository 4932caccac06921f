"""Plans of another database that ask for a version of main's catalog: there is no gap.

Tests `writer.main_catalog` from outside, and its use in the engine.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from shared.messages.commands import Operation, Status
from shared.sql.plan import Bulk, Step, run
from shared.status_page import StatusPage
from tests.waiting import until
from tests.writer.link import Depot, Link
from writer.main_catalog import MainCatalog, MainMovedError

PATIENCE = 15.0
_SETTING = "INSERT OR REPLACE INTO _settings VALUES ('config', ?)"


class Hold(NamedTuple):
    """A failpoint: the next pass is held while `held` is there."""

    file: Path

    @property
    def held(self) -> Path:
        """It is there from the moment when somebody is held."""
        return self.file.with_name(self.file.name + ".held")

    def arm(self) -> None:
        """The next one is held."""
        self.file.touch()

    def wait(self) -> None:
        """Until somebody is."""
        until(self.held.exists, what=f"{self.file.name} is reached")


class Held(NamedTuple):
    """A writer with two databases, and the places at which it can be held."""

    link: Link
    other: Link
    operation: Hold
    commit: Hold

    @property
    def version(self) -> int:
        """Of main's catalog."""
        return self.link.depot.page.database().catalog_version

    def item(self, key: str, database: str = "one", *, bulk: bool = False) -> Operation:
        """A new row, under the rules of main that are in force."""
        return self.link.operation(
            [item(key)],
            database=database,
            bulk=Bulk(60) if bulk else None,
            main_version=self.version,
            seconds=60,
        )

    def items(self, database: str = "one") -> list[str]:
        """Every id there."""
        rows = self.link.depot.rows("SELECT id FROM items ORDER BY id", of=database)
        return [str(key) for (key,) in rows]


def item(key: str) -> Step:
    """A new row of items."""
    return run("INSERT INTO items(id) VALUES (?)", (key,))


def change(link: Link, value: str = "x") -> Operation:
    """Main's settings get another value."""
    return link.operation([run(_SETTING, (value,))], changes_catalog=True, seconds=60)


@pytest.fixture
def held(idle_depot: Depot, tmp_path: Path) -> Iterator[Held]:
    """A writer with databases `one` and `two`; nobody is held yet."""
    operation, commit = Hold(tmp_path / "operation"), Hold(tmp_path / "commit")
    points = f"writer.before_operation=hold:{operation.file}"
    idle_depot.start(QUILL_FAILPOINT=f"{points},writer.before_commit=hold:{commit.file}")
    links = Link(idle_depot), Link(idle_depot)
    for link in links:
        link.hello()
    links[0].name_databases("one", "two")
    for name in ("one", "two"):
        links[0].define("CREATE TABLE items(id TEXT PRIMARY KEY, version INT)", database=name)
    yield Held(*links, operation, commit)
    for hold in (operation, commit):
        hold.held.unlink(missing_ok=True)


def test_only_the_version_in_force_will_do(held: Held) -> None:
    """0 does not ask; a plan that was made of a former catalog, or of a later one, is stale."""
    link, version = held.link, held.version
    asked = [version, 0, version - 1, version + 1]
    results = link.submit(
        [
            link.operation([item(str(n))], database="one", main_version=asking)
            for n, asking in enumerate(asked)
        ]
    )
    stale = Status.STALE
    assert [result.status for result in results] == [Status.OK, Status.OK, stale, stale]
    assert held.items() == ["0", "1"]


@pytest.mark.parametrize("bulk", [False, True])
def test_a_change_does_not_wait_for_a_long_batch(held: Held, *, bulk: bool) -> None:
    """The batch finds out at its end that it was made of a former catalog: nothing of it stands."""
    held.operation.arm()
    late = held.item("late", bulk=bulk)
    unasked = held.link.operation([item("unasked")], database="one", seconds=60)
    held.link.send([late, unasked])
    held.operation.wait()
    assert held.other.submit([change(held.other)])[0].status is Status.OK
    held.operation.held.unlink()
    results = held.link.results(2)
    assert results[late.seq].status is Status.STALE
    assert results[unasked.seq].status is Status.OK
    assert held.items() == ["unasked"]


def test_a_change_waits_for_a_commit(held: Held) -> None:
    """What has asked already is committed before the change is answered; main's other writes go on."""
    held.commit.arm()
    held.link.send([held.item("first")])
    held.commit.wait()
    assert held.other.run(run("SELECT 1")).status is Status.OK
    held.operation.arm()
    held.other.send([change(held.other)])
    held.operation.wait()
    held.operation.held.unlink()
    assert held.other.is_silent(0.2)
    assert held.items() == []
    held.commit.held.unlink()
    assert [result.status for result in held.other.results(1).values()] == [Status.OK]
    assert held.items() == ["first"]
    assert [result.status for result in held.link.results(1).values()] == [Status.OK]


def test_a_commit_waits_for_a_change(held: Held) -> None:
    """Between a change's COMMIT and the new version nobody else's COMMIT comes; then it is stale."""
    held.commit.arm()
    held.other.send([change(held.other)])
    held.commit.wait()
    held.link.send([held.item("late"), held.item("late", "two")])
    free = held.link.operation([item("free")], database="one", seconds=60)
    held.other.send([held.other.operation([item("free")], database="two", seconds=60)])
    assert held.link.is_silent(0.2)
    held.commit.held.unlink()
    assert {result.status for result in held.link.results(2).values()} == {Status.STALE}
    assert held.link.submit([free])[0].status is Status.OK
    assert {result.status for result in held.other.results(2).values()} == {Status.OK}
    assert (held.items(), held.items("two")) == (["free"], ["free"])


def test_nothing_older_comes_after_the_answer(held: Held) -> None:
    """While one client writes all the time, another changes the catalog and looks what is there."""
    rounds, over = 60, threading.Event()
    statuses: Counter[Status] = Counter()

    def write() -> None:
        number = 0
        while not over.is_set():
            version = held.version
            operations = [
                held.link.operation(
                    [run("INSERT INTO items VALUES (?, ?)", (f"{number}-{n}", version))],
                    database=("one", "two")[n % 2],
                    main_version=version,
                )
                for n in range(10)
            ]
            number += 1
            statuses.update(result.status for result in held.link.submit(operations))

    writing = threading.Thread(target=write)
    writing.start()
    try:
        seen = [_seen_after_change(held, n) for n in range(rounds)]
    finally:
        over.set()
        writing.join(PATIENCE)
    last = _versions(held)
    for version, counts in seen:
        assert {v: n for v, n in last.items() if v[1] < version} == counts
    assert statuses[Status.OK] == last.total()
    assert set(statuses) <= {Status.OK, Status.STALE}


def _seen_after_change(held: Held, number: int) -> tuple[int, dict[tuple[str, int], int]]:
    """The version after an acknowledged change, and the rows of all former ones at that time."""
    assert held.other.submit([change(held.other, str(number))])[0].status is Status.OK
    version = held.version
    return version, {v: n for v, n in _versions(held).items() if v[1] < version}


def _versions(held: Held) -> Counter[tuple[str, int]]:
    """How many rows were planned under which version, by database."""
    sql = "SELECT version, count(*) FROM items GROUP BY 1"
    found: Counter[tuple[str, int]] = Counter()
    for name in ("one", "two"):
        found.update({(name, v): n for v, n in held.link.depot.rows(sql, of=name)})
    return found


def test_the_gates_are_given_back(tmp_path: Path) -> None:
    """However a COMMIT ends; and a database that comes again has the same one."""
    words = StatusPage.create(tmp_path / "page").database()
    words.catalog_version = 3
    main = MainCatalog(words)
    gate = main.gate("one")
    assert main.gate("one") is gate
    with pytest.raises(MainMovedError), main.standing(gate, 2):
        raise AssertionError("it is another version")
    with pytest.raises(ZeroDivisionError), main.standing(gate, 3):
        raise ZeroDivisionError
    with main.moving():
        assert gate.locked()
    with pytest.raises(ZeroDivisionError), main.moving():
        raise ZeroDivisionError
    assert not gate.locked()
    assert main.version == 3
