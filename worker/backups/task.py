"""What the process of backups is asked, and what it tells. Data only; both go as lines of JSON.

python -P -m worker.backups '{"verb": "create", "depot": "/srv/depot", …}'
"""

from __future__ import annotations

from typing import Literal

import msgspec

Verb = Literal["create", "verify", "inspect", "restore"]


class Server(msgspec.Struct, frozen=True):
    """The running server that is to take over what was restored: its supervisor."""

    pid: int
    run_directory: str


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """One job.

    `name`: of a backup in the depot, for `create` of a new one.  `file`: any other zip instead.
    `config`, `secrets`: `create` puts them in, `restore` lets them replace the depot's own.
    `stored`: without compression.  `server`: `restore` asks it to take over; without one the data
    is only staged, for the caller, who holds the depot's lock.
    """

    verb: Verb
    depot: str
    name: str = ""
    file: str = ""
    config: bool = True
    secrets: bool = False
    stored: bool = False
    server: Server | None = None


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. `done` and `total` are bytes of what is under way.

    The last line has a `result` or an `error`: a sentence.  `faults`: what is wrong with a backup.
    `busy`: another job is under way.  `full`: the disk has no room for it.
    """

    done: int = 0
    total: int = 0
    error: str = ""
    busy: bool = False
    full: bool = False
    faults: list[str] = []
    result: dict[str, object] | None = None
