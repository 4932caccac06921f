"""A worker on one screen: what is wired to what, in which order it starts and how it drains.

    status page → reader, catalog → link, feed, peers → handlers → HTTP

Everything that a handler uses is in the Context; everything that lives is started and ended here.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from shared import metrics, settings
from shared.depot.layout import MAIN, DepotLayout
from shared.limits import DRAIN_CLOSE_SECONDS, DRAIN_LAST_SECONDS
from shared.logs import get_logger
from shared.run_directory import RunDirectory
from shared.status_page import StatusPage
from worker.apis.catalog import ApiCatalog
from worker.apis.events.exchanges import ApiExchanges
from worker.apis.watch import watch_apis
from worker.auth.passwords import PasswordPool
from worker.auth.users.identity import install
from worker.auth.users.keys import KeyFiles
from worker.auth.users.tokens import UserTokens
from worker.context import Context
from worker.engine.batch_log import OutcomeLog
from worker.engine.console import ConsoleReader
from worker.engine.feed import Feed
from worker.engine.others import Other, Others
from worker.engine.peers import Peers
from worker.engine.reader import Reader
from worker.engine.writer_link import WriterLink
from worker.http.client_address import ProxyTrust
from worker.http.connections import count_connections
from worker.http.headers import FixedHeaders, Position
from worker.http.listener import Listener, port_of
from worker.http.routes import Route, Routes
from worker.http.server import Application, SocketHandler
from worker.realtime.census import Census
from worker.realtime.clients.client_id import Owner
from worker.realtime.hub import Hub
from worker.realtime.subscribe import serve_peers
from worker.records.plans import PlanCache
from worker.settings.body_limit import body_limit
from worker.settings.watch import watch_settings
from worker.wire.pocketbase.encode import error_response
from worker.wire.pocketbase.routes import ROUTES
from worker.wire.trailbase import admin
from worker.wire.trailbase import encode as trailbase
from worker.wire.trailbase.routes import TRAILBASE_ROUTES
from worker.wire.trailbase.subscribe_socket import PREFIX as RECORDS
from worker.wire.trailbase.subscribe_socket import RecordSockets
from worker.wire.websocket import gate
from worker.wire.websocket.main_port import MainPort

if TYPE_CHECKING:
    from worker.wire.websocket.second_port import SecondPort

_INCARNATION_BITS = 63
_PAGE_POLL_SECONDS = 0.002
_METRICS_SECONDS = 1.0
_DRAIN_POLL_SECONDS = 0.05
_RECORD_LABELS = {
    ("GET", 5): "list",
    ("POST", 5): "create",
    ("GET", 6): "view",
    ("PATCH", 6): "update",
    ("DELETE", 6): "delete",
}


async def build_context(slot: int, run_path: Path) -> Context:
    """Wire a worker. Waits until a writer has opened the database and the depot is prepared."""
    run_directory = RunDirectory(run_path)
    configured = settings.load(run_directory.settings)
    page = StatusPage.open(run_directory.status_page)
    while page.epoch == 0 or not page.prepared:  # noqa: ASYNC110 - another process moves it
        await asyncio.sleep(_PAGE_POLL_SECONDS)
    incarnation = secrets.randbits(_INCARNATION_BITS)
    main = page.database()
    layout = DepotLayout(Path(configured.depot))
    others = Others(layout, run_directory, page)
    reader = Reader(layout.database(), main, others)
    outcomes = OutcomeLog(reader, incarnation)
    context = Context(
        settings=configured,
        slot=slot,
        incarnation=incarnation,
        run_directory=run_directory,
        page=page,
        main=main,
        started_at=time.time(),
        started_ns=time.monotonic_ns(),
        reader=reader,
        writer=WriterLink(run_directory.writer, incarnation, outcomes.look_up),
        catalog=reader.catalog,
        feed=Feed(run_directory.changes, reader.snapshot, main),
        peers=Peers(run_directory, slot, incarnation),
    )
    context.plans = PlanCache()
    context.passwords = PasswordPool()
    context.console = ConsoleReader()
    keys = KeyFiles(layout.keys)
    install(UserTokens(keys))
    context.apis = ApiCatalog(
        Reader(layout.database(), main, others, strict_like=True),
        lambda: keys.take().private.as_pem(private=True),
    )
    owner, census = Owner(slot, incarnation), Census()
    context.hub = Hub(owner, reader, context.plans, main, census)
    context.api_exchanges = ApiExchanges(
        owner,
        context.apis,
        context.plans,
        census,
        Other(MAIN, layout.database(), main),
        run_directory.changes,
    )
    return context


def build_application(context: Context) -> Application:
    """The HTTP side of a worker."""
    routes = [
        Route(method, template, handler, route_label(method, template))
        for method, template, handler in (*ROUTES, *TRAILBASE_ROUTES)
    ]
    proxies = ProxyTrust(context.settings.trusted_proxies)
    main_port = MainPort(context, build_gate(context), error_response)
    sockets: dict[str, SocketHandler] = {
        gate.PATH: main_port,
        RECORDS: RecordSockets(context, build_gate(context).check_origin, proxies, main_port.watch),
    }
    return Application(
        Routes(context, routes),
        error_response,
        Position(context.main),
        FixedHeaders(context.settings.cors_origins),
        proxies,
        sockets,
        lambda route: body_limit(context.catalog.current().config, route),
        {
            **dict.fromkeys(trailbase.PREFIXES, trailbase.error_response),
            admin.PREFIX: admin.error_response,
        },
    )


def build_gate(context: Context) -> gate.Gate:
    """Who may open a WebSocket, at either port."""
    configured = context.settings
    return gate.Gate(configured.cors_origins, ProxyTrust(configured.trusted_proxies))


def build_second_port(context: Context, descriptor: int) -> SecondPort:
    """The second port of realtime. Its library is imported only where the port is on."""
    from worker.wire.websocket.second_port import SecondPort  # noqa: PLC0415

    return SecondPort(context, build_gate(context), error_response, descriptor)


def route_label(method: str, template: str) -> str:
    """Class of a route for the metrics; from the closed set named in shared/metrics.py."""
    parts = template.split("/")
    if parts[-1].startswith("auth-") or parts[2] == "auth":
        return "auth"
    if parts[-2] == "subscribe":
        return "realtime"
    if parts[2] == "transaction":
        return "batch"
    if "records" in parts and parts[-1] != "schema":
        return _RECORD_LABELS.get((method, len(parts)), "other")
    for label in ("collections", "batch", "realtime", "health", "setup"):
        if label in parts:
            return label
    return "other"


class Worker:
    """A worker from its start to its end."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.application = build_application(context)
        self._listeners: list[Listener] = []
        self._second_port: SecondPort | None = None
        self._servers: list[asyncio.Task[None]] = []
        self._metrics: asyncio.TimerHandle | None = None
        self._lookouts = (watch_settings(context), watch_apis(context))

    @classmethod
    async def build(cls, slot: int, run_path: Path) -> Worker:
        """Wire it. Waits until a writer has opened the database and the depot is prepared."""
        return cls(await build_context(slot, run_path))

    def start(self, descriptors: Iterable[int]) -> None:
        """Connect to the others, then accept on these inherited listening sockets."""
        context = self.context
        context.writer.on_welcome = lambda _welcome: context.feed.advance()
        context.writer.start()
        context.hub.start()
        context.hub.mark = lambda: context.feed.position
        context.feed.wanted = context.hub.wanted
        context.feed.interest = context.hub.interest
        context.feed.listen(context.hub.on_changes)
        context.feed.start()
        serve_peers(context)
        context.peers.start()
        for lookout in self._lookouts:
            lookout.start()
        self._publish_metrics()
        loop = asyncio.get_running_loop()
        second = context.settings.realtime_port
        for number in descriptors:
            if second is not None and port_of(number) == second:
                self._second_port = build_second_port(context, number)
                self._servers.append(loop.create_task(self._second_port.serve()))
            else:
                listener = Listener(self.application, number)
                self._listeners.append(listener)
                self._servers.append(loop.create_task(listener.serve()))

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Wait for `stop`. Raises RuntimeError when a server ends by itself."""
        waiting = asyncio.ensure_future(stop.wait())
        await asyncio.wait([waiting, *self._servers], return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            raise RuntimeError("a server ended by itself")

    async def drain(self) -> None:
        """End without losing a request.

        Streams are ended. While we still accept, each answer closes its connection, so that
        clients move to a successor. Then new connections are left in the shared queue, those just
        accepted are answered, what is in flight is finished, and idle connections are closed. A
        client that does not finish sending its request is not waited for.
        """
        get_logger().info("worker drains", connections=self._connections())
        self.application.closing = True
        self.application.bodies.drain()
        if self._second_port is not None:
            self._second_port.stop()
        self.context.hub.close_all()
        self.context.api_exchanges.close_all()
        await self._until_nobody_is_connected(DRAIN_CLOSE_SECONDS)
        for listener in self._listeners:
            listener.stop_accepting()
        await self._until_nobody_is_connected(DRAIN_LAST_SECONDS)
        for listener in self._listeners:
            listener.stop()  # type: ignore[no-untyped-call]
        await asyncio.gather(*self._servers)
        self._close()
        get_logger().info("worker ends")

    def _connections(self) -> int | None:
        return count_connections([listener.address for listener in self._listeners])

    async def _until_nobody_is_connected(self, seconds: float) -> None:
        """Wait, but no longer than this."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            await asyncio.sleep(_DRAIN_POLL_SECONDS)
            if self._connections() == 0:
                return

    def _close(self) -> None:
        """End what runs beside the requests, after the last answer has gone out."""
        context = self.context
        for lookout in self._lookouts:
            lookout.stop()
        context.feed.close()
        context.hub.stop()
        context.api_exchanges.stop()
        context.peers.close()
        context.writer.close()
        context.passwords.close()
        context.reader.close()
        context.apis.close()
        context.console.close()
        if self._metrics is not None:
            self._metrics.cancel()
        metrics.flush()

    def _publish_metrics(self) -> None:
        metrics.WRITES_IN_FLIGHT.set(self.context.writer.in_flight)
        metrics.flush()
        loop = asyncio.get_running_loop()
        self._metrics = loop.call_later(_METRICS_SECONDS, self._publish_metrics)
