"""What one situation is: a collection, its records, who looks with which options, what he may see.

Cases are data. Each is played with real processes; what a request of the same viewer shows at each
state is compared with `sees`, which a person wrote, and with what his subscriptions tell.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

Row = dict[str, Any]

GUEST: Final = "guest"
ROOT: Final = "root"
SAME: Final = "as the list rule"
MISSING: Final = "(no such key)"
"""Stands in `Case.shows` for a key that must not be there."""


def ident(key: str) -> str:
    """The record id that a key stands for, everywhere in this suite."""
    return key.ljust(15, "0")


@dataclass(frozen=True)
class Options:
    """What a request asks for in its query and headers, and a subscription in its options."""

    filter: str = ""
    expand: str = ""
    fields: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, str]:
        """The parameters of the query; a view of one record takes no filter."""
        named = {"filter": self.filter, "expand": self.expand, "fields": self.fields}
        return {**{name: text for name, text in named.items() if text}, **self.query}

    def query_string(self, **more: str) -> str:
        """As it stands behind the `?` of a request."""
        return urlencode({**self.asked, **more})


@dataclass(frozen=True)
class Other:
    """A collection that a case needs beside its own, with records that are there from the start.

    `fields`: without the id. `more`: rules and options; rules are open unless named.
    """

    name: str
    fields: list[dict[str, Any]]
    rows: Mapping[str, Row] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Write:
    """One write of a superuser. `method`: POST, PATCH or DELETE. `where`: "" for the case's own."""

    method: str
    key: str
    body: Row | None = None
    where: str = ""


@dataclass(frozen=True)
class Step:
    """Writes that are committed together.

    `sees`: what is listed afterwards, None: as before. `brings`: what else happens to records of
    the case, by action and key, before its own writes.
    """

    name: str
    writes: tuple[Write, ...]
    sees: str | Mapping[str, str] | None = None
    brings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Apart:
    """Where the design says that a subscription differs from a read, and why.

    `at`: the step. `hears`: keys that are heard of there, by viewer. `alike`: the record is what a
    read shows. `joining`: a snapshot differs in the same way. Written by a person, like the reason.
    """

    at: str
    why: str
    hears: str | Mapping[str, str]
    alike: bool = True
    joining: bool = False


@dataclass(frozen=True)
class Case:
    """One situation.

    `sees`: keys of the records that are listed after the creates, by viewer, or one text for all
    but superusers; `views` the same for single records, None where that is no different. `viewers`:
    who looks; `key@collection` is a record of an auth collection, `key@` of the case's own.
    `seeds`: records that are there from the start, and stay. `later`: keys of those that a step
    creates. `kept`: the records are not deleted. `shows`: parts of records as they are created, by
    viewer and key. `stored_rule`: a text that the API refuses. `late`: why what is looked at after
    the steps may differ from what was heard live, "" where it may not.
    """

    name: str
    rule: str | None
    sees: str | Mapping[str, str]
    rows: Mapping[str, Row]
    fields: list[dict[str, Any]]
    viewers: tuple[str, ...] = (GUEST, ROOT)
    view_rule: str | None = SAME
    views: str | Mapping[str, str] | None = None
    options: Options = Options()
    seeds: Mapping[str, Row] = field(default_factory=dict)
    others: tuple[Other, ...] = ()
    steps: tuple[Step, ...] = ()
    apart: tuple[Apart, ...] = ()
    shows: Mapping[str, Mapping[str, Row]] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    kept: bool = False
    stored_rule: str = ""
    late: str = ""

    def ident(self, key: str) -> str:
        """The id of a record of the case. No two auth records have the same, whatever they are in."""
        if self.more.get("type") != "auth":
            return ident(key)
        return ident(f"{key}{zlib.crc32(self.name.encode()):08x}")

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all records that there ever are, seeds first."""
        return (*self.seeds, *self.rows, *self.later)


def keys_of(said: str | Mapping[str, str], viewer: str, every: str) -> set[str]:
    """The keys that `said` gives to a viewer. A superuser has them all unless it names him."""
    if isinstance(said, str):
        return set((every if viewer == ROOT else said).split())
    return set(said.get(viewer, every if viewer == ROOT else "").split())
