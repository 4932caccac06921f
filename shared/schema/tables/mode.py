"""What a record's JSON schema is for, and which kind of JSON Schema it is."""

from __future__ import annotations

import enum
from typing import Final

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Mode(enum.Enum):
    """What is described: a new record, a record as it is read, or a change of one.

    The values are how a request names them.
    """

    INSERT = "Insert"
    SELECT = "Select"
    UPDATE = "Update"
