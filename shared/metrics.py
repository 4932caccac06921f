"""Every metric of the product, declared once (prometheus-client, multiprocess mode).

How to count: `METRIC.add()`, `FAMILY[label].add()`, `HISTOGRAM.observe(x)`, `http_request(…)`.
These only touch Python numbers (0.1 to 0.4 µs); **the owning process calls `flush()` about once a
second from each loop that counts, and once when it ends**, which moves them into the mmap files
that the ops port reads (a library increment there costs 1.4 µs, a histogram 3 µs (m)). Gauges are
library objects: `GAUGE.set(n)`.

Without PROMETHEUS_MULTIPROC_DIR (tests, CLI) the same names count in `REGISTRY` of this process.
It must not hold a label whose values a client chooses: each costs memory for ever.
"""

from __future__ import annotations

import enum
import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import metrics as _library
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

_library.disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry(auto_describe=False)
SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
OPERATIONS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_STATUS_CLASSES: Final = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")


class Tally:
    """A count that is kept in Python until the next `flush`.

    The writer's batch threads share some. None is lost: CPython lets another thread in at calls and
    jumps only, and there is none between reading `_pending` and storing it.
    """

    __slots__ = ("_counter", "_pending")

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._pending = 0
        _tallies.append(self)

    def add(self, amount: int = 1) -> None:
        """Count."""
        self._pending += amount

    def flush(self) -> None:
        """Move what is pending to the library's counter."""
        if self._pending:
            pending, self._pending = self._pending, 0
            self._counter.inc(pending)


class TallyFamily(dict[object, Tally]):
    """Tallies by the value of one label: a string, or an enum member (its name, lower case)."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter

    def __missing__(self, value: object) -> Tally:
        """Bind a child at its first use only (7 µs)."""
        text = value.name.lower() if isinstance(value, enum.Enum) else str(value)
        tally = self[value] = Tally(self._counter.labels(text))
        return tally


class _Durations(Histogram):
    """A histogram that can take many observations at once."""

    def take(self, counts: Sequence[int], total: float) -> None:
        """Add `counts` for each bucket, the last one being +Inf, and their sum."""
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


class HistogramTally:
    """Observations that are kept in Python until the next `flush`. Any thread may observe."""

    __slots__ = ("_bounds", "_counts", "_histogram", "_lock", "_total")

    def __init__(self, histogram: _Durations, bounds: Sequence[float]) -> None:
        self._histogram = histogram
        self._bounds = bounds
        self._lock = threading.Lock()  # each database's batch thread observes, and flushes
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0
        _tallies.append(self)

    def observe(self, value: float) -> None:
        """Count one."""
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[bucket] += 1
            self._total += value

    def flush(self) -> None:
        """Move what is pending to the library's histogram."""
        with self._lock:
            counts, self._counts = self._counts, [0] * len(self._counts)
            total, self._total = self._total, 0.0
        if any(counts):
            self._histogram.take(counts, total)


class _RequestTally:
    """Requests of one route class and one status class since the last `flush`."""

    __slots__ = ("_counter", "_durations", "counts", "total")

    def __init__(self, route: str, status: int) -> None:
        labels = (route, _STATUS_CLASSES[status])
        self._counter: Counter = _HTTP_REQUESTS.labels(*labels)
        self._durations: _Durations = _HTTP_SECONDS.labels(*labels)
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0
        _tallies.append(self)

    def flush(self) -> None:
        """Move what is pending to the library's counter and histogram."""
        requests = sum(self.counts)
        if requests:
            self._counter.inc(requests)
            self._durations.take(self.counts, self.total)
            self.counts = [0] * (len(SECONDS) + 1)
            self.total = 0.0


class _Requests(dict[tuple[str, int], _RequestTally]):
    def __missing__(self, key: tuple[str, int]) -> _RequestTally:
        tally = self[key] = _RequestTally(*key)
        return tally


_tallies: list[Tally | HistogramTally | _RequestTally] = []


def flush() -> None:
    """Publish all tallies of this process. Call it from a thread that counts."""
    for tally in _tallies:
        tally.flush()


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, mode: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]


def _histogram(name: str, text: str, buckets: Sequence[float]) -> HistogramTally:
    return HistogramTally(_Durations(name, text, registry=REGISTRY, buckets=buckets), buckets)


# --- Worker: HTTP and reads -------------------------------------------------------------------
_HTTP_REQUESTS: Final = _counter(
    "quill_http_requests_total", "Requests answered.", "route", "status"
)
_HTTP_SECONDS: Final = _Durations(
    "quill_http_request_seconds",
    "Time from the request's head to its answer.",
    ("route", "status"),
    registry=REGISTRY,
    buckets=SECONDS,
)
_requests: Final = _Requests()


