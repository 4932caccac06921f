"""The part of a preparation that is about users: their tables, and the first admin.

A depot whose settings name record APIs, or whose migrations speak of `_user`, gets the tables
before its migrations run, which may refer to them. The first admin comes after, since a migration
may have made one.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from shared.depot.layout import DepotLayout
from shared.depot.migration_files import MigrationNameError, find_migrations
from shared.run_directory import RunDirectory
from shared.status_page import StatusPage
from worker.auth.users.first_admin import EMAIL, make_first_admin
from worker.auth.users.tables import make_tables
from worker.engine.reader import Reader
from worker.engine.writer_link import WriterLink

_USER: Final = re.compile(rb"\b_user\b")


class _Access(NamedTuple):
    reader: Reader
    link: WriterLink


async def prepare_tables(layout: DepotLayout, run: RunDirectory, page: StatusPage) -> None:
    """Make `_user` and session.db where they are wanted and missing. Raises QuillError."""
    async with _access(layout, run, page) as access:
        if _serves_users(access.reader) or _speaks_of_users(layout):
            await make_tables(access.reader, access.link)


async def prepare_admin(layout: DepotLayout, run: RunDirectory, page: StatusPage) -> None:
    """Make the first admin of a depot that serves record APIs, and tell its password, once.

    It goes to the terminal and never to the log. Raises QuillError.
    """
    async with _access(layout, run, page) as access:
        if _serves_users(access.reader):
            password = await make_first_admin(access.reader, access.link)
            if password:
                sys.stdout.write(
                    f"The first admin is {EMAIL} with the password {password}\n"
                    "It is shown this once; `quillbase user change-password` sets another.\n"
                )
                sys.stdout.flush()


def _serves_users(reader: Reader) -> bool:
    return bool(reader.catalog.current().config.record_apis)


def _speaks_of_users(layout: DepotLayout) -> bool:
    """Whether a script of main's migrations names the table."""
    try:
        files = find_migrations(layout).files
    except MigrationNameError:
        return False  # to be refused by whoever applies them
    return any(_USER.search(file.path.read_bytes()) is not None for file in files)


@asynccontextmanager
async def _access(
    layout: DepotLayout, run: RunDirectory, page: StatusPage
) -> AsyncIterator[_Access]:
    reader = Reader(layout.database(), page.database())
    link = WriterLink(run.writer, secrets.randbits(63))
    link.start()
    try:
        yield _Access(reader, link)
    finally:
        link.close()
        reader.close()
