"""What was published, as the log of a depot holds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from shared.messages.changes import TOPICS, Act
from shared.sqlite.connect import open_reader


def published(depot: Path) -> list[tuple[str, Any]]:
    """(topic, data) of every message, in order."""
    connection = open_reader(depot / "data" / "main.db")
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT act, key, old, new FROM _change WHERE tbl = ? ORDER BY n", (TOPICS,)
    ).fetchall()
    connection.close()
    found = []
    for act, topic, old, new in rows:
        assert (act, old) == (Act.MESSAGE, None)
        values = msgspec.msgpack.decode(new)
        assert values.keys() == {"data"}
        assert "\n" not in values["data"]
        found.append((topic, json.loads(values["data"])))
    return found
