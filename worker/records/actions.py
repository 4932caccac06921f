"""The four writes, each as a part of a draft: its guards, its statements, its answer.

A rule is judged twice: here under a time bound, so that what is hopeless never reaches the writer,
and as a guard inside the writer's transaction, so that nothing changes in between. A create rule
that asks nothing of other rows is judged here alone: nothing can change. The steps of a part stand
in this order:

    the rule holds → what was read is still so → relations exist → results are in bounds → write

A create rule is judged on the record that is to be, an update rule on the old one, with what was
sent as `@request.body`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared import ids
from shared.access.request import AccessRequest
from shared.errors import invalid, not_found
from shared.schema.collection import Collection
from shared.schema.system import SUPERUSERS_ID
from shared.sql.auth_system import forget_begun_logins
from shared.sql.delete import delete_plan_steps
from shared.sql.modifiers import Assignment
from shared.sql.plan import Value
from shared.sql.predicate import Predicate
from shared.sql.write import (
    existence_guard,
    other_guard,
    row_guard,
    rule_guard,
    stored_guard,
    stored_sql,
)
from worker.records.auth_records import NeedsProof, check_create, check_update
from worker.records.caller import TOKEN_KEY
from worker.records.draft import Call, Draft
from worker.records.modifiers import settle
from worker.records.outcome import REFUSED_AGAIN, REFUSED_LAST, REFUSED_MISSING
from worker.records.rules import bind
from worker.records.validate import CREATE_FAILED, ID, Changes, RecordForm, resolved_body
from worker.records.version import check_if_match
from worker.records.write_form import WriteForm

_BODY: Final = "@request.body"
_EMAIL: Final = "email"


def add_create(draft: Draft, call: Call) -> None:
    """Insert a record. Raises NOT_FOUND (collection), FORBIDDEN (rule is null), INVALID."""
    collection, rule = draft.admit(call.name, "create")
    form = draft.form(collection)
    body = call.body
    request: AccessRequest | None = None
    if rule is not None or form.asks:
        body, request = _create_request(draft, call, collection, form)
    values, wrong = form.record.draft(body, draft.now)
    if form.record.secrets:
        draft.hash_passwords(form, values)
    if rule is not None and request is not None:
        params = bind(rule, request)
        if not draft.judge(form.candidate(rule), values, params):
            raise invalid(CREATE_FAILED)
    if wrong:  # told only to those whom the rule lets create
        raise invalid(CREATE_FAILED, wrong)
    if form.record.is_auth and request is not None:
        draft.steps += check_create(draft.snapshot, draft.catalog, collection, values, request)
    if form.relations:
        draft.steps += form.relation_guards(values, draft.standing)
    draft.steps += form.insert_steps(values, request)
    draft.part.record_id = str(values[ID])
    if draft.rows is not None:
        draft.rows.written(collection, draft.part.record_id, values)


def add_update(draft: Draft, call: Call) -> None:
    """Change a record. Raises NOT_FOUND (also where the rule fails), FORBIDDEN, INVALID."""
    collection, rule = draft.admit(call.name, "update")
    form = draft.form(collection)
    record_id = draft.part.record_id = call.record_id
    body, request, read = _update_request(draft, call, collection, form)
    judged = _judge_row(draft, collection, record_id, rule, request)
    _judge_version(draft, collection, call)
    changes = form.record.update(record_id, body, draft.now)
    if not judged and (changes.guards or changes.relations):
        draft.steps.append(rule_guard(collection, record_id, None, (), refusal=REFUSED_MISSING))
    if form.record.is_auth:
        changes = _auth_changes(draft, call, form, changes, request)
    elif form.record.secrets:
        draft.hash_passwords(form, changes.values)
    draft.steps += form.reference_guards(changes.relations, draft.standing)
    draft.steps += [row_guard(collection, record_id, one) for one in changes.guards]
    draft.steps += form.update_steps(record_id, changes, request)
    if draft.rows is not None:
        fields, shown = form.record.fields, request.body
        results = {name: fields[name].prepare(shown[name]) for name in read}
        draft.rows.written(collection, record_id, changes.values | results)


def add_delete(draft: Draft, call: Call) -> None:
    """Delete a record and settle what refers to it. Raises as `add_update`."""
    collection, rule = draft.admit(call.name, "delete")
    draft.part.shows = False
    record_id = draft.part.record_id = call.record_id
    _judge_row(draft, collection, record_id, rule, call.origin.request(draft.identity))
    _judge_version(draft, collection, call)
    if collection.id == SUPERUSERS_ID:  # somebody must be left who can log in
        draft.steps.append(other_guard(collection, record_id, refusal=REFUSED_LAST))
    draft.steps += delete_plan_steps(draft.catalog, collection, record_id, now=draft.now)
    if draft.rows is not None:
        draft.rows.deleted(collection, record_id)


# --- What is judged -----------------------------------------------------------------------------


def _judge_row(
    draft: Draft,
    collection: Collection,
    record_id: str,
    rule: Predicate | None,
    request: AccessRequest,
) -> bool:
    """The row is there and meets the rule, also at the writer: then true.

    Without a rule and without earlier writes, only here. Raises NOT_FOUND.
    """
    params = () if rule is None else bind(rule, request)
    guard = rule_guard(collection, record_id, rule, params, refusal=REFUSED_MISSING)
    if not draft.holds(guard):
        raise not_found()
    if rule is None and draft.rows is None:
        return False
    draft.steps.append(guard)
    return True


def _judge_version(draft: Draft, collection: Collection, call: Call) -> None:
    """The row still has the version that the caller has seen. Raises PRECONDITION."""
    if call.if_match is not None:
        guard = check_if_match(
            draft.snapshot, draft.catalog, collection, call.record_id, call.if_match
        )
        if guard is not None:
            draft.steps.append(guard)


def _sees_body(collection: Collection, form: WriteForm, rule: str | None) -> str:
    """The rules that may read `@request.body`, "" where none does."""
    text = rule or ""
    if form.record.is_auth:
        text += str(collection.options.get("manageRule") or "")
    return text if _BODY in text else ""


def _generated(form: RecordForm, body: Mapping[str, object]) -> Mapping[str, object]:
    """The body with generated texts filled in, so that rules see the very ones that are stored."""
    makers = {key: one for key, one in form.modifiers.items() if one.op is None and key in body}
    if not makers:
        return body
    settled = settle(body, makers, None)
    return body if settled.errors else settled.body


def _create_request(
    draft: Draft, call: Call, collection: Collection, form: WriteForm
) -> tuple[Mapping[str, object], AccessRequest]:
    """The body to be stored, and what rules are asked with."""
    if not _sees_body(collection, form, collection.create_rule):
        return call.body, call.origin.request(draft.identity)
    body = _generated(form.record, call.body)
    return body, call.origin.request(draft.identity, resolved_body(form.record, body, {}))


def _update_request(
    draft: Draft, call: Call, collection: Collection, form: WriteForm
) -> tuple[Mapping[str, object], AccessRequest, list[str]]:
    """The body to be stored, what rules are asked with, and which fields were read for it.

    Where a rule reads the result of a modifier, the row's present value is read for it, and a
    guard sees to it that the plan is made again if that has changed.
    """
    rules = _sees_body(collection, form, collection.update_rule)
    if draft.identity.superuser or not rules:
        return call.body, call.origin.request(draft.identity), []
    body = _generated(form.record, call.body)
    modifiers = form.record.modifiers
    modified = {modifiers[key].field.name for key in body if key in modifiers}
    read = sorted(name for name in modified if f"{_BODY}.{name}" in rules)
    stored: dict[str, Value] = _stored(draft, collection, call.record_id, read) if read else {}
    shown = resolved_body(form.record, body, stored)
    return body, call.origin.request(draft.identity, shown), read


def _stored(
    draft: Draft, collection: Collection, record_id: str, names: list[str]
) -> dict[str, Value]:
    """What the fields hold when this part begins. Raises NOT_FOUND."""
    known = {} if draft.rows is None else draft.rows.values(collection, record_id)
    row = draft.snapshot.row(stored_sql(collection, names), (record_id,))
    if row is None and not known:
        raise not_found()
    stored = dict(zip(names, row, strict=True)) if row is not None else {}
    stored |= {name: known[name] for name in names if name in known}
    draft.steps += [
        existence_guard(collection, record_id, exists=True, refusal=REFUSED_MISSING),
        stored_guard(collection, record_id, stored, refusal=REFUSED_AGAIN),
    ]
    return stored


# --- Auth records -------------------------------------------------------------------------------


def _auth_changes(
    draft: Draft, call: Call, form: WriteForm, changes: Changes, request: AccessRequest
) -> Changes:
    """The changes of an auth record, with hashed passwords, and guarded."""
    values = changes.values
    guards = check_update(
        draft.snapshot,
        draft.catalog,
        form.collection,
        call.record_id,
        call.body,
        values,
        request,
        draft.secrets.proofs,
    )
    if isinstance(guards, NeedsProof):
        draft.needs.append(guards)
        return changes
    draft.steps += guards
    draft.hash_passwords(form, values)
    if _EMAIL in values or TOKEN_KEY in values:
        draft.steps += forget_begun_logins(draft.catalog, form.collection, call.record_id)
    if _EMAIL in values and TOKEN_KEY not in values:
        return changes._replace(assignments=(*changes.assignments, _renewed(form, values[_EMAIL])))
    return changes


def _renewed(form: WriteForm, email: Value) -> Assignment:
    """A new address ends all sessions."""
    field = form.collection.field(TOKEN_KEY)
    assert field is not None
    sql = f'iif("{_EMAIL}" IS ?, "{TOKEN_KEY}", ?)'
    return Assignment(field, sql, (email, ids.token_key()))


# --- Upsert -------------------------------------------------------------------------------------


def add_upsert(draft: Draft, update: Call, create: Call, *, exists: bool | None) -> None:
    """`update` where the record is there, else `create`; both with the same body.

    `exists`: what an earlier attempt has learned of it, None: nothing. What it was taken for is a
    guard, upon which the plan is made again.
    """
    body = create.body
    raw = body.get(ID)
    record_id = raw if isinstance(raw, str) else str(raw or "")
    if not record_id:
        add_create(draft, create)
        return
    collection = draft.target(create.name)
    if exists is None and draft.rows is not None:
        exists = draft.rows.exists(collection, record_id)
    guard = existence_guard(collection, record_id, exists=True, refusal=REFUSED_AGAIN)
    if exists is None:
        exists = draft.snapshot.value(guard.sql, guard.params) is not None
    draft.part.chose = exists
    if not exists:
        guard = existence_guard(collection, record_id, exists=False, refusal=REFUSED_AGAIN)
    draft.steps.append(guard)
    if exists:
        add_update(draft, update._replace(record_id=record_id))
    else:
        add_create(draft, create)
