"""The record APIs as this worker knows them: made of the settings and of the tables that there are.

They are made in a thread, once for each state of the catalogs, and then found by their names. What
works with them runs inside a read, on a snapshot that has the databases attached that its API
needs; there the API is the one of the read's own catalog.
"""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import closing
from functools import cached_property
from typing import Final, NamedTuple, TypeVar, TypeVarTuple

from shared.config import record_api as settings
from shared.errors import QuillError
from shared.logs import get_logger
from shared.schema.api import BrokenApi, RecordApi, RecordApis
from shared.schema.catalog import Catalog
from shared.schema.tables.introspect import read_tables
from shared.schema.tables.table import Tables
from worker.apis.build import Surroundings, build_api, place_of
from worker.apis.names import no_api
from worker.apis.rules import MAIN, RuleJudge
from worker.engine.failures import SQLError
from worker.engine.reader import Reader
from worker.engine.snapshot import OverBudgetError, Snapshot

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_State = tuple[int, int]
_log = get_logger()


class _Made(NamedTuple):
    """APIs, the catalog that they were made of, and the state of each database beside main.

    `named`: the databases beside main that an API names, of those that name any; the ones that are
    not open have no state. `beside`: those that a read of an API needs, where it needs any.
    """

    catalog: Catalog | None
    others: Mapping[str, _State]
    named: Mapping[str, frozenset[str]]
    beside: Mapping[str, tuple[str, ...]]
    apis: RecordApis


_NOTHING: Final = _Made(None, {}, {}, {}, RecordApis(()))


