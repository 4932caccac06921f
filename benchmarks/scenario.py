"""A scenario: one request, described so that wrk can send a million of it and one can be checked.

Templates know two holes: `{id}` is the id of a random row of the 10,000, `{n}` a number that no
other request of the run carries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import orjson

from benchmarks.dataset import (
    CREATE_COLLECTION,
    GROUPS,
    ID_FORMAT,
    OWNED_COLLECTION,
    OWNED_CREATE_COLLECTION,
    READ_COLLECTION,
    ROWS,
    Row,
    draft,
    memo,
    owner_id,
    row,
)

Check = Callable[[bytes], str]
"""Reads a sample answer; says what is wrong with it, or nothing."""


@dataclass(frozen=True)
class Scenario:
    """What is sent, and how an answer proves to be real."""

    name: str
    title: str
    path: str
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    check: Check = lambda _: ""
    owned: bool = False
    """Sent by the first owner, under the rule `author = @request.auth.id`."""

    def sample(self) -> tuple[str, str]:
        """Path and body of one request, the holes filled."""
        return _fill(self.path), _fill(self.body)


def _fill(template: str) -> str:
    return template.replace("{id}", ID_FORMAT % 4321).replace("{n}", "1000000000")


def contains(*needles: str) -> Check:
    """An answer must hold all these strings."""

    def check(body: bytes) -> str:
        missing = [needle for needle in needles if needle.encode() not in body]
        return f"the answer lacks {missing}" if missing else ""

    return check


def _one(body: bytes) -> str:
    record, expected = orjson.loads(body), row(4321)
    wrong = [name for name, value in expected.items() if record.get(name) != value]
    return f"these fields are wrong: {wrong}" if wrong else ""


def _page(body: bytes) -> str:
    items = orjson.loads(body)["items"]
    if len(items) != 30:
        return f"{len(items)} items instead of 30"
    published = [item["published"] for item in items]
    return "" if published == sorted(published, reverse=True) else "the items are not sorted"


def _filtered(column: str, group: str, order: str) -> Check:
    def check(body: bytes) -> str:
        answer = orjson.loads(body)
        if answer["totalItems"] != ROWS // GROUPS:
            return f"totalItems is {answer['totalItems']} instead of {ROWS // GROUPS}"
        items = answer["items"]
        if len(items) != 30 or any(item[column] != group for item in items):
            return "the filter did not hold"
        values = [item[order] for item in items]
        return "" if values == sorted(values, reverse=True) else "the items are not sorted"

    return check


def _owned_page(body: bytes) -> str:
    authors = {item["author"] for item in orjson.loads(body)["items"]}
    return _page(body) if authors == {owner_id(0)} else f"the rule did not hold: {authors}"


def _created(sent: Row) -> Check:
    def check(body: bytes) -> str:
        record = orjson.loads(body)
        wrong = [name for name, value in sent.items() if record.get(name) != value]
        if wrong:
            return f"these fields are wrong: {wrong}"
        return "" if len(record.get("id", "")) == 15 else "there is no id"

    return check


_POSTS: Final = f"/api/collections/{READ_COLLECTION}/records"
_BY_CATEGORY: Final = "?filter=" + quote("category = 'c07'") + "&sort=-score"
_BY_AUTHOR: Final = "?filter=" + quote("author = 'a07'") + "&sort=-likes"

SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario("health", "health", "/api/health", check=contains("{")),
    Scenario("get", "get one of 10k", _POSTS + "/{id}", check=_one),
    Scenario(
        "list",
        "list 30, no total",
        _POSTS + "?perPage=30&skipTotal=1&sort=-published",
        check=_page,
    ),
    Scenario(
        "filter_indexed",
        "list 30, filter + sort + total, indexed",
        _POSTS + _BY_CATEGORY,
        check=_filtered("category", "c07", "score"),
    ),
    Scenario(
        "filter_plain",
        "list 30, filter + sort + total, no index",
        _POSTS + _BY_AUTHOR,
        check=_filtered("author", "a07", "likes"),
    ),
    Scenario(
        "create",
        "create",
        f"/api/collections/{CREATE_COLLECTION}/records",
        method="POST",
        body=orjson.dumps(draft()).decode(),
        headers={"Content-Type": "application/json"},
        check=_created(draft()),
    ),
    Scenario(
        "list_owned",
        "list 30, no total, rule on author",
        f"/api/collections/{OWNED_COLLECTION}/records?perPage=30&skipTotal=1&sort=-published",
        check=_owned_page,
        owned=True,
    ),
    Scenario(
        "create_owned",
        "create, rule on author",
        f"/api/collections/{OWNED_CREATE_COLLECTION}/records",
        method="POST",
        body=orjson.dumps(memo()).decode(),
        headers={"Content-Type": "application/json"},
        check=_created(memo()),
        owned=True,
    ),
)
"""In the order in which they run. Bare serves `BARE_SCENARIOS` only."""

BARE_SCENARIOS: Final = frozenset(("health", "get", "list", "create", "list_owned", "create_owned"))
