"""What a plan's outcome means to the caller: refusals and SQLite's failures as errors.

One vocabulary of refusals for all record writes, so that each of them has one meaning.
"""

from __future__ import annotations

from typing import Final

from shared.errors import FieldError, Kind, QuillError, invalid, not_found
from shared.logs import get_logger
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.constraints import constraint_fields
from shared.sql.delete import CASCADE_TOO_DEEP, REQUIRED_REFERENCE
from shared.sql.message import TOPIC_TAKEN
from shared.sql.modifiers import guard_error
from shared.sql.plan import MESSAGE_TOO_LARGE
from shared.sql.write import MISSING_RELATION, NOT_FOUND
from worker.records.version import REFUSED_CHANGED, changed

REFUSED_MISSING: Final = NOT_FOUND
"""There is no such record, or none that the rule lets the caller change."""
REFUSED_CREATE: Final = "create_rule"
REFUSED_AGAIN: Final = "again"
"""A row that the plan was chosen by has changed: make the plan again."""
REFUSED_LAST: Final = "last_superuser"

_log: Final = get_logger()
_ERROR: Final = 1
_CONSTRAINT: Final = 19
_TOO_BIG: Final = 18
_INTERRUPT: Final = 9
_PRIMARY_CODE: Final = 0xFF
_NO_DATA: Final[dict[str, str]] = {
    REFUSED_CREATE: "Failed to create record.",
    REFUSED_LAST: "You can't delete the only existing superuser.",
    TOPIC_TAKEN: "The first part of the topic is the name or id of a collection.",
    MESSAGE_TOO_LARGE: "The message is too large.",
}
_MISSING_RELATION: Final = FieldError(
    MISSING_RELATION, "Failed to find all relation records with the provided ids."
)
_ID_TAKEN: Final = FieldError("validation_invalid_auth_id", "Another account already has this id.")
_WHOLE: Final = {REFUSED_MISSING: not_found, REFUSED_CHANGED: changed}
_BLOCKED: Final = (
    "Failed to delete the record: it is required by other records through their field {field}."
)


def refused(payload: object, collection: Collection | None = None) -> QuillError:
    """The error behind a refusal, `code` or `code:field`, of a write to `collection`."""
    code, _, field = str(payload).partition(":")
    if code in _WHOLE:
        return _WHOLE[code]()
    if code in _NO_DATA:
        return invalid(_NO_DATA[code])
    if code == _MISSING_RELATION.code:
        return invalid("Failed to save the record.", {field: _MISSING_RELATION})
    if code in (REQUIRED_REFERENCE, CASCADE_TOO_DEEP):
        return invalid(_BLOCKED.format(field=field))
    if field:
        return invalid("Failed to save the record.", {field: _field_error(code, field, collection)})
    return invalid("The request could not be applied.")


def _field_error(code: str, field: str, collection: Collection | None) -> FieldError:
    if code == _ID_TAKEN.code:
        return _ID_TAKEN
    found = None if collection is None else collection.field(field)
    told = None if found is None else guard_error(found, code)
    return told or FieldError(code, "Invalid value.")


def failed(payload: object, collection: Collection | None) -> QuillError:
    """The error behind SQLite's refusal, `(extended result code, message)`."""
    code, message = payload if isinstance(payload, list | tuple) else (_ERROR, "")
    primary = int(code) & _PRIMARY_CODE
    if primary == _CONSTRAINT:
        return _constraint(int(code), str(message), collection)
    if primary == _TOO_BIG:
        return QuillError(Kind.TOO_LARGE, "A value is too large to be stored.")
    if primary == _INTERRUPT:
        return QuillError(
            Kind.UNAVAILABLE, "The write took too long and was not applied.", retry_after_seconds=1
        )
    _log.warning("write failed", code=int(code), reason=str(message))
    if primary == _ERROR:  # an index expression or a trigger that fails on these values
        return invalid("Failed to save the record.")
    return QuillError(Kind.INTERNAL, "The write failed.")


def definition_failed(payload: object) -> QuillError:
    """The error behind DDL that SQLite refused.

    Names and types are checked before; what is left are index expressions, and rows that do not
    fit a new index.
    """
    code, message = payload if isinstance(payload, list | tuple) else (_ERROR, "")
    if int(code) & _PRIMARY_CODE in (_ERROR, _CONSTRAINT):
        wrong = FieldError("validation_invalid_index_expression", f"SQLite refused: {message}")
        return invalid("Failed to save the collection.", {"indexes": wrong})
    return failed(payload, None)


def _constraint(code: int, message: str, collection: Collection | None) -> QuillError:
    fields: dict[str, FieldError] = {}
    if collection is not None:
        fields = constraint_fields(Catalog(0, [collection]), collection, code, message)
    return invalid("Failed to save the record.", fields)
