"""The chat room's depot, as users write one: settings, a migration, and a user by the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.target import TargetError

_PROGRAM: Final = str(Path(sys.executable).with_name("quillbase"))
_EMAIL, _PASSWORD = "member@example.com", "a password for the bench"
ROOM: Final = "AZwBAgMEdQaHCAkKCwwNDg=="
"""The id of the only room."""
MESSAGES: Final = "/api/records/v1/message"
"""Where they are written, and read below."""

_CONFIG: Final = """
record_apis: [
  {
    name: "message"
    table_name: "message"
    acl_authenticated: [CREATE, READ]
    autofill_missing_user_id_columns: true
    create_access_rule: "(SELECT 1 FROM room_members WHERE user = _USER_.id AND room = _REQ_.room)"
    read_access_rule: "(SELECT 1 FROM room_members WHERE user = _USER_.id AND room = _ROW_.room)"
  }
]
"""
_TABLES: Final = """
CREATE TABLE room (
  id BLOB PRIMARY KEY NOT NULL CHECK(is_uuid_v7(id)) DEFAULT (uuid_v7()),
  name TEXT
) STRICT;
INSERT INTO room (id, name) VALUES (x'019c0102030475068708090a0b0c0d0e', 'the room');

CREATE TABLE message (
  id BLOB PRIMARY KEY NOT NULL CHECK(is_uuid_v7(id)) DEFAULT (uuid_v7()),
  _owner BLOB NOT NULL REFERENCES _user(id) ON DELETE CASCADE,
  room BLOB NOT NULL REFERENCES room(id) ON DELETE CASCADE,
  data TEXT NOT NULL
) STRICT;

CREATE TABLE room_members (
  user BLOB NOT NULL REFERENCES _user(id) ON DELETE CASCADE,
  room BLOB NOT NULL REFERENCES room(id) ON DELETE CASCADE,
  PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER everybody_is_a_member AFTER INSERT ON _user BEGIN
  INSERT INTO room_members SELECT NEW.id, id FROM room;
END;
"""


def make(depot: Path) -> None:
    """Write it: the tables come with the first start, and the user after that (`add_member`)."""
    migrations = depot / "migrations" / "main"
    migrations.mkdir(parents=True)
    (migrations / "U1790000000__chat_room.sql").write_text(_TABLES)
    (depot / "config.textproto").write_text(_CONFIG)


def add_member(depot: Path) -> None:
    """The user, a member of the room by the trigger. The server may run."""
    arguments = [_PROGRAM, "user", "add", _EMAIL, _PASSWORD, "--depot", str(depot)]
    subprocess.run(arguments, check=True, capture_output=True, timeout=60)


def login(base_url: str) -> dict[str, str]:
    """The member's headers. Raises TargetError."""
    answer = httpx.post(
        f"{base_url}/api/auth/v1/login",
        json={"email": _EMAIL, "password": _PASSWORD},
        timeout=30,
    )
    if not answer.is_success:
        raise TargetError(f"no login: {answer.status_code} {answer.text}")
    return {"Authorization": f"Bearer {answer.json()['auth_token']}"}


def message_ids(base_url: str, headers: dict[str, str], count: int) -> list[str]:
    """The ids of so many messages. Raises TargetError."""
    found: list[str] = []
    asked: dict[str, Any] = {"limit": 1000}
    while len(found) < count:
        answer = httpx.get(f"{base_url}{MESSAGES}", params=asked, headers=headers, timeout=30)
        page = answer.json() if answer.is_success else {}
        if not page.get("records"):
            raise TargetError(f"no {count} messages: {answer.status_code} {answer.text[:200]}")
        found += [record["id"] for record in page["records"]]
        asked["cursor"] = page["cursor"]
    return found[:count]
