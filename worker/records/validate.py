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
from shared.schema.fields.file import INVALID_FILE, FileField
from shared.schema.fields.listed import ListedField
from shared.schema.fields.password import PasswordField
from shared.schema.fields.relation import RelationField
from shared.sql.modifiers import (
    Assignment,
    Guard,
    Modification,
    assignment,
    kept_names_guard,
    result_guards,
)
from shared.sql.plan import Value
from worker.http.upload import has_upload, without_uploads
from worker.records.caller import TOKEN_KEY
from worker.records.modifiers import AUTOGENERATE, added, modifiers_of, settle

PASSWORD: Final = "password"  # noqa: S105
CONFIRM: Final = "passwordConfirm"
OLD_PASSWORD: Final = "oldPassword"  # noqa: S105
ID: Final = "id"
_RENEW_TOKENS: Final = f"{TOKEN_KEY}{AUTOGENERATE}"
_NOTHING: Final = (None, "")
CREATE_FAILED: Final = "Failed to create record."
_UPDATE_FAILED: Final = "Failed to update record."
_MISMATCH: Final = FieldError("validation_values_mismatch", "Values don't match.")
_PK_CHANGE: Final = FieldError("validation_pk_change", "The record primary key cannot be changed.")
_UPLOADS_LATER: Final = FieldError(INVALID_FILE, "Uploads are not supported yet.")

Check = Callable[[Any], FieldError | None]
Prepare = Callable[[object], Value]


class Changes(NamedTuple):
    """What an update does.

    `values`: plain ones by field.  `assignments`: new values as SQL over the old ones.  `guards`:
    what must hold of the row before.  `relations`: ids that must exist, by field.
    """

    values: dict[str, Value]
    assignments: tuple[Assignment, ...]
    guards: tuple[Guard, ...]
    relations: dict[str, list[str]]

    @property
    def empty(self) -> bool:
        """Nothing is set."""
        return not self.values and not self.assignments


class _Entry(NamedTuple):
    """What is known of a field before any request: `zero_error` is its objection to no value.

    `prepare`: None where nothing that a client sends counts.
    """

    name: str
    field: Field
    prepare: Prepare | None
    zero: Value
    zero_error: FieldError | None
    check: Check
    fills: bool


class RecordForm:
    """How the records of one collection are filled in by one kind of caller.

    Made once for each version of the catalog.
    """

    def __init__(self, collection: Collection, *, superuser: bool) -> None:
        self.collection = collection
        self.superuser = superuser
        self.is_auth = collection.type == "auth"
        self.columns = tuple(field.name for field in collection.fields)
        self.fields: dict[str, Field] = {
            field.name: field
            for field in collection.fields
            if self._writable(field, superuser=superuser)
        }
        self.modifiers = modifiers_of(self.fields.values())
        """What each key of a body means that is not a field's name."""
        self._modifier_keys = self.modifiers.keys()
        self._entries = tuple(
            _entry(field, writable=field.name in self.fields) for field in collection.fields
        )
        if self.is_auth:  # its token key is made here, whatever a client sent
            self._entries = tuple(
                one._replace(zero_error=None) if one.name == TOKEN_KEY else one
                for one in self._entries
            )
        self._stamped = tuple(field for field in collection.fields if field.fills_on_update)
        fields = self.fields.values()
        self._files = tuple(field for field in fields if isinstance(field, FileField))
        self._relations = tuple(field for field in fields if isinstance(field, RelationField))
        self.secrets = tuple(field.name for field in collection.fields if field.type == PASSWORD)
        """Fields whose plain values must be hashed before they are stored."""

    def _writable(self, field: Field, *, superuser: bool) -> bool:
        if not field.client_writable or (self.is_auth and field.name == TOKEN_KEY):
            return False
        return superuser or not field.hidden or (self.is_auth and field.name == PASSWORD)

    # --- Create ---------------------------------------------------------------------------------

    def create(self, body: Mapping[str, object], now: str) -> dict[str, Value]:
        """All values of a new record, in the order of its columns. Raises INVALID.

        Passwords are still in plain text: see `secrets`.
        """
        values, errors = self.draft(body, now)
        if errors:
            raise invalid(CREATE_FAILED, errors)
        return values

    def draft(
        self, body: Mapping[str, object], now: str
    ) -> tuple[dict[str, Value], dict[str, FieldError]]:
        """As `create`, with what is wrong beside it; a value that cannot be read is zero."""
        errors: dict[str, FieldError] = {}
        values: dict[str, Value] = {}
        if self._files:
            self._refuse_uploads(body, errors)
        if not self._modifier_keys.isdisjoint(body):
            body, _, wrong = settle(body, self.modifiers, {})
            errors = wrong | errors
        for name, field, prepare, zero, zero_error, check, fills in self._entries:
            sent = prepare is not None and name in body
            value = zero
            if sent:
                try:
                    value = prepare(body[name])  # type: ignore[misc]  # sent says that there is one
                except FieldProblem as refused:
                    errors.setdefault(name, refused.error)
                    values[name] = zero
                    continue
            if fills and value in _NOTHING:
                values[name] = field.on_create(now)
                continue
            values[name] = value
            problem = check(value) if sent else zero_error
            if problem is not None:
                errors.setdefault(name, problem)
        if self.is_auth:
            values[TOKEN_KEY] = ids.token_key()
            _check_confirmed(body, errors, required=True)
        return values, errors

    def _refuse_uploads(self, body: Mapping[str, object], errors: dict[str, FieldError]) -> None:
        for field in self._files:
            name = field.name
            if any(has_upload(body.get(key)) for key in (name, f"{name}+", f"+{name}")):
                errors[name] = _UPLOADS_LATER

    # --- Update ---------------------------------------------------------------------------------

    def update(self, record_id: str, body: Mapping[str, object], now: str) -> Changes:
        """What an update does; nothing where nothing that counts was sent. Raises INVALID.

        Passwords are still in plain text: see `secrets`.
        """
        errors: dict[str, FieldError] = {}
        modifications: dict[str, list[Modification]] = {}
        if self._files:
            self._refuse_uploads(body, errors)
        if not self._modifier_keys.isdisjoint(body):
            body, modifications, wrong = settle(body, self.modifiers, None)
            errors = wrong | errors
            _check_added(self.fields, modifications, errors)
        values = self._plain(record_id, body, errors)
        if self.is_auth:
            _check_confirmed(body, errors, required=False)
            if values.get(PASSWORD) or (self.superuser and _RENEW_TOKENS in body):
                values[TOKEN_KEY] = ids.token_key()
        if errors:
            raise invalid(_UPDATE_FAILED, errors)
        return self._changes(values, modifications, now)

    def _plain(
        self, record_id: str, body: Mapping[str, object], errors: dict[str, FieldError]
    ) -> dict[str, Value]:
        """The values that a body sets."""
        values: dict[str, Value] = {}
        fields = self.fields
        for name, raw in body.items():
            field = fields.get(name)
            if field is None or (not raw and name == PASSWORD and self.is_auth):
                continue
            try:
                value = field.prepare(raw)
            except FieldProblem as refused:
                errors.setdefault(name, refused.error)
                continue
            if name == ID:
                if value != record_id:
                    errors[ID] = _PK_CHANGE
                continue
            values[name] = value
            problem = _check_of(field)(value)
            if problem is not None:
                errors.setdefault(name, problem)
        return values

    def _changes(
        self, values: dict[str, Value], modifications: dict[str, list[Modification]], now: str
    ) -> Changes:
        if values or modifications:
            for field in self._stamped:
                values[field.name] = field.on_update(now)
        relations: dict[str, list[str]] = {}
        for relation in self._relations:
            if wanted := _named(relation, values, modifications):
                relations[relation.name] = wanted
        if not modifications and not self._files:
            return Changes(values, (), (), relations)
        assignments: list[Assignment] = []
        guards: list[Guard] = []
        for name, steps in modifications.items():
            changed = self.fields[name]
            assignments.append(assignment(self.collection, changed, steps))
            guards += result_guards(changed, steps)
        for file in self._files:
            if names := _named(file, values, modifications):
                guards.append(kept_names_guard(file, names))
        return Changes(values, tuple(assignments), tuple(guards), relations)


