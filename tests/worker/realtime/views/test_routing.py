"""Which field has to name the listener, and whom a change names."""

from __future__ import annotations

from typing import Any

import pytest

from shared.messages.changes import Act, Change
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from worker.realtime.views.routing import named_by, route_of

FIELDS: list[dict[str, Any]] = [
    {"id": "f_id", "name": "id", "type": "text"},
    {"id": "f_owner", "name": "owner", "type": "relation", "maxSelect": 1, "collectionId": "u"},
    {"id": "f_team", "name": "team", "type": "relation", "maxSelect": 5, "collectionId": "u"},
    {"id": "f_kind", "name": "kind", "type": "select", "maxSelect": 1, "values": ["a"]},
    {"id": "f_size", "name": "size", "type": "number"},
    {"id": "f_data", "name": "data", "type": "json"},
    {"id": "f_title", "name": "title", "type": "text"},
]
POSTS = Collection("c", "posts", "base", False, tuple(field_from_json({**one}) for one in FIELDS))


@pytest.mark.parametrize(
    ("conditions", "field"),
    [
        (["owner = @request.auth.id"], "f_owner"),
        (["@request.auth.id = owner"], "f_owner"),
        (["id = @request.auth.id"], "f_id"),
        (["kind = @request.auth.id"], "f_kind"),
        (["size > 1 && owner = @request.auth.id"], "f_owner"),
        (["size > 1 && (size < 5 && title = @request.auth.id)"], "f_title"),
        (["size > 1", "owner = @request.auth.id"], "f_owner"),
        (["title = @request.auth.id", "owner = @request.auth.id"], "f_title"),
        (["(owner = @request.auth.id || size = 1) && title = @request.auth.id"], "f_title"),
        (["owner ="], None),
        ([""], None),
        (["size = 1"], None),
        (["owner != @request.auth.id"], None),
        (["owner ~ @request.auth.id"], None),
        (["owner ?= @request.auth.id"], "f_owner"),  # the same for a single value
        (["owner = @request.auth.id || size = 1"], None),
        (["(owner = @request.auth.id && size = 1) || size = 2"], None),
        (["team = @request.auth.id"], None),
        (["size = @request.auth.id"], None),
        (["data = @request.auth.id"], None),
        (["owner:lower = @request.auth.id"], None),
        (["owner.name = @request.auth.id"], None),
        (["owner = @request.auth.name"], None),
        (["'x' = @request.auth.id"], None),
        (["@request.auth.id = @request.auth.id"], None),
        (["nosuch = @request.auth.id"], None),
    ],
)
def test_only_what_is_certain_routes(conditions: list[str], field: str | None) -> None:
    """One part of an AND is enough, of an OR none is; the first condition that has one counts."""
    assert route_of(POSTS, *conditions) == field


def _change(act: Act, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Change:
    return Change(1, "c", act, "x", old, new)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_change(Act.CREATE, None, {"f": "a"}), {"a"}),
        (_change(Act.CREATE, None, {"f": None}), {""}),
        (_change(Act.CREATE, None, {}), {""}),
        (_change(Act.DELETE, {"f": "a"}, None), {"a"}),
        (_change(Act.UPDATE, {"f": "a"}, {"f": "b"}), {"a", "b"}),
        (_change(Act.UPDATE, {}, {"f": "b"}), {"b"}),
        (_change(Act.UPDATE, {"f": None}, {"f": "b"}), {"", "b"}),
        (_change(Act.CREATE, None, None), None),
        (_change(Act.UPDATE, None, None), None),
        (_change(Act.UPDATE, None, {"f": "b"}), None),
        (_change(Act.DELETE, None, None), None),
        (_change(Act.CREATE, None, {"f": 7}), None),
        (_change(Act.CREATE, None, {"f": b"a"}), None),
        (_change(Act.UPDATE, {"f": 7}, {"f": "b"}), None),
    ],
)
def test_a_change_names_whom_it_may_concern(change: Change, named: set[str] | None) -> None:
    """Before and after; where a value is unknown or no text, nothing is certain."""
    assert named_by(change, "f") == named
