"""What all databases of a writer process share."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from shared.status_page import StatusPage
from writer.main_catalog import MainCatalog
from writer.outbox import Outbox
from writer.space import Space


class Process(NamedTuple):
    """The status page, the way back to the workers, the disk with its ballast, and main's catalog."""

    page: StatusPage
    outbox: Outbox
    space: Space
    main: MainCatalog


def make_process(page: StatusPage, folder: Path) -> Process:
    """`folder`: where the database files stand; it must be there."""
    return Process(page, Outbox(), Space(folder), MainCatalog(page.database()))
