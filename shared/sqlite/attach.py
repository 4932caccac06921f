"""Another database file beside the one of a connection, under a name of its own, for reading only.

Only so: BEGIN IMMEDIATE takes the write lock of every attached database that can be written. The
connection must take URIs, as those of `connect` do.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import apsw

from shared.quote import quote_identifier


def attach_for_reading(connection: apsw.Connection, path: str | Path, name: str) -> None:
    """Attach an existing file as schema `name`. Raises apsw.Error, and all is as before."""
    uri = f"file:{quote(str(path))}?mode=ro"
    connection.execute(f"ATTACH ? AS {quote_identifier(name)}", (uri,))


def detach(connection: apsw.Connection, name: str) -> None:
    """Outside a transaction. Raises apsw.Error, also when it is not attached."""
    connection.execute(f"DETACH {quote_identifier(name)}")
