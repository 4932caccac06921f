"""What a caller's requests show of a collection: the truth that subscriptions are held against."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.load import Connection
from tests.visibility.case import Case


def spelled(record: object) -> str:
    """A record as a text that tells 1, 1.0 and true apart."""
    return json.dumps(record, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class Shown:
    """What one viewer's reads show at one state: records by id, in the list and each for itself.

    `refused`: the list is not given at all.
    """

    listed: dict[str, str] = field(default_factory=dict)
    viewed: dict[str, str] = field(default_factory=dict)
    refused: bool = False


class Reader:
    """One viewer's requests about one case."""

    def __init__(self, connection: Connection, case: Case, token: str) -> None:
        self._connection = connection
        self._path = f"/api/collections/{case.name}/records"
        self._ident = case.ident
        self._options = case.options
        self._headers = {**case.options.headers, **({"Authorization": token} if token else {})}

    async def look(self, keys: Iterable[str]) -> Shown:
        """The whole list, and each record for itself."""
        status, page = await self._get(f"?{self._options.query_string(perPage='200')}")
        assert status in (200, 403), page
        items = page["items"] if status == 200 else []
        viewed = {}
        for own_id in map(self._ident, keys):
            found, record = await self._get(f"/{own_id}?{self._options.query_string()}")
            assert found in (200, 403, 404), record
            if found == 200:
                viewed[own_id] = spelled(record)
        return Shown(_by_id(items), viewed, refused=status != 200)

    async def _get(self, rest: str) -> tuple[int, Any]:
        answer = await self._connection.request("GET", self._path + rest, None, self._headers)
        return answer.status, answer.json()


def _by_id(items: list[Any]) -> dict[str, str]:
    return {item["id"]: spelled(item) for item in items}
