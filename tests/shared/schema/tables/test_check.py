"""What a CHECK promises, and above all what it does not."""

from __future__ import annotations

import pytest

from shared.schema.tables.check import Check, Promise, Promised, promised

ID = Promised(Promise.UUID_V7, "id")


@pytest.mark.parametrize(
    "condition",
    [
        "is_uuid_v7(id)",
        "IS_UUID_V7 ( [id] )",
        "((is_uuid_v7((id))))",
        "is_uuid_v7(id) AND length(id) = 16",
        "length(id) BETWEEN 1 AND 16 AND (a OR b) AND is_uuid_v7(id)",
        "id IS NULL OR is_uuid_v7(id)",
        "is_uuid_v7(id) OR id ISNULL",
        "id IS NULL OR (is_uuid_v7(id) AND x > 1)",
        "/* AND ( */ is_uuid_v7(id) -- OR 1",
    ],
)
def test_a_promise(condition: str) -> None:
    """For every row whose column is not NULL."""
    assert list(promised(Check(condition))) == [ID]


@pytest.mark.parametrize(
    "condition",
    [
        "NOT is_uuid_v7(id)",
        "is_uuid_v7(id) = 0",
        "0 = is_uuid_v7(id)",
        "is_uuid_v7(id) OR x",
        "x IS NULL OR is_uuid_v7(id)",
        "id IS NOT NULL OR is_uuid_v7(id)",
        "NOT (a AND is_uuid_v7(id) AND b)",
        "CASE WHEN a AND is_uuid_v7(id) AND b THEN 1 ELSE 1 END",
        "a BETWEEN x AND is_uuid_v7(id)",
        "end > 1 AND NOT (a AND is_uuid_v7(id) AND b)",
        "CASE WHEN end AND is_uuid_v7(id) AND y THEN 1 END",
        "is_uuid_v7(id || 'x')",
        "is_uuid_v7(id, 1)",
        "is_uuid_v8(id)",
        "'is_uuid_v7(id)'",
        "(" * 90 + "1" + ")" * 90,
    ],
)
def test_no_promise(condition: str) -> None:
    """A call that a row may pass by says nothing of the rows."""
    assert list(promised(Check(condition))) == []


def test_json_and_geometry() -> None:
    """Schemas by name with what else they ask, schemas as text, geometries; several at once."""
    condition = (
        """jsonschema('std.FileUpload', f, 'image/png, image/jpeg') AND jsonschema("own", "o")"""
        """ AND jsonschema_matches('{"type": "object"}', m) AND ST_IsValid(g) AND is_uuid(u)"""
        " AND is_uuid_v4(w)"
    )
    assert list(promised(Check(condition))) == [
        Promised(Promise.JSON, "f", "std.FileUpload", "image/png, image/jpeg"),
        Promised(Promise.JSON, "o", "own"),
        Promised(Promise.JSON_MATCHES, "m", '{"type": "object"}'),
        Promised(Promise.GEOMETRY, "g"),
        Promised(Promise.UUID, "u"),
        Promised(Promise.UUID_V4, "w"),
    ]


def test_a_schema_that_is_not_written_down_is_none() -> None:
    """Its name is only known when a row is written."""
    assert list(promised(Check("jsonschema(lower('A'), x) AND jsonschema('a')"))) == []


def test_conditions_as_deep_as_sqlite_allows() -> None:
    """They are left alone and end nobody's process."""
    deep = "a AND (" * 900 + "is_uuid(id)" + ")" * 900
    assert list(promised(Check(deep))) == []