def resolved_body(
    form: RecordForm, body: Mapping[str, object], stored: Mapping[str, Value]
) -> dict[str, object]:
    """What rules see as `@request.body`: modifiers worked out against the row `stored`.

    Values of fields are as they would be stored, in JSON's types; what the writer of the body may
    not set because it is hidden is left out, and names that are no fields stay as they are. What
    cannot be stored stays too: the write itself will be refused for it.
    """
    settled = body
    if not form.modifiers.keys().isdisjoint(body):
        settled = settle(body, form.modifiers, stored).body
    shown: dict[str, object] = {}
    for name, raw in settled.items():
        field = form.fields.get(name)
        if field is None:
            if name not in form.columns:
                shown[name] = without_uploads(raw)
            continue
        try:
            shown[name] = field.plain(field.prepare(raw))
        except FieldProblem:
            shown[name] = without_uploads(raw)
    return shown


def _named(
    field: ListedField,
    values: Mapping[str, Value],
    modifications: Mapping[str, list[Modification]],
) -> list[str]:
    """The texts that a body sets in a field or adds to it."""
    name = field.name
    if name in values:
        return field.items(values[name])
    return added(modifications[name]) if name in modifications else []


def _entry(field: Field, *, writable: bool) -> _Entry:
    zero, check = field.zero(), _check_of(field)
    # A new record has no files yet, so no name can be one of theirs.
    prepare = field.prepare if writable and not isinstance(field, FileField) else None
    return _Entry(field.name, field, prepare, zero, check(zero), check, field.fills_on_create)


def _check_of(field: Field) -> Check:
    """Passwords are judged while they are plain; `check` accepts only their hashes."""
    return field.check_plain if isinstance(field, PasswordField) else field.check


def _check_added(
    fields: Mapping[str, Field],
    modifications: Mapping[str, list[Modification]],
    errors: dict[str, FieldError],
) -> None:
    """What is added must be a value that the field takes, whatever is stored."""
    for name, steps in modifications.items():
        field = fields[name]
        if isinstance(field, ListedField) and (problem := field.check_items(added(steps))):
            errors.setdefault(name, problem)


def _check_confirmed(
    body: Mapping[str, object], errors: dict[str, FieldError], *, required: bool
) -> None:
    """A password must be sent twice, so that a slip of the finger locks nobody out.

    Whoever sends what belongs to a new password, but none, is told so: he thinks it was changed.
    """
    password, confirm = body.get(PASSWORD), body.get(CONFIRM)
    if not password and not required:
        if not confirm and not body.get(OLD_PASSWORD):
            return
        errors[PASSWORD] = REQUIRED
    if not confirm:
        errors[CONFIRM] = REQUIRED
    elif confirm != password:
        errors[CONFIRM] = _MISMATCH
