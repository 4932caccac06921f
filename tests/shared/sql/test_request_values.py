"""Values that only a request knows, in the forms that SQL takes them in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import apsw
import pytest

from shared.access.identity import GUEST, Identity
from shared.access.request import AccessRequest
from shared.schema.fields import field_from_json
from shared.sql.plan import Value
from shared.sql.request_values import (
    AuthField,
    BodyField,
    Form,
    Moment,
    Place,
    SentValue,
    number_in,
)

NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


class Sent:
    """The HTTP side of a request."""

    method = "PATCH"
    query: Mapping[str, str] = {"q": "Ab", "bad": "a\ud800b"}

    def header(self, name: bytes) -> str | None:
        """One header."""
        return "T" if name == b"x-token" else None


TEXTS = ["5", "-5", "+5", " 5 ", "5.", ".5", "5.5", "1e3", "1E-2", "05", "9223372036854775808",
         "", " ", ".", "e5", "5e", "5x", "0x10", "1_000", "--5", "\u0665", "inf", "nan", "5 5"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_numbers_are_those_that_sqlite_sees(text: str) -> None:
    """A text is a number where a NUMERIC column would store it as one."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE x(n NUMERIC)")
    connection.execute("INSERT INTO x VALUES (?)", (text,))
    kind, value = connection.execute("SELECT typeof(n), n FROM x").fetchall()[0]
    assert number_in(text) == (None if kind == "text" else value)


@pytest.mark.parametrize(
    ("form", "value"),
    [(Form.PLAIN, "5"), (Form.FILLED, "5"), (Form.PATTERN, "%5%"), (Form.NUMBER, 5),
     (Form.TEXT, "5"), (Form.ITEMS, '["5"]'), (Form.COUNT, 1)],
)  # fmt: skip
def test_forms(form: Form, value: Value) -> None:
    """Of one value, and of nothing."""
    identity = Identity("c", "users", {"a": "5"})
    assert AuthField("a", form).at(AccessRequest(identity), NOW) == value
    nothing = {Form.FILLED: "", Form.ITEMS: "[]", Form.COUNT: 0}.get(form)
    assert AuthField("a", form).at(AccessRequest(GUEST), NOW) == nothing


def test_what_was_sent() -> None:
    """Method, query and headers; nothing of them without an HTTP request."""
    request = AccessRequest(GUEST, "batch", Sent())
    asked = {
        SentValue(Place.METHOD): "PATCH",
        SentValue(Place.CONTEXT): "batch",
        SentValue(Place.QUERY, "q"): "Ab",
        SentValue(Place.QUERY, "q", lower=True): "ab",
        SentValue(Place.QUERY, "bad"): "ab",
        SentValue(Place.QUERY, "none"): None,
        SentValue(Place.QUERY, "none", present=True): 0,
        SentValue(Place.HEADER, "x_token"): "T",
        SentValue(Place.HEADER, "x_token", present=True): 1,
    }
    assert {one: one.at(request, NOW) for one in asked} == asked
    nobody = AccessRequest(GUEST)
    assert SentValue(Place.METHOD).at(nobody, NOW) == "GET"
    assert SentValue(Place.HEADER, "x_token").at(nobody, NOW) is None


@pytest.mark.parametrize(
    ("raw", "definition", "stored"),
    [
        ("5", {"type": "number"}, 5),
        ("abc", {"type": "number"}, 0),
        ("true", {"type": "bool"}, 1),
        (True, {"type": "bool"}, 1),
        (["admin", "b"], {"type": "select", "values": ["admin", "b"], "maxSelect": 1}, "b"),
        (["a"], {"type": "select", "values": ["a"], "maxSelect": 2}, '["a"]'),
        ("2025-01-02", {"type": "date"}, "2025-01-02 00:00:00.000Z"),
        (None, {"type": "number"}, None),
        ({"a": 1}, None, '{"a":1}'),
        (2**70, None, float(2**70)),
        ("x", {"type": "password"}, "x"),
    ],
)
def test_a_body_is_read_as_it_would_be_stored(
    raw: object, definition: dict[str, object] | None, stored: Value
) -> None:
    """So a rule judges what is kept: no `"true"` gets past `!= true`, no list past `!= 'admin'`."""
    field = None if definition is None else field_from_json({"id": "f", "name": "f", **definition})
    request = AccessRequest(GUEST, body={"f": raw})
    assert BodyField("f", field).at(request, NOW) == stored


def test_whether_a_body_names_a_field() -> None:
    """Null is something that was sent."""
    request = AccessRequest(GUEST, body={"f": None})
    assert BodyField("f", present=True).at(request, NOW) == 1
    assert BodyField("g", present=True).at(request, NOW) == 0


def test_moments() -> None:
    """Worked out when asked."""
    assert Moment("@year").at(AccessRequest(GUEST), NOW) == 2025
    assert Moment("@year", Form.PATTERN).at(AccessRequest(GUEST), NOW) == "%2025%"