class ApiCatalog:
    """Finds APIs, and reads with them. Use it from the event loop, but for what runs in a read."""

    def __init__(self, reader: Reader, secret: Callable[[], bytes]) -> None:
        """`reader`: where LIKE tells upper from lower case, as rules expect it.

        `secret`: of the depot, and lasting; asked for when the first cursor is made.
        """
        self.reader = reader
        self._secret = secret
        self._made = _NOTHING
        self._making = asyncio.Lock()
        self._building = threading.Lock()
        self._told: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Close every connection."""
        self.reader.close()

    def read(
        self,
        name: str,
        work: Callable[[Snapshot, Catalog, RecordApi, *Ts], T],
        *args: *Ts,
        transaction: bool = False,
    ) -> Awaitable[T]:
        """Run `work(snapshot, catalog, api, *args)`, as `Reader.read` does.

        Raises METHOD where there is no such API, or none that can be served, and UNAVAILABLE where
        its database is not open. Not a coroutine itself: each layer of them costs 0.3 µs (m).
        """
        inner = (name, work, args)
        if name in self._made.beside or self._is_old((name,)):
            return self._read_beside((name,), self._with_api, inner, transaction=transaction)
        return self.reader.read(self._with_api, *inner, transaction=transaction)

    def read_all(
        self,
        names: Iterable[str],
        work: Callable[[Snapshot, Catalog, RecordApis, *Ts], T],
        *args: *Ts,
        transaction: bool = False,
    ) -> Awaitable[T]:
        """Run `work(snapshot, catalog, apis, *args)` with what the APIs of these names need."""
        asked = tuple(sorted(frozenset(names)))
        inner = (asked, work, args)
        return self._read_beside(asked, self._with_apis, inner, transaction=transaction)

    async def _read_beside(
        self,
        names: Collection[str],
        work: Callable[[Snapshot, Catalog, *Ts], T],
        args: tuple[*Ts],
        *,
        transaction: bool,
    ) -> T:
        """A read beside the databases that these APIs need, made anew first where they are old."""
        made = await self._standing(names)
        needed = list(dict.fromkeys(one for name in names for one in made.beside.get(name, ())))
        if needed:
            return await self.reader.read_beside(needed, work, *args, transaction=transaction)
        return await self.reader.read(work, *args, transaction=transaction)

    @cached_property
    def cursor_key(self) -> bytes:
        """What cursors are checked by."""
        return hmac.digest(self._secret(), b"cursors of record APIs", "sha256")

    async def current(self) -> RecordApis:
        """All APIs as they are now; what is planned with them may be stale at once."""
        return await self.renewed(self._made.named)

    def made(self, names: Collection[str]) -> RecordApis | None:
        """All APIs, where these are up to date; None: they have to be made anew."""
        return None if self._is_old(names) else self._made.apis

    async def renewed(self, names: Collection[str]) -> RecordApis:
        """All APIs, of which these are up to date."""
        return (await self._standing(names)).apis

    def find(self, snapshot: Snapshot, catalog: Catalog, name: str) -> RecordApi:
        """An API, inside a read. Raises METHOD and UNAVAILABLE, as `read`."""
        found = self._of(snapshot, catalog, (name,)).find(name)
        if isinstance(found, RecordApi):
            return found
        for database in self._made.named.get(name, ()):
            self.reader.other(database)
        raise no_api(name)

    # --- Inside a read --------------------------------------------------------------------------

    def _with_api(
        self,
        snapshot: Snapshot,
        catalog: Catalog,
        name: str,
        work: Callable[[Snapshot, Catalog, RecordApi, *Ts], T],
        args: tuple[*Ts],
    ) -> T:
        return work(snapshot, catalog, self.find(snapshot, catalog, name), *args)

    def _with_apis(
        self,
        snapshot: Snapshot,
        catalog: Catalog,
        names: Collection[str],
        work: Callable[[Snapshot, Catalog, RecordApis, *Ts], T],
        args: tuple[*Ts],
    ) -> T:
        return work(snapshot, catalog, self._of(snapshot, catalog, names), *args)

    def _of(self, snapshot: Snapshot, catalog: Catalog, names: Collection[str]) -> RecordApis:
        """The APIs, of which these are up to date."""
        made = self._made
        if made.catalog is catalog and self._stands(made, names):
            return made.apis
        if snapshot.quick:  # the catalog has moved since they were looked at: rare, and not quick
            raise OverBudgetError
        return self._make(catalog).apis

    # --- Making ---------------------------------------------------------------------------------

    def _is_old(self, names: Collection[str]) -> bool:
        made = self._made
        if made.catalog is not self.reader.catalog.current():
            return True
        return not self._stands(made, names)

    def _stands(self, made: _Made, names: Collection[str]) -> bool:
        """No database of these APIs has moved. The others do not matter: there may be many."""
        for name in names:  # a generator would cost more than all there is to do for most
            for database in made.named.get(name, ()):
                if made.others.get(database) != self._state(database):
                    return False
        return True

    def _state(self, database: str) -> _State | None:
        """None where it is not open."""
        try:
            return self.reader.other(database).state
        except QuillError:
            return None

    async def _standing(self, names: Collection[str]) -> _Made:
        """What is made, made anew where these are old."""
        return await self._renewed(names) if self._is_old(names) else self._made

    async def _renewed(self, names: Collection[str]) -> _Made:
        """Those of the present state; whoever finds them old first makes them, the others wait."""
        async with self._making:
            if not self._is_old(names):
                return self._made
            return await asyncio.to_thread(self._make, self.reader.catalog.current())

    def _make(self, catalog: Catalog) -> _Made:
        with self._building:
            entries = catalog.config.record_apis
            named = {one.name: found for one in entries if (found := _databases(one))}
            made, others = self._made, self._states(frozenset[str]().union(*named.values()))
            if made.catalog is catalog and made.others == others:
                return made
            databases = self._read_tables(others)
            versions = {MAIN: catalog.version, **{name: others[name][1] for name in others}}
            with RuleJudge(databases, catalog) as judge:
                around = Surroundings(databases, versions, entries, catalog, judge)
                apis = [build_api(entry, around) for entry in entries]
            self._tell(one for one in apis if isinstance(one, BrokenApi))
            beside = {one.name: _needs(one) for one in apis if _needs(one)}
            served = RecordApis(apis, tuple(versions.values()))
            self._made = _Made(catalog, others, named, beside, served)
            return self._made

    def _states(self, databases: Iterable[str]) -> dict[str, _State]:
        """Of those that are open."""
        found = {name: self._state(name) for name in sorted(databases)}
        return {name: state for name, state in found.items() if state is not None}

    def _read_tables(self, others: Iterable[str]) -> dict[str, Tables]:
        """The tables of main and of these, on a connection of its own that takes its time."""
        with closing(self.reader.new_snapshot()) as snapshot:
            for name in others:
                snapshot.attach(self.reader.other(name))

            def read(at: Snapshot) -> dict[str, Tables]:
                return {
                    name: read_tables(at.rows, name, refused=SQLError) for name in (MAIN, *others)
                }

            found: dict[str, Tables] = snapshot.in_transaction(read)
            return found

    def _tell(self, broken: Iterable[BrokenApi]) -> None:
        """Each reason once."""
        for one in broken:
            if (one.name, one.reason) not in self._told:
                self._told.add((one.name, one.reason))
                _log.error("a record API cannot be served", api=one.name, reason=one.reason)


def _needs(made: RecordApi | BrokenApi) -> tuple[str, ...]:
    return made.databases if isinstance(made, RecordApi) else ()


def _databases(entry: settings.RecordApi) -> frozenset[str]:
    """Every database beside main that an API names."""
    return frozenset({place_of(entry)[0], *entry.attached_databases}) - {MAIN}
