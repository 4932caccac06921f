"""From a request's body to the values that are stored, and every field's objection to them.

Which keys count is decided here: unknown ones, ones a client may not write, and hidden ones (unless
a superuser writes) are dropped in silence, as the reference does. Nothing is read from the
database; relations and uniqueness are judged by the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from shared import ids
from shared.errors import FieldError, invalid
from shared.schema.collection import Collection
from shared.schema.fields.field import REQUIRED, Field, FieldProblem
from shared.schema.fields.password import PasswordField
from shared.sql.plan import Value
from worker.records.caller import TOKEN_KEY

PASSWORD: Final = "password"  # noqa: S105
CONFIRM: Final = "passwordConfirm"
ID: Final = "id"
_NOTHING: Final = (None, "")
_CREATE_FAILED: Final = "Failed to create record."
_UPDATE_FAILED: Final = "Failed to update record."
_MISMATCH: Final = FieldError("validation_values_mismatch", "Values don't match.")
_PK_CHANGE: Final = FieldError("validation_pk_change", "The record primary key cannot be changed.")


Check = Callable[[Any], FieldError | None]


class _Entry(NamedTuple):
    """What is known of a field before any request: `zero_error` is its objection to no value."""

    name: str
    field: Field
    zero: Value
    zero_error: FieldError | None
    check: Check


class RecordForm:
    """How the records of one collection are filled in by one kind of caller.

    Made once for each version of the catalog.
    """

    def __init__(self, collection: Collection, *, superuser: bool) -> None:
        self.is_auth = collection.type == "auth"
        self.columns = tuple(field.name for field in collection.fields)
        self.fields: dict[str, Field] = {
            field.name: field
            for field in collection.fields
            if self._writable(field, superuser=superuser)
        }
        self._entries = tuple(map(_entry, collection.fields))
        if self.is_auth:  # its token key is made here, whatever a client sent
            self._entries = tuple(
                one._replace(zero_error=None) if one.name == TOKEN_KEY else one
                for one in self._entries
            )
        self._stamped = tuple(field for field in collection.fields if field.fills_on_update)
        self.secrets = tuple(field.name for field in collection.fields if field.type == PASSWORD)

    def _writable(self, field: Field, *, superuser: bool) -> bool:
        if not field.client_writable or (self.is_auth and field.name == TOKEN_KEY):
            return False
        return superuser or not field.hidden or (self.is_auth and field.name == PASSWORD)

    def create(self, body: Mapping[str, object], now: str) -> dict[str, Value]:
        """All values of a new record, in the order of its columns. Raises INVALID.

        Passwords are still in plain text: see `secrets`.
        """
        errors: dict[str, FieldError] = {}
        values: dict[str, Value] = {}
        fields = self.fields
        for name, field, zero, zero_error, check in self._entries:
            sent = name in body and name in fields
            value = _prepare(field, body[name], errors) if sent else zero
            if name in errors:
                continue
            if field.fills_on_create and value in _NOTHING:
                values[name] = field.on_create(now)
                continue
            values[name] = value
            problem = check(value) if sent else zero_error
            if problem is not None:
                errors[name] = problem
        if self.is_auth:
            values[TOKEN_KEY] = ids.token_key()
            _check_confirmed(body, errors, required=True)
        if errors:
            raise invalid(_CREATE_FAILED, errors)
        return values

    def update(self, record_id: str, body: Mapping[str, object], now: str) -> dict[str, Value]:
        """The values that an update sets; empty when it sets none. Raises INVALID."""
        errors: dict[str, FieldError] = {}
        changes: dict[str, Value] = {}
        for name, raw in body.items():
            field = self.fields.get(name)
            if field is None or (name in self.secrets and not raw):
                continue
            value = _prepare(field, raw, errors)
            if name in errors:
                continue
            if name == ID:
                if value != record_id:
                    errors[ID] = _PK_CHANGE
                continue
            changes[name] = value
            problem = _check_of(field)(value)
            if problem is not None:
                errors[name] = problem
        if self.is_auth:
            _check_confirmed(body, errors, required=False)
            if PASSWORD in changes:
                changes[TOKEN_KEY] = ids.token_key()
        if errors:
            raise invalid(_UPDATE_FAILED, errors)
        return changes | self._stamps(now) if changes else changes

    def _stamps(self, now: str) -> dict[str, Value]:
        return {field.name: field.on_update(now) for field in self._stamped}


def _entry(field: Field) -> _Entry:
    zero, check = field.zero(), _check_of(field)
    return _Entry(field.name, field, zero, check(zero), check)


def _prepare(field: Field, raw: object, errors: dict[str, FieldError]) -> Value:
    try:
        return field.prepare(raw)
    except FieldProblem as problem:
        errors[field.name] = problem.error
        return None


def _check_of(field: Field) -> Check:
    """Passwords are judged while they are plain; `check` accepts only their hashes."""
    return field.check_plain if isinstance(field, PasswordField) else field.check


def _check_confirmed(
    body: Mapping[str, object], errors: dict[str, FieldError], *, required: bool
) -> None:
    """A password must be sent twice, so that a slip of the finger locks nobody out."""
    password, confirm = body.get(PASSWORD), body.get(CONFIRM)
    if not password and not required:
        return
    if not confirm:
        errors[CONFIRM] = REQUIRED
    elif confirm != password:
        errors[CONFIRM] = _MISMATCH
