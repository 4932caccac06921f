"""Why a depot has to be prepared, found by a look at names: `writer.pending`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from shared.depot.layout import DepotLayout
from shared.limits import PENDING_REASONS_MAX
from writer.pending import find_pending


@pytest.fixture
def main(tmp_path: Path) -> Iterator[apsw.Connection]:
    """A main.db as the writer has it open."""
    connection = apsw.Connection(str(tmp_path / "main.db"))
    connection.execute("CREATE TABLE _settings(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    yield connection
    connection.close()


def test_nothing_is_due_in_a_plain_depot(main: apsw.Connection, tmp_path: Path) -> None:
    """Without a file of settings and without migrations."""
    assert find_pending(DepotLayout(tmp_path), {"main": main}) == []


def test_migrations_that_are_not_in_the_history_are_due(
    main: apsw.Connection, tmp_path: Path
) -> None:
    """By their versions, and by database; other files are nobody's affair."""
    for name in ("main/U1__a.sql", "main/U2__b.py", "main/U2__b.down.sql", "logs/U1__c.sql"):
        path = tmp_path / "migrations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    layout = DepotLayout(tmp_path)
    connections = {"main": main}
    assert find_pending(layout, connections) == ["migration U1__a.sql", "migration U2__b.py"]
    main.execute(
        "CREATE TABLE _schema_history(version INT4 PRIMARY KEY, name, applied_on, checksum)"
    )
    main.execute("INSERT INTO _schema_history VALUES (1, 'a', '', '')")
    assert find_pending(layout, connections) == ["migration U2__b.py"]
    main.execute("INSERT INTO _schema_history VALUES (2, 'b', '', '')")
    assert find_pending(layout, connections) == []
    (tmp_path / "migrations" / "V2__again.sql").touch()
    assert "the same version" in find_pending(layout, connections)[0]


def test_a_few_of_many_reasons_are_named(main: apsw.Connection, tmp_path: Path) -> None:
    """All of them would not fit into the line by which the writer says that it is ready."""
    folder = tmp_path / "migrations" / "main"
    folder.mkdir(parents=True)
    for version in range(PENDING_REASONS_MAX + 5):
        (folder / f"U{version}__{'a' * 200}.sql").touch()
    reasons = find_pending(DepotLayout(tmp_path), {"main": main})
    assert len(reasons) == PENDING_REASONS_MAX


def test_settings_whose_mark_is_not_the_accepted_one_are_due(
    main: apsw.Connection, tmp_path: Path
) -> None:
    """Also where they are gone."""
    layout = DepotLayout(tmp_path)
    layout.config.write_text('server { application_name: "x" }\n')
    assert find_pending(layout, {"main": main}) == ["settings"]
    layout.config.unlink()
    assert find_pending(layout, {"main": main}) == []
    main.execute("INSERT INTO _settings VALUES ('digest', 'abc')")
    assert find_pending(layout, {"main": main}) == ["settings"]


def test_record_apis_without_users_are_due(main: apsw.Connection, tmp_path: Path) -> None:
    """Until the tables of users are made."""
    put = "INSERT OR REPLACE INTO _settings VALUES (?, ?)"
    main.execute(put, ("config", '{"record_apis":[]}'))
    layout, connections = DepotLayout(tmp_path), {"main": main}
    assert find_pending(layout, connections) == []
    main.execute(put, ("config", '{"record_apis":[{"name":"notes"}]}'))
    assert find_pending(layout, connections) == ["users"]
    main.execute(put, ("session", "1"))
    assert find_pending(layout, connections) == []
