"""From a body to stored values, without a database."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import QuillError
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.system import superusers
from worker.records.validate import RecordForm

NOW = "2026-01-02 03:04:05.678Z"
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "text", "min": 15, "max": 15, "pattern": "^[a-z0-9]+$",
     "autogeneratePattern": "[a-z0-9]{15}", "primaryKey": True, "required": True, "system": True},
    {"name": "title", "type": "text", "required": True},
    {"name": "n", "type": "number"},
    {"name": "hidden", "type": "text", "hidden": True},
    {"name": "made", "type": "autodate", "onCreate": True},
    {"name": "seen", "type": "autodate", "onUpdate": True},
]  # fmt: skip
THINGS = Collection(
    id="pbc_1",
    name="things",
    type="base",
    system=False,
    fields=tuple(field_from_json({"id": raw["name"], **raw}) for raw in FIELDS),
)
PASSWORDS = {"password": "long enough", "passwordConfirm": "long enough"}


def _codes(error: QuillError) -> dict[str, str]:
    return {name: one.code for name, one in error.fields.items()}


def test_a_new_record_has_every_column() -> None:
    """In the order of the columns, with zeros, a new id and the moment."""
    values = RecordForm(THINGS, superuser=False).create({"title": "t", "hidden": "h"}, NOW)

    assert list(values) == [raw["name"] for raw in FIELDS]
    assert len(str(values.pop("id"))) == 15
    assert values == {"title": "t", "n": 0, "hidden": "", "made": NOW, "seen": ""}


def test_a_superuser_writes_hidden_fields() -> None:
    """And nobody writes autodates."""
    body = {"title": "t", "hidden": "h", "made": "2000-01-01"}
    values = RecordForm(THINGS, superuser=True).create(body, NOW)
    assert (values["hidden"], values["made"]) == ("h", NOW)


def test_an_update_sets_what_was_sent() -> None:
    """And the dates of updates; nothing at all when nothing counts."""
    form = RecordForm(THINGS, superuser=False)
    assert form.update("x", {"n": "5", "nope": 1}, NOW).values == {"n": 5, "seen": NOW}
    assert form.update("x", {"nope": 1, "hidden": "h", "made": "x", "id": "x"}, NOW).empty
    with pytest.raises(QuillError) as refused:
        form.update("x", {"title": "", "id": "y"}, NOW)
    assert _codes(refused.value) == {"title": "validation_required", "id": "validation_pk_change"}


def test_a_new_login_needs_its_password_twice() -> None:
    """The plain password is judged; the token key is ours."""
    form = RecordForm(superusers(NOW), superuser=True)
    values = form.create({"email": "a@example.com", "tokenKey": "mine" * 10, **PASSWORDS}, NOW)
    assert values["password"] == "long enough"
    assert form.secrets == ("password",)
    assert len(str(values["tokenKey"])) == 50
    assert list(values) == list(form.columns)
    for body, code in (({"passwordConfirm": "x"}, "mismatch"), ({"passwordConfirm": ""}, "req")):
        with pytest.raises(QuillError) as refused:
            form.create({"email": "a@example.com", **PASSWORDS, **body}, NOW)
        assert code in _codes(refused.value)["passwordConfirm"]
    with pytest.raises(QuillError) as refused:
        form.create({"email": "no address", "password": "short", "passwordConfirm": "short"}, NOW)
    assert set(_codes(refused.value)) == {"email", "password"}


def test_a_new_password_ends_sessions() -> None:
    """An empty one is no change."""
    form = RecordForm(superusers(NOW), superuser=True)
    changes = form.update("x", PASSWORDS, NOW)
    assert set(changes.values) == {"password", "tokenKey", "updated"}
    assert form.update("x", {"password": "", "passwordConfirm": ""}, NOW).empty
    with pytest.raises(QuillError):
        form.update("x", {"password": "long enough"}, NOW)


def test_a_draft_has_values_beside_what_is_wrong() -> None:
    """A value that cannot be read counts as zero, so that a rule can be asked first."""
    values, wrong = RecordForm(THINGS, superuser=False).draft({"title": {"a": 1}, "n": 2}, NOW)
    assert (values["title"], values["n"]) == ("", 2)
    assert list(values) == [raw["name"] for raw in FIELDS]
    assert set(wrong) == {"title"}


@pytest.mark.parametrize("name", ["oldPassword", "passwordConfirm"])
def test_half_a_change_of_password_is_refused(name: str) -> None:
    """Without a new one nothing would change, and nobody would notice."""
    with pytest.raises(QuillError) as refused:
        RecordForm(superusers(NOW), superuser=True).update("x", {name: "long enough"}, NOW)
    assert _codes(refused.value)["password"] == "validation_required"
