"""JSON columns judged in the worker, before a write is sent: bad JSON never takes the writer's time.

The CHECK of the table judges again inside the write's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import QuillError, invalid
from shared.schema.api import RecordApi
from shared.sql.plan import Value
from worker.engine.schemas import FunctionError, passes

CHECK_FAILED = "db constraint: check"
"""What a client is told of a row that a CHECK refuses."""


def check_json_columns(api: RecordApi, values: Mapping[str, Value]) -> None:
    """Judge the values that a write would store, by the columns' names as the table spells them.

    Columns that the write leaves out are not judged. Raises QuillError INVALID.
    """
    for column in api.columns:
        if column.json is None or column.name not in values:
            continue
        try:
            good = passes(column.json, values[column.name])
        except FunctionError:  # as the CHECK would: it has no answer, so the row is not stored
            good = False
        if not good:
            raise _refused()


def _refused() -> QuillError:
    return invalid(CHECK_FAILED)
