"""The tables of those who log in through the auth API: `_user` in main.db, `_session` in session.db.

Columns and checks of `_user` are those that users' own migrations refer to. A depot that has the
tables already keeps them as they are: each statement makes only what is missing.
"""

from __future__ import annotations

from typing import Final

from shared.sql.plan import Step, run

SESSION: Final = "session"
"""The database of sessions; also the row of `_settings` by which the writer opens it."""

_USER: Final = """CREATE TABLE IF NOT EXISTS _user (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid(id)) DEFAULT (uuid_v4()),
  email TEXT COLLATE NOCASE,
  unverified_email TEXT COLLATE NOCASE,
  username TEXT COLLATE NOCASE,
  password_hash TEXT NOT NULL DEFAULT '',
  admin INTEGER NOT NULL DEFAULT FALSE CHECK (admin IN (0, 1)),
  totp_secret TEXT,
  created INTEGER NOT NULL DEFAULT (unixepoch()),
  updated INTEGER NOT NULL DEFAULT (unixepoch()),
  provider_id INTEGER NOT NULL DEFAULT 0,
  provider_user_id TEXT,
  provider_avatar_url TEXT
) STRICT"""
# Statements beside it refer to nothing but its own columns, so they fit one that was there before.
_USER_INDEXES: Final = (
    "CREATE UNIQUE INDEX IF NOT EXISTS _user_email ON _user (email)",
    "CREATE UNIQUE INDEX IF NOT EXISTS _user_username ON _user (username)",
    "CREATE INDEX IF NOT EXISTS _user_unverified ON _user (unverified_email)",
    "CREATE UNIQUE INDEX IF NOT EXISTS _user_provider ON _user (provider_id, provider_user_id)",
)

SESSION_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS _session (
  id INTEGER PRIMARY KEY NOT NULL,
  user BLOB NOT NULL,
  refresh_token TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL DEFAULT (unixepoch()),
  updated INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT""",
    "CREATE INDEX IF NOT EXISTS _session_of_user ON _session (user)",
)
"""What session.db begins with. `refresh_token` is a hash, or a token as it is that another server
stored."""


def user_tables(*, present: bool) -> tuple[Step, ...]:
    """What makes the tables, and has the writer open session.db. `present`: there is a `_user`."""
    wanted = run("INSERT OR REPLACE INTO _settings (name, value) VALUES (?, '1')", (SESSION,))
    if present:
        return (wanted,)
    return (run(_USER), *map(run, _USER_INDEXES), wanted)


def wanted_sql() -> tuple[str, tuple[str, ...]]:
    """Finds whether the writer is to open session.db: SQL and its parameters."""
    return "SELECT 1 FROM _settings WHERE name = ? AND value <> ''", (SESSION,)
