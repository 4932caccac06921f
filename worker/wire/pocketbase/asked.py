"""What the query of a read asks for, as the core understands it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.errors import invalid
from worker.records.fields import plain_names
from worker.records.list_form import ListQuery
from worker.wire.pocketbase.decode import switch

_EXPAND: Final = "expand"


def list_query(query: Mapping[str, str], page: int) -> ListQuery:
    """A list's form. Raises INVALID.

    With a cursor nothing is counted unless `skipTotal` says so: whoever pages by cursors rarely
    needs to know how far it goes.
    """
    fields, expand, cursor = query.get("fields", ""), wanted_expand(query), query.get("cursor")
    if cursor is not None and page > 1:
        raise invalid("A list is asked for by page or by cursor, not by both.")
    return ListQuery(
        sort=query.get("sort", ""),
        filter=query.get("filter", ""),
        only=plain_names(fields) if fields and not expand else None,
        skip_total=switch(query, "skipTotal") if "skipTotal" in query else cursor is not None,
        expand=expand,
        cursor=cursor,
    )


def wanted_expand(query: Mapping[str, str]) -> str:
    """What is to be expanded; nothing where `fields` would cut it off again."""
    expand = query.get(_EXPAND, "")
    fields = query.get("fields", "") if expand else ""
    if fields:
        only = plain_names(fields)
        if only is not None and _EXPAND not in only:
            return ""
    return expand
