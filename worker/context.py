"""Everything a handler may use, wired once when the worker starts. It contains no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.run_directory import RunDirectory
from shared.settings import Settings
from shared.status_page import DatabaseWords, StatusPage

if TYPE_CHECKING:  # what it holds is built from it: at run time these would be circles
    from worker.apis.catalog import ApiCatalog
    from worker.apis.events.exchanges import ApiExchanges
    from worker.auth.passwords import PasswordPool
    from worker.engine.catalog_cache import CatalogCache
    from worker.engine.console import ConsoleReader
    from worker.engine.feed import Feed
    from worker.engine.peers import Peers
    from worker.engine.reader import Reader
    from worker.engine.writer_link import WriterLink
    from worker.realtime.hub import Hub
    from worker.records.plans import PlanCache


@dataclass(slots=True)
class Context:
    """One worker.

    `slot`: its number among the workers.  `incarnation`: random 63 bits, made at process start.
    `page`, `main`: the status page, and its words of the main database.
    `started_at`: unix seconds.  `started_ns`: CLOCK_MONOTONIC.
    """

    settings: Settings
    slot: int
    incarnation: int
    run_directory: RunDirectory
    page: StatusPage
    main: DatabaseWords
    started_at: float
    started_ns: int
    reader: Reader
    writer: WriterLink
    catalog: CatalogCache
    feed: Feed
    peers: Peers
    plans: PlanCache = field(init=False)
    apis: ApiCatalog = field(init=False)
    passwords: PasswordPool = field(init=False)
    hub: Hub = field(init=False)
    api_exchanges: ApiExchanges = field(init=False)
    console: ConsoleReader = field(init=False)
