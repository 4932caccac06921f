"""The record APIs as this worker knows them: made of the settings and of the tables that there are.

They are made in a thread, once for each state of the catalogs, and then found by their names. What
works with them runs inside a read, on a snapshot that has the databases attached that its API
needs; there the API is the one of the read's own catalog.
"""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cached_property
from typing import Final, NamedTuple, TypeVar, TypeVarTuple

from shared.errors import Kind, QuillError
from shared.logs import get_logger
from shared.schema.api import BrokenApi, RecordApi, RecordApis
from shared.schema.catalog import Catalog
from shared.schema.tables.introspect import read_tables
from shared.schema.tables.table import Tables
from worker.apis.build import Surroundings, build_api, place_of
from worker.apis.rules import MAIN, RuleJudge
from worker.engine.failures import SQLError
from worker.engine.reader import Reader
from worker.engine.snapshot import OverBudgetError, Snapshot

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_State = tuple[tuple[str, tuple[int, int]], ...]
_log = get_logger()


class _Made(NamedTuple):
    """APIs, the catalog that they were made of, and the state of each database beside main.

    `alone`: no API names a database beside main.
    """

    catalog: Catalog | None
    others: _State
    alone: bool
    apis: RecordApis


_NOTHING: Final = _Made(None, (), False, RecordApis(()))


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

    async def read(
        self,
        name: str,
        work: Callable[[Snapshot, Catalog, RecordApi, *Ts], T],
        *args: *Ts,
        transaction: bool = False,
    ) -> T:
        """Run `work(snapshot, catalog, api, *args)`, as `Reader.read` does.

        Raises METHOD where there is no such API, or none that can be served.
        """
        made = await self._renewed() if self._is_old() else self._made
        needed = _needs(made.apis.find(name))
        if needed:
            return await self.reader.read_beside(
                needed, self._with_api, name, work, args, transaction=transaction
            )
        return await self.reader.read(self._with_api, name, work, args, transaction=transaction)

    async def read_all(
        self,
        names: Iterable[str],
        work: Callable[[Snapshot, Catalog, RecordApis, *Ts], T],
        *args: *Ts,
        transaction: bool = False,
    ) -> T:
        """Run `work(snapshot, catalog, apis, *args)` with what the APIs of these names need."""
        made = await self._renewed() if self._is_old() else self._made
        needed = sorted({one for name in names for one in _needs(made.apis.find(name))})
        if needed:
            return await self.reader.read_beside(
                needed, self._with_apis, work, args, transaction=transaction
            )
        return await self.reader.read(self._with_apis, work, args, transaction=transaction)

    @cached_property
    def cursor_key(self) -> bytes:
        """What cursors are checked by."""
        return hmac.digest(self._secret(), b"cursors of record APIs", "sha256")

    async def current(self) -> RecordApis:
        """All APIs as they are now; what is planned with them may be stale at once."""
        return (await self._renewed() if self._is_old() else self._made).apis

    def find(self, snapshot: Snapshot, catalog: Catalog, name: str) -> RecordApi:
        """An API, inside a read. Raises METHOD where there is none that can be served."""
        found = self._of(snapshot, catalog).find(name)
        if isinstance(found, RecordApi):
            return found
        raise QuillError(Kind.METHOD, f"There is no record API {name}.")

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
        work: Callable[[Snapshot, Catalog, RecordApis, *Ts], T],
        args: tuple[*Ts],
    ) -> T:
        return work(snapshot, catalog, self._of(snapshot, catalog), *args)

    def _of(self, snapshot: Snapshot, catalog: Catalog) -> RecordApis:
        made = self._made
        if made.catalog is catalog:
            return made.apis
        if snapshot.quick:  # the catalog has moved since they were looked at: rare, and not quick
            raise OverBudgetError
        return self._make(catalog, self._states(catalog)).apis

    # --- Making ---------------------------------------------------------------------------------

    def _is_old(self) -> bool:
        made, catalog = self._made, self.reader.catalog.current()
        if made.catalog is not catalog:
            return True
        return not made.alone and made.others != self._states(catalog)

    async def _renewed(self) -> _Made:
        """Those of the present state; whoever finds them old first makes them, the others wait."""
        async with self._making:
            if not self._is_old():
                return self._made
            catalog = self.reader.catalog.current()
            return await asyncio.to_thread(self._make, catalog, self._states(catalog))

    def _states(self, catalog: Catalog) -> _State:
        """The databases that APIs name, as far as they are open."""
        found = []
        for name in sorted(_databases(catalog)):
            try:
                found.append((name, self.reader.other(name).state))
            except QuillError:
                continue
        return tuple(found)

    def _make(self, catalog: Catalog, others: _State) -> _Made:
        with self._building:
            made = self._made
            if made.catalog is catalog and made.others == others:
                return made
            databases = self._read_tables([name for name, _ in others])
            versions = {MAIN: catalog.version, **{name: state[1] for name, state in others}}
            entries = catalog.config.record_apis
            with RuleJudge(databases, catalog) as judge:
                around = Surroundings(databases, versions, entries, catalog, judge)
                apis = [build_api(entry, around) for entry in entries]
            self._tell(one for one in apis if isinstance(one, BrokenApi))
            found = RecordApis(apis, tuple(versions.values()))
            self._made = _Made(catalog, others, not _databases(catalog), found)
            return self._made

    def _read_tables(self, others: list[str]) -> dict[str, Tables]:
        """The tables of main and of these, on a connection of its own that takes its time."""
        with closing(self.reader.new_snapshot()) as snapshot:
            for name in others:
                snapshot.attach(name, self.reader.other(name).path)

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


def _needs(found: RecordApi | BrokenApi | None) -> tuple[str, ...]:
    return found.databases if isinstance(found, RecordApi) else ()


def _databases(catalog: Catalog) -> set[str]:
    """Every database beside main that an API names."""
    entries = catalog.config.record_apis
    named = {place_of(one)[0] for one in entries}
    named.update(name for one in entries for name in one.attached_databases)
    return named - {MAIN}
