"""The ops port: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever watches us.

Only on 127.0.0.1 and only for operators. It reads what the supervisor's loop knows; it never
changes anything.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from cluster.refusal import Refusal
from shared.metrics import process_families

_HOST = "127.0.0.1"
_CLIENT_SECONDS = 5.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

State = Callable[[], tuple[bool, dict[str, object]]]
"""Ready or not, and why."""


class OpsServer:
    """Serves the three pages from daemon threads."""

    def __init__(self, port: int) -> None:
        """Listen. Raises Refusal when the port cannot be had."""
        try:
            self._server = _Server((_HOST, port), _Handler)
        except OSError as error:
            raise Refusal(f"Ops port {port} on {_HOST} cannot be used: {error.strerror}.") from None
        self._serving = False
        self.url = f"http://{_HOST}:{self._server.server_address[1]}"

    def serve(self, registry: CollectorRegistry, state: State) -> None:
        """Begin to answer; called again, answer for another cluster from now on."""
        self._server.registry, self._server.state = registry, state
        if self._serving:
            return
        self._serving = True
        threading.Thread(target=self._server.serve_forever, name="ops", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.socket.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: CollectorRegistry
    state: State

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of our own name, which may ask a slow DNS server."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nobody's problem."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _CLIENT_SECONDS

    def do_GET(self) -> None:
        """Answer one of the three pages."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._send(200, generate_latest(self.server.registry), CONTENT_TYPE_PLAIN_0_0_4)
        elif path == "/healthz":
            self._send_json(200, {"status": "alive"})
        elif path == "/readyz":
            ready, details = self.server.state()
            self._send_json(200 if ready else 503, {"ready": ready, **details})
        else:
            self._send_json(404, {"pages": ["/metrics", "/healthz", "/readyz"]})

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def _send_json(self, status: int, body: Mapping[str, object]) -> None:
        self._send(status, msgspec.json.encode(body) + b"\n", "application/json")

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Name no versions."""
        return "quillbase"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Scrapes are no events."""


class ProcessUsage(Collector):
    """CPU time and resident memory of each process, read from /proc at each scrape."""

    def __init__(self, processes: Callable[[], Mapping[str, int]]) -> None:
        self._processes = processes

    def collect(self) -> Iterable[Metric]:
        """One sample a living process."""
        cpu, memory = process_families()
        for name, pid in self._processes().items():
            usage = _usage(pid)
            if usage is not None:
                cpu.add_metric([name], usage[0])
                memory.add_metric([name], usage[1])
        return (cpu, memory)


def _usage(pid: int) -> tuple[float, int] | None:
    """CPU seconds and resident bytes, fields 14, 15 and 24 of proc(5)'s stat."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND, int(fields[21]) * _PAGE_BYTES
