"""Views: rule, filter and shape as one statement over a bound row, or over the stored one."""

from __future__ import annotations

import json

import pytest

from shared.access.identity import GUEST, Identity
from shared.access.request import GUEST_REQUEST
from shared.language.errors import LanguageError
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.row import row_values_by_id
from tests.worker.realtime.place import ID, Place, collection
from worker.realtime.views.view import View, ViewKey, compile_view

CATALOG = Catalog(1, [])
ROOT = Identity("c_su", "su", {}, superuser=True)


def _key(*, single: bool = False, text: str = "", superuser: bool = False) -> ViewKey:
    return ViewKey("c_posts", single, text, "", "", superuser)


def _shown(
    place: Place, view: View, made: Collection, **values: object
) -> dict[str, object] | None:
    row = {"f_id": ID, "f_title": "", "f_size": 0, "f_note": "secret", **values}
    bound = () if view.where is None else view.where.bind(GUEST_REQUEST)
    params = row_values_by_id(made, row) + bound  # type: ignore[arg-type]
    text = place.reader.snapshot.value(view.row_sql, params)
    return None if text is None else json.loads(str(text))


def test_rule_and_filter_both_have_to_hold(place: Place) -> None:
    """A filter narrows what the rule allows, also where either has an `||` in it."""
    made = collection("posts", list_rule="size = 1 || size = 2")
    view = compile_view(_key(text="title = 'a' || title = 'b'"), made, CATALOG, GUEST)
    assert view is not None
    assert _shown(place, view, made, f_size=1, f_title="b") is not None
    assert _shown(place, view, made, f_size=3, f_title="b") is None
    assert _shown(place, view, made, f_size=1, f_title="c") is None


def test_hidden_fields_are_for_superusers(place: Place) -> None:
    """The shape is that of a read by the same caller."""
    made = collection("posts")
    for key, asker, names in (
        (_key(), GUEST, {"id", "title", "size", "collectionId", "collectionName"}),
        (
            _key(superuser=True),
            ROOT,
            {"id", "title", "size", "note", "collectionId", "collectionName"},
        ),
    ):
        view = compile_view(key, made, CATALOG, asker)
        assert view is not None
        shown = _shown(place, view, made)
        assert shown is not None
        assert set(shown) == names


def test_the_target_chooses_the_rule() -> None:
    """A single record is under the view rule, all of them under the list rule."""
    made = collection("posts", list_rule=None, view_rule="")
    assert compile_view(_key(), made, CATALOG, GUEST) is None
    assert compile_view(_key(single=True), made, CATALOG, GUEST) is not None
    assert compile_view(_key(superuser=True), made, CATALOG, ROOT) is not None


def test_a_view_knows_whether_it_is_personal() -> None:
    """Only a rule that names the caller needs an identity for each event."""
    plain = compile_view(_key(), collection("posts", list_rule="size = 1"), CATALOG, GUEST)
    personal = compile_view(
        _key(), collection("posts", list_rule="title = @request.auth.id"), CATALOG, GUEST
    )
    assert plain is not None
    assert personal is not None
    assert (plain.personal, personal.personal) == (False, True)


@pytest.mark.parametrize("text", ["note = ''", "nosuch = 1", "@request.auth.id = ''", "title ="])
def test_a_listeners_filter_may_not_say_everything(text: str) -> None:
    """Hidden and unknown fields, and what only rules may name, are refused."""
    with pytest.raises(LanguageError):
        compile_view(_key(text=text), collection("posts"), CATALOG, GUEST)
