"""A query: what is sent, how an answer proves to be true, and what it may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import orjson

from benchmarks.connection import Answer, Request

LIMIT_MS: Final = 60.0
FASTER_THAN_PUBLISHED: Final = 100.0
PER_PAGE: Final = 20

Check = Callable[[Answer], str]
"""Says what is wrong with an answer, or nothing."""


@dataclass(frozen=True)
class Published:
    """PocketBase's own figure: seconds for so many requests, with its two SQLite drivers."""

    pure_go_seconds: float
    cgo_seconds: float
    requests: int = 100

    @property
    def pure_go_ms(self) -> float:
        """Milliseconds a request."""
        return self.pure_go_seconds * 1000 / self.requests

    @property
    def cgo_ms(self) -> float:
        """Milliseconds a request."""
        return self.cgo_seconds * 1000 / self.requests


@dataclass(frozen=True)
class Rounds:
    """How many requests; None: as many as fit into the time of a round."""

    alone: int | None = None
    together: int | None = None


def any_success(_: Answer) -> str:
    """2xx is all that is asked."""
    return ""


@dataclass(frozen=True)
class Query:
    """One line of the report. `send` makes the n-th request, which no other one equals if it must."""

    name: str
    title: str
    send: Callable[[int], Request]
    check: Check = any_success
    limit_ms: float | None = LIMIT_MS
    published: Published | None = None
    must_be_faster: float | None = None
    rounds: Rounds = Rounds()

    @property
    def counts(self) -> bool:
        """Whether it is a list with a total. Those may be kept until the next write."""
        request = self.send(0)
        return "perPage=" in request.path and "skipTotal=" not in request.path


@dataclass(frozen=True)
class Phase:
    """Queries that run under the same rules and indexes of `posts`."""

    queries: tuple[Query, ...]
    posts: Mapping[str, object] = field(default_factory=dict)
    """What is changed in the collection before they run."""


def listed(collection: str, token: str = "", **parameters: str) -> Callable[[int], Request]:
    """The same list each time."""
    asked = {"perPage": str(PER_PAGE), **parameters}
    query = "&".join(f"{name}={quote(text)}" for name, text in asked.items())
    request = Request("GET", f"/api/collections/{collection}/records?{query}", token=token)
    return lambda _: request


def total(expected: int) -> Check:
    """The list counts to this, or says that it only counted so far; its page is full."""

    def check(answer: Answer) -> str:
        page: dict[str, Any] = orjson.loads(answer.body)
        bounded = page.get("totalIsBounded") and PER_PAGE < page["totalItems"] <= expected
        if page["totalItems"] != expected and not bounded:
            return f"totalItems is {page['totalItems']} instead of {expected}"
        return full(min(expected, PER_PAGE))(answer)

    return check


def full(count: int) -> Check:
    """The page has so many items."""

    def check(answer: Answer) -> str:
        items = orjson.loads(answer.body)["items"]
        return "" if len(items) == count else f"{len(items)} items instead of {count}"

    return check


def expanded(*path: str) -> Check:
    """The items carry the records at the end of this path, where they have any."""

    def check(answer: Answer) -> str:
        found = 0
        for item in orjson.loads(answer.body)["items"]:
            here = [item]
            for name in path:
                nested = [each.get("expand", {}).get(name, []) for each in here]
                here = [e for n in nested for e in (n if isinstance(n, list) else [n])]
            found += len(here)
        return "" if found else f"nothing is expanded at {'.'.join(path)}"

    return check
