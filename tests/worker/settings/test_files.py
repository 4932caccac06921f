"""Files of settings on the disk: modes, whole replacement, one at a time; secrets read back.

Tests `worker.settings.files`, `worker.settings.secrets`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shared.config.default_text import DEFAULT_TEXT
from shared.config.load import load
from shared.depot.layout import DepotLayout
from shared.depot.sources import read_sources
from shared.schema.catalog import Catalog
from worker.settings.apply import settings_steps
from worker.settings.files import settings_lock, texts_of, write_default, write_files
from worker.settings.secrets import SecretSettings, with_secrets


@pytest.fixture
def layout(tmp_path: Path) -> DepotLayout:
    """An empty depot."""
    return DepotLayout(tmp_path)


def test_secrets_are_for_their_owner_alone(layout: DepotLayout) -> None:
    """Modes of file and folder, also where they were wider; nothing else is left behind."""
    layout.secrets.parent.mkdir(mode=0o755)
    layout.secrets.write_text("")
    layout.secrets.chmod(0o644)
    config, secrets = texts_of({"email": {"smtp_password": "hunter2"}}, {"TRAIL_X": "y"})
    write_files(layout, config, secrets)
    assert layout.secrets.stat().st_mode & 0o777 == 0o600
    assert layout.secrets.parent.stat().st_mode & 0o777 == 0o700
    assert b"hunter2" not in layout.config.read_bytes()
    assert b"hunter2" in layout.secrets.read_bytes()
    assert b"TRAIL_X" in layout.secrets.read_bytes()
    assert sorted(path.name for path in layout.path.iterdir()) == ["config.textproto", "secrets"]


def test_a_link_stays_a_link(layout: DepotLayout, tmp_path: Path) -> None:
    """What it leads to is replaced; without secrets no file of them is made."""
    target = tmp_path / "mounted.textproto"
    target.write_text("")
    layout.config.symlink_to(target)
    write_files(layout, b"# new\n", b"")
    assert layout.config.is_symlink()
    assert target.read_text() == "# new\n"
    assert not layout.secrets.exists()
    write_default(layout)
    assert target.read_text() == DEFAULT_TEXT


def test_one_at_a_time(layout: DepotLayout) -> None:
    """Whoever comes second gets the lock when the first lets go."""
    order: list[str] = []

    async def hold(name: str) -> None:
        async with settings_lock(layout):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    async def both() -> None:
        await asyncio.gather(hold("a"), hold("b"))

    asyncio.run(both())
    assert order == ["a in", "a out", "b in", "b out"]


def test_secrets_of_accepted_settings(layout: DepotLayout) -> None:
    """From a variable, the file or the vault; read again only when others were accepted."""
    text = b'email { smtp_password: "<REDACTED>" } server { s3_storage_config { secret_access_key: "k" } }'
    write_files(layout, text, texts_of({"email": {"smtp_password": "one"}}, {})[1])
    catalog = _catalog(layout)
    known = SecretSettings(layout, {})
    assert catalog.config.email.smtp_password == ""
    config = asyncio.run(known.config(catalog))
    assert config.email.smtp_password == "one"
    assert config.server.s3_storage_config is not None
    assert config.server.s3_storage_config.secret_access_key == "k"
    write_files(layout, text, texts_of({"email": {"smtp_password": "two"}}, {})[1])
    assert asyncio.run(known.config(catalog)) is config
    assert asyncio.run(known.config(_catalog(layout))).email.smtp_password == "two"
    layout.config.write_text("broken {")
    sources = read_sources(layout, {"TRAIL_EMAIL_SMTP_PASSWORD": "three"})
    assert with_secrets(catalog.config, sources).email.smtp_password == "three"


def _catalog(layout: DepotLayout) -> Catalog:
    """As after the files have been accepted."""
    sources = read_sources(layout, {})
    loaded = load(sources.config, sources.secrets, {})
    steps = settings_steps(loaded.public, sources.digest)
    return Catalog.from_rows(1, [], [step.params for step in steps])
