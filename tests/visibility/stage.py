"""The stage of all cases: one cluster with their collections, the people who look, and their tokens.

Everything is made before anything is heard, so that the catalog does not move meanwhile.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx

from shared.sql.plan import run
from tests.cluster_process import ClusterProcess
from tests.submitting import submit
from tests.visibility.case import GUEST, ROOT, SAME, Case, Row, ident
from tests.visibility.standard import PASSWORD, SHARED

SIGNALS = "signals"
_RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")


class Stage:
    """Collections and records are there; `token_of` tells who a viewer is."""

    def __init__(self, cluster: ClusterProcess, cases: Iterable[Case]) -> None:
        self.cluster = cluster
        self.port = cluster.port
        self.url = cluster.url
        self._client = cluster.client()
        self._tokens = {GUEST: "", ROOT: cluster.superuser_token()}
        self._make(list(cases))

    def _make(self, cases: list[Case]) -> None:
        signals = _definition(SIGNALS, [{"name": "n", "type": "number"}], {})
        made = [signals, *(_definition(one.name, one.fields, one.more) for one in SHARED)]
        for case in cases:
            made += [_definition(one.name, one.fields, one.more) for one in case.others]
            made.append(_definition(case.name, case.fields, _rules(case)))
        body = {"collections": made, "deleteMissing": False}
        self._done(self._client.put("/api/collections/import", json=body))
        for one in SHARED:
            self.create(one.name, one.rows)
        for case in cases:
            for other in case.others:
                self.create(other.name, other.rows)
            self.create(case.name, case.seeds, case.ident)
            if case.stored_rule:
                self._store(case)
        signs = [case.name for case in cases]
        self.create(SIGNALS, {signal_of(name): {"n": 0} for name in signs})

    def _store(self, case: Case) -> None:
        sql = 'UPDATE "_collections" SET "listRule" = ?, "viewRule" = ? WHERE "name" = ?'
        step = run(sql, (case.stored_rule, case.stored_rule, case.name), refusal="missing")
        submit(self.cluster.depot, step, changes_catalog=True)

    def create(
        self, collection: str, rows: Mapping[str, Row], own_id: Callable[[str], str] = ident
    ) -> None:
        """Create records, in one batch for each fifty."""
        url = f"/api/collections/{collection}/records"
        wanted = [
            {"method": "POST", "url": url, "body": {**row, "id": own_id(key)}}
            for key, row in rows.items()
        ]
        for start in range(0, len(wanted), 50):
            body = {"requests": wanted[start : start + 50]}
            self._done(self._client.post("/api/batch", json=body))

    def token_of(self, viewer: str, case: Case) -> str:
        """The token of a viewer, who logs in at first use: `ann`, `max@staff`, `s@`."""
        key, at, where = viewer.partition("@")
        name = f"{key}@{where or case.name}" if at else viewer
        if name not in self._tokens:
            collection = (where or case.name) if at else "people"
            self._tokens[name] = self._log_in(collection, key)
        return self._tokens[name]

    def _log_in(self, collection: str, key: str) -> str:
        body = {"identity": f"{key}@x.io", "password": PASSWORD}
        reply = self._client.post(f"/api/collections/{collection}/auth-with-password", json=body)
        self._done(reply)
        return str(reply.json()["token"])

    @staticmethod
    def _done(reply: httpx.Response) -> None:
        assert reply.status_code in (200, 204), reply.text


def signal_of(name: str) -> str:
    """The key of the record of `signals` that each step of a case ends with."""
    return f"{zlib.crc32(name.encode()):08x}"


def _rules(case: Case) -> dict[str, Any]:
    view_rule = case.rule if case.view_rule == SAME else case.view_rule
    return {"listRule": case.rule, "viewRule": view_rule, **case.more}


def _definition(name: str, fields: list[dict[str, Any]], more: Mapping[str, Any]) -> dict[str, Any]:
    writing = None if more.get("type") == "view" else ""
    rules: dict[str, Any] = dict.fromkeys(_RULES[2:], writing)
    return {
        "name": name, "type": "base", "fields": fields, "listRule": "", "viewRule": "", **rules,
        **more,
    }  # fmt: skip