def http_request(route: str, status: int, seconds: float) -> None:
    """Count one answered request.

    `route` is a class from a closed set, never a path: list, view, create, update, delete, auth,
    collections, batch, realtime, health, setup, preflight, other. `status` is the HTTP status.
    """
    tally = _requests[route, status // 100]
    tally.counts[bisect_left(SECONDS, seconds)] += 1
    tally.total += seconds


SLOW_READS: Final = Tally(
    _counter("quill_slow_reads_total", "Reads that left the event loop for a thread.")
)
PLAN_CACHE: Final = TallyFamily(
    _counter("quill_plan_cache_total", "Look-ups in the plan cache by result.", "result")
)
PLAN_CACHE_HITS: Final = PLAN_CACHE["hit"]
PLAN_CACHE_MISSES: Final = PLAN_CACHE["miss"]
TOTALS_CACHE: Final = TallyFamily(
    _counter("quill_totals_cache_total", "Look-ups of a list's kept count by result.", "result")
)
TOTALS_CACHE_HITS: Final = TOTALS_CACHE["hit"]
TOTALS_CACHE_MISSES: Final = TOTALS_CACHE["miss"]

# --- Worker: writes ---------------------------------------------------------------------------
WRITES_SUBMITTED: Final = Tally(
    _counter("quill_writes_submitted_total", "Operations sent to the writer, repeats not counted.")
)
WRITE_OUTCOMES: Final = TallyFamily(
    _counter(
        "quill_write_outcomes_total",
        "How submitted operations ended: the writer's status in lower case, or unknown.",
        "status",
    )
)
WRITES_IN_FLIGHT: Final = _gauge(
    "quill_writes_in_flight", "Operations sent and not yet answered.", "livesum"
)

# --- Worker: realtime -------------------------------------------------------------------------
REALTIME_CLIENTS: Final = _gauge("quill_realtime_clients", "Connected realtime clients.", "livesum")
_REALTIME_SOCKETS: Final = _gauge(
    "quill_realtime_sockets",
    "Realtime clients that are WebSockets, by port: main or second.",
    "livesum",
    "port",
)
REALTIME_MAIN_SOCKETS: Final = _REALTIME_SOCKETS.labels("main")
REALTIME_SECOND_SOCKETS: Final = _REALTIME_SOCKETS.labels("second")
REALTIME_SUBSCRIPTIONS: Final = _gauge(
    "quill_realtime_subscriptions", "Subscriptions of all realtime clients.", "livesum"
)
REALTIME_EVENTS: Final = TallyFamily(
    _counter("quill_realtime_events_total", "Events by fate: sent or dropped.", "fate")
)
REALTIME_SENT: Final = REALTIME_EVENTS["sent"]
REALTIME_DROPPED: Final = REALTIME_EVENTS["dropped"]

# --- Worker: settings -------------------------------------------------------------------------
CONFIG_REFUSED: Final = _gauge(
    "quill_config_refused",
    "1 while the files of settings are refused and older settings are in force.",
    "livemax",
)

# --- Writer -----------------------------------------------------------------------------------
WRITER_BATCHES: Final = Tally(_counter("quill_writer_batches_total", "Batches committed."))
WRITER_BATCH_OPERATIONS: Final = _histogram(
    "quill_writer_batch_operations", "Operations a batch.", OPERATIONS
)
WRITER_COMMIT_SECONDS: Final = _histogram(
    "quill_writer_commit_seconds", "Time of a COMMIT with its fsync.", SECONDS
)
WRITER_OPERATIONS: Final = TallyFamily(
    _counter("quill_writer_operations_total", "Operations by status, lower case.", "status")
)
WRITER_CHECKPOINTS: Final = TallyFamily(
    _counter("quill_writer_checkpoints_total", "Checkpoints by result: done or busy.", "result")
)
WRITER_WAL_BYTES: Final = _gauge("quill_writer_wal_bytes", "Size of the WAL.", "livemax")
CHANGE_HEAD: Final = _gauge(
    "quill_change_head", "Greatest committed n of the change log.", "livemax"
)


def process_families() -> tuple[CounterMetricFamily, GaugeMetricFamily]:
    """CPU time and memory by process, without samples: the supervisor adds them at each scrape."""
    return (
        CounterMetricFamily(
            "quill_process_cpu_seconds_total",
            "User and system CPU time by process.",
            labels=["process"],
        ),
        GaugeMetricFamily(
            "quill_process_resident_bytes", "Resident memory by process.", labels=["process"]
        ),
    )


class SupervisorMetrics:
    """What only the supervisor knows, in a registry of its own that is never multiprocess."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.restarts = Counter(
            "quill_child_restarts_total",
            "Starts of a child after its first, by process; rolling reloads not counted.",
            ("process",),
            registry=self.registry,
        )
        self.up = Gauge(
            "quill_process_up",
            "1 while the process is ready, by process.",
            ("process",),
            registry=self.registry,
        )
        self.broken_apis = Gauge(
            "quill_record_apis_broken",
            "Record APIs of the settings that cannot be served.",
            registry=self.registry,
        )
        build = Gauge(
            "quill_build_info", "Always 1; the version.", ("version",), registry=self.registry
        )
        build.labels(version).set(1)
