"""JSON schemas that settings may have, and what passes a column's CHECK."""

from __future__ import annotations

import json

import pytest

from shared.config.config import Config
from shared.config.problem import ConfigError
from shared.config.record_api import JsonSchema
from shared.schema.tables.column import JsonCheck
from worker.engine.schemas import FunctionError, passes, refuse_schemas

FILE = json.dumps({"id": "1", "filename": "a", "mime_type": "image/png"})


def config(**schemas: str) -> Config:
    """Settings with these schemas."""
    return Config(
        schemas=tuple(JsonSchema(name=name, schema=text) for name, text in schemas.items())
    )


def test_schemas_that_may_be() -> None:
    """Any that stand by themselves."""
    refuse_schemas(config(one="true", two='{"$defs": {"a": {}}, "items": {"$ref": "#/$defs/a"}}'))
    refuse_schemas(config(linear='{"pattern": "^(a+)+$"}'))


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "[]",
        '{"type": 5}',
        '{"$ref": "http://127.0.0.1:9/x"}',
        '{"$ref": "file:///etc/passwd"}',
        '{"$ref": "#/$defs/none"}',
        '{"$schema": "http://127.0.0.1:9/x"}',
        '{"pattern": "(?=a)b"}',
        json.dumps({"const": "x" * 70_000}),
        json.dumps({"enum": list(range(5_000))}),
    ],
)
def test_schemas_that_are_refused(text: str) -> None:
    """No schema, references to elsewhere, patterns that would backtrack, and what is too large."""
    with pytest.raises(ConfigError) as caught:
        refuse_schemas(config(good="{}", bad=text))
    assert list(caught.value.problems) == ["schemas.1.schema"]
    assert len(str(caught.value)) < 500


def test_names_of_the_built_in_ones_are_taken() -> None:
    """Whatever stands there."""
    with pytest.raises(ConfigError) as caught:
        refuse_schemas(config(**{"std.KeyValue": "{}"}))
    assert list(caught.value.problems) == ["schemas.0.name"]


@pytest.mark.parametrize(
    ("check", "value", "good"),
    [
        (JsonCheck(name="std.KeyValue"), '{"a": 1}', True),
        (JsonCheck(name="std.KeyValue"), "[]", False),
        (JsonCheck(name="std.KeyValue"), None, True),
        (JsonCheck(name="std.KeyValue"), 5, False),
        (JsonCheck(text='{"type": "number"}'), "5", True),
        (JsonCheck(text='{"type": "number"}'), '"5"', False),
        (JsonCheck(text='{"type": "number"}'), None, True),
        (JsonCheck(name="std.FileUpload", extra="image/png"), FILE, True),
        (JsonCheck(name="std.FileUpload", extra="image/gif"), FILE, False),
    ],
)
def test_values_of_a_check(check: JsonCheck, value: str | int | None, *, good: bool) -> None:
    """As SQLite reads a CHECK: what is NULL passes."""
    assert passes(check, value) is good


def test_a_check_that_has_no_answer() -> None:
    """It fails, for whoever asks to decide."""
    with pytest.raises(FunctionError, match="no schema 'unheard-of'"):
        passes(JsonCheck(name="unheard-of"), "{}")
