"""The form of a list: what a client may vary, and the plan that is made of it once.

A plan is kept under all that it depends on besides the catalog, so nothing that makes no difference
may stand in its key: blanks, unknown names, the page.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

from shared.access.request import AccessRequest
from shared.errors import QuillError, forbidden, invalid
from shared.language.errors import ForbiddenNameError, LanguageError
from shared.language.expression import Expression
from shared.language.parser import parse
from shared.limits import (
    FILTER_CHARS_MAX,
    PLAN_KEY_CHARS_MAX,
    SORT_FIELD_CHARS_MAX,
    SORT_FIELDS_MAX,
)
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import Use, compile_condition
from shared.sql.order import order_of
from shared.sql.predicate import Predicate, all_of, only_where
from shared.sql.select import ListPlan, Paging, list_plan
from shared.sql.shape import shape_of
from worker.engine.snapshot import Snapshot
from worker.records.caller import caller_collection
from worker.records.cursor import check_order
from worker.records.long_texts import searches_long_texts
from worker.records.plans import PlanCache
from worker.records.rules import admit
from worker.records.strategy import settled

_SORT_CHARS_MAX: Final = SORT_FIELDS_MAX * (SORT_FIELD_CHARS_MAX + 1)
_OWN_KEYS: Final = ("collectionId", "collectionName")


class ListQuery(NamedTuple):
    """What a list was asked for, its page apart.

    `only`: the record keys to show, None for all; with `expand` it must be None. `cursor`: where to
    begin, `""` for the start; None for a page by its number. `where`: a filter that is a tree
    already, and holds in the place of the text.
    """

    sort: str = ""
    filter: str = ""
    only: frozenset[str] | None = None
    skip_total: bool = False
    expand: str = ""
    cursor: str | None = None
    where: Expression | None = None


class ListForm(NamedTuple):
    """A compiled list.

    `why`: why its page is found as it is, `""` where that is chosen at each request. `count_form`,
    `cursor_form`: what its count depends on besides the catalog, and what a cursor is bound to.
    `slow`: it is nothing for the event loop.
    """

    collection: Collection
    plan: ListPlan
    why: str
    count_form: tuple[Hashable, ...]
    cursor_form: tuple[Hashable, ...]
    slow: bool


def form_of(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    asked: ListQuery,
    request: AccessRequest,
) -> ListForm:
    """The compiled form, from the cache or made now. Raises FORBIDDEN, INVALID."""
    identity = request.identity
    sort = asked.sort.strip()
    if len(asked.filter) > FILTER_CHARS_MAX or len(asked.sort) > _SORT_CHARS_MAX:
        raise wrong_query()
    text = "" if asked.filter.isspace() else asked.filter
    wanted = text if asked.where is None else asked.where
    only = None if asked.only is None else own_names(collection, asked.only)
    paging = Paging.OFFSET
    if asked.cursor is not None:
        paging = Paging.AFTER if asked.cursor else Paging.START
    key = (
        "list", collection.id, sort, wanted, only, paging.value,
        identity.superuser, identity.collection_id,
    )  # fmt: skip
    form: ListForm | None = plans.get(catalog.version, key)
    if form is None:
        form = _compile(snapshot, catalog, plans, collection, sort, wanted, only, paging, request)
        text = wanted if isinstance(wanted, str) else repr(wanted)
        if len(text) <= PLAN_KEY_CHARS_MAX:
            texts = (text, sort, form.plan.walk[-1].sql, form.plan.count.sql)
            plans.put(catalog.version, key, form, 2 * sum(map(len, texts)))
    return form


def own_names(collection: Collection, only: frozenset[str]) -> frozenset[str]:
    """Those of the names that the collection's records have, as texts of the catalog."""
    fields = (collection.field(name) for name in only)
    return frozenset(
        [field.name for field in fields if field is not None]
        + [name for name in _OWN_KEYS if name in only]
    )


def wrong_query(detail: str = "") -> QuillError:
    """400 for a filter or a sort."""
    message = "Something went wrong while processing your request"
    return invalid(f"{message}: invalid filter or sort: {detail}" if detail else f"{message}.")


def _compile(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    sort: str,
    wanted: str | Expression,
    only: frozenset[str] | None,
    paging: Paging,
    request: AccessRequest,
) -> ListForm:
    identity = request.identity
    caller = caller_collection(catalog, identity)
    rules = [
        admit(catalog, plans, collection, collection.list_rule, identity, use)
        for use in (Use.PAGE, Use.COUNT)
    ]
    try:
        filters = _filters(wanted, collection, catalog, caller, superuser=identity.superuser)
        order = order_of(sort, collection, catalog, caller=caller, superuser=identity.superuser)
    except ForbiddenNameError as error:
        raise forbidden(f"Only superusers may use this in filter or sort: {error}") from None
    except LanguageError as error:
        raise wrong_query(str(error)) from None
    if paging is not Paging.OFFSET:
        check_order(order)
    shape = shape_of(collection, catalog, hidden=identity.superuser, caller=caller, only=only)
    page, count = (
        all_of(rule, only_where(rule, one)) for rule, one in zip(rules, filters, strict=True)
    )
    plan, why = settled(snapshot, list_plan(collection, page, count, order, shape, paging), request)
    return ListForm(
        collection,
        plan,
        why,
        (collection.id, wanted, identity.superuser, identity.collection_id),
        (collection.id, order.sql, wanted),
        searches_long_texts(catalog, page),
    )


def _filters(
    wanted: str | Expression,
    collection: Collection,
    catalog: Catalog,
    caller: Collection | None,
    *,
    superuser: bool,
) -> list[Predicate | None]:
    """The filter in its forms for page and count."""
    if not wanted:
        return [None, None]
    expression = parse(wanted) if isinstance(wanted, str) else wanted
    return [
        compile_condition(
            expression,
            collection,
            catalog,
            caller=caller,
            use=use,
            client=True,
            superuser=superuser,
        )
        for use in (Use.PAGE, Use.COUNT)
    ]
