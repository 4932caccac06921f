"""The JSON object of a record, as SQL over the row `r`: which keys a caller sees, and how.

Every answer and every event is shaped by this one place, so none can show more than another.
"""

from __future__ import annotations

from typing import Final

from shared.language.errors import LanguageError
from shared.quote import quote_identifier, quote_text
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.schema.fields.field import Field
from shared.sql.conditions import Use, compile_rule
from shared.sql.predicate import Fragment, Predicate, Shape, predicate
from shared.sql.request_values import AuthField

_EMAIL: Final = "email"
MANAGE_RULE: Final = "manageRule"
"""The option of an auth collection that says who may manage its records."""


def shape_of(
    collection: Collection,
    catalog: Catalog,
    *,
    hidden: bool,
    caller: Collection | None = None,
    only: frozenset[str] | None = None,
) -> Shape:
    """The JSON object of the row `r`, keys in alphabetical order.

    `hidden`: with hidden fields (a superuser's view); secrets are never in it. `caller`: the auth
    collection of whoever looks. `only`: no other keys than these. The email of an auth record is a
    key only for those who may see it.
    """
    members = _members(collection, hidden=hidden)
    names = sorted(name for name in members if only is None or name in only)
    whole = _object(names, members)
    if collection.type != AUTH or hidden or _EMAIL not in names:
        return Shape(whole)
    seen = email_seen(collection, catalog, caller)
    without = _object([name for name in names if name != _EMAIL], members)
    sql = f"iif({seen.sql}, {whole}, {without})"
    return Shape(
        sql,
        seen.params,
        seen.depends_on_identity,
        seen.depends_on_time,
        seen.depends_on_request,
    )


def email_seen(collection: Collection, catalog: Catalog, caller: Collection | None) -> Predicate:
    """Whether the caller may see the email of the auth record `r`.

    It is visible to everybody, or the record is the caller's own, or he may manage it.
    """
    ways: list[Fragment] = [Predicate('r."emailVisibility" = 1')]
    if caller is not None and caller.id == collection.id:
        ways.append(predicate('r."id" = ?', (AuthField("id"),)))
    managed = managed_by(collection, catalog, caller)
    if managed is not None:
        ways.append(managed)
    return predicate(
        " OR ".join(f"({way.sql})" for way in ways),
        tuple(parameter for way in ways for parameter in way.params),
    )


def managed_by(
    collection: Collection, catalog: Catalog, caller: Collection | None
) -> Predicate | None:
    """Where the caller may manage the auth record `r`; None: nowhere. A broken rule is no rule."""
    rule = collection.options.get(MANAGE_RULE)
    if not isinstance(rule, str) or not rule:
        return None
    try:
        return compile_rule(rule, collection, catalog, caller=caller, use=Use.VALUES)
    except LanguageError:
        return None


def _members(collection: Collection, *, hidden: bool) -> dict[str, str]:
    """Key → SQL of its JSON value."""
    members = {
        field.name: field.json_sql(_column(collection, field))
        for field in collection.fields
        if not field.secret and (hidden or not field.hidden)
    }
    members["collectionId"] = quote_text(collection.id)
    members["collectionName"] = quote_text(collection.name)
    return members


def _column(collection: Collection, field: Field) -> str:
    """The column; of a view, what it lacks is the zero value, since clients count on the type."""
    column, zero = f"r.{quote_identifier(field.name)}", field.zero()
    if not collection.is_view or zero is None:
        return column
    return f"coalesce({column}, {quote_text(zero) if isinstance(zero, str) else repr(zero)})"


def _object(names: list[str], members: dict[str, str]) -> str:
    pairs = ", ".join(f"{quote_text(name)}, {members[name]}" for name in names)
    return f"json_object({pairs})"
