"""What the benchmark and its crowd of clients say to each other: JSON lines on the crowd's pipes.

Each command has one answer, and the next command comes after it. Counts are of the quick clients
since the crowd was last emptied by `Close`; times are of the monotonic clock, in nanoseconds.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Transport = Literal["sse", "ws", "second", "bare"]


class Open(Struct, tag=True):
    """Connect one client for each topic and wait until all are live; answered by `Told`.

    `tokens`: one a client, or none for guests.  `at_once`: how many may be connecting.
    `since`: the position to resume from.  `slow`: these read a byte a second and are not counted.
    `apart`: each client has events of its own, so orders are kept by client and not compared.
    """

    transport: Transport
    port: int
    topics: list[str]
    tokens: list[str] = []
    at_once: int = 100
    since: str = ""
    slow: bool = False
    apart: bool = False
    seconds: float = 60.0


class Await(Struct, tag=True):
    """Wait until so many events were read in all; answered by `Told`, late or not."""

    events: int
    seconds: float = 30.0


class Settle(Struct, tag=True):
    """Read on for so long, to see whether more comes than should; answered by `Told`."""

    seconds: float


class Rest(Struct, tag=True):
    """From now on sleep so long between two polls: many events then come with one read."""

    seconds: float


class Measure(Struct, tag=True):
    """Compare each arrival since the last time with when its write was sent; `Latencies`."""

    sent: dict[str, int]


class Order(Struct, tag=True):
    """Ask for the marks in the order in which they were read; answered by `Orders`."""


class Close(Struct, tag=True):
    """Hang up. The quick ones: and count from zero; answered by `Told`."""

    slow: bool = False


Command = Open | Await | Settle | Rest | Measure | Order | Close


class Told(Struct, tag=True):
    """Where the crowd stands.

    `failure`: why clients could not be opened.  `lost`: connections that the server ended.
    `late`: the time was up.  `wrong`: clients that read something in another order than the rest.
    `low`, `high`: the fewest and the most events of a client.
    """

    live: int = 0
    lost: int = 0
    heard: int = 0
    received_bytes: int = 0
    low: int = 0
    high: int = 0
    wrong: int = 0
    late: bool = False
    last: int = 0
    failure: str = ""


class Latencies(Struct, tag=True):
    """Milliseconds from the writes to the reads."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Orders(Struct, tag=True):
    """`common`: what all read.  `apart`: by client, for those that were opened so."""

    common: list[str]
    apart: list[list[str]]


Answer = Told | Latencies | Orders
