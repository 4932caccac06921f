"""The settings' JSON schemas as a process takes them from main.db."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from shared.config.config import Config, write_config
from shared.config.record_api import JsonSchema
from shared.sqlite.connect import open_writer
from shared.sqlite.functions.function import FunctionError
from shared.sqlite.functions.json_schema import jsonschema, set_schemas
from shared.sqlite.schemas import follow_config, follow_folder, follow_main

CONFIG = write_config(Config(schemas=(JsonSchema(name="number", schema='{"type": "number"}'),)))
TABLE = "CREATE TABLE _settings(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"


@pytest.fixture(autouse=True)
def _no_schemas_left() -> Iterator[None]:
    yield
    set_schemas({})


def judged(value: str) -> bool | None:
    """What the schema says of a value; None where there is none."""
    try:
        return jsonschema("number", value)
    except FunctionError:
        return None


def test_schemas_of_a_config() -> None:
    """As the settings are stored; nothing where they cannot be read, or where there are none."""
    assert judged("1") is None
    follow_config(CONFIG)
    assert (judged("1"), judged('"x"')) == (True, False)
    for other in (write_config(Config()), None, "no JSON", '{"schemas": 5}'):
        follow_config(other)
        assert judged("1") is None
        follow_config(CONFIG)
        assert judged("1") is True
    future = msgspec.json.decode(CONFIG, type=dict[str, object]) | {"later": 1}
    follow_config(msgspec.json.encode(future).decode())
    assert judged("1") is True


def test_schemas_of_a_folder(tmp_path: Path) -> None:
    """Those of its main.db, whichever database is opened; what is no depot's has none."""
    set_schemas({"number": "{}"})
    follow_folder(tmp_path)
    assert judged('"x"') is True
    main = tmp_path / "main.db"
    with closing(open_writer(main)) as connection:
        connection.execute(TABLE)
        follow_main(connection)
        assert judged("1") is None
        connection.execute("INSERT INTO _settings VALUES ('config', ?)", (CONFIG,))
        follow_main(connection)
        assert judged('"x"') is False
    set_schemas({})
    follow_folder(tmp_path)
    assert judged("1") is True
    main.write_text("no database at all" * 1000)
    follow_folder(tmp_path)
    assert judged("1") is None
