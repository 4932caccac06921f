"""The JSON schemas of the settings at the writer: CHECKs of every database call them by name.

Main's batch thread reads them between the COMMIT that moved the catalog and the new version on the
status page. So a plan that asks for a version of main's catalog is judged by the schemas of that
version, in every database.
"""

from __future__ import annotations

import apsw

from shared.logs import get_logger
from shared.sqlite.schemas import follow_main

log = get_logger()


def follow_schemas(main: apsw.Connection) -> None:
    """Put main's schemas in force, for the connections of all databases."""
    try:
        follow_main(main)
    except apsw.SQLError as error:  # what was known before stays
        log.error("schemas cannot be read", error=str(error))  # noqa: TRY400
