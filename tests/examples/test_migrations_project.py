"""examples/migrations_project: applied, undone and applied again, as its README says."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.layout.sources import ROOT
from tests.worker.migrations.workshop import open_workshop


def test_the_project_is_applied_and_undone(tmp_path: Path) -> None:
    """Each migration finds what the one before it has made."""
    depot = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "migrations_project", depot)
    with open_workshop(depot) as workshop:
        before = workshop.dump()
        done = workshop.up()
        assert done == ["V1__countries.sql", "V2__shop.py", "V3__totals.py", "U4__country_view.py"]
        assert workshop.rows("SELECT id, bought FROM sales ORDER BY id") == [
            ("DE", 35.7),
            ("ES", 36.3),
            ("FR", 36),
        ]
        assert workshop.changed() == []
        after = workshop.rows("SELECT name, sql FROM sqlite_schema ORDER BY name")
        assert [workshop.down() for _ in done] == done[::-1]
        own = ("_schema_history", "_schema_state")
        assert [line for line in workshop.dump() if not any(name in line for name in own)] == before
        assert workshop.up() == done
        assert workshop.rows("SELECT name, sql FROM sqlite_schema ORDER BY name") == after
