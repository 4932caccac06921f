"""ETags: of the stored values alone, the same for all who may see the record."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.errors import Kind, QuillError
from shared.schema.catalog import Catalog
from shared.schema.system import superusers
from shared.sql.plan import Step
from shared.sql.select import view_sql
from shared.sql.version import version_shape
from tests.cluster_process import ClusterProcess
from tests.shared.sql.sample import CATALOG, SAMPLE, RefusedError, apply
from tests.worker.records.reading import Reading, reading
from worker.records.version import (
    REFUSED_CHANGED,
    check_if_match,
    etag_of,
    names_tag,
    version_guard,
)

THINGS = "/api/collections/things/records"


@pytest.fixture(scope="module")
def record(cluster: ClusterProcess, superuser: httpx.Client) -> str:
    """Path of a record with a hidden field."""
    fields: list[dict[str, Any]] = [
        {"name": "title", "type": "text"},
        {"name": "inner", "type": "text", "hidden": True},
    ]
    cluster.collection("things", fields)
    reply = superuser.post(THINGS, json={"title": "one", "inner": "x"})
    return f"{THINGS}/{reply.json()['id']}"


def test_a_tag_does_not_depend_on_what_is_shown(
    guest: httpx.Client, superuser: httpx.Client, record: str
) -> None:
    """Guest and superuser, with fields and expand, HEAD and GET."""
    replies = [
        guest.get(record), superuser.get(record), guest.head(record),
        guest.get(record, params={"fields": "id"}),
        guest.get(record, params={"fields": "title:excerpt(1)"}),
        superuser.get(record, params={"expand": "nope"}),
    ]  # fmt: skip
    tags = {reply.headers["etag"] for reply in replies}
    assert len(tags) == 1
    (tag,) = tags
    assert tag.startswith('"') and tag.endswith('"') and len(tag) > 16  # noqa: PT018
    assert "etag" in guest.get(record).headers["access-control-expose-headers"]


def test_a_known_version_is_not_sent_again(guest: httpx.Client, record: str) -> None:
    """304 without a body; any other tag gets the record."""
    tag = guest.get(record).headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        for reply in (
            guest.get(record, headers={"If-None-Match": known}),
            guest.get(record, headers={"If-None-Match": known}, params={"fields": "id"}),
        ):
            assert (reply.status_code, reply.content) == (304, b"")
            assert reply.headers["etag"] == tag
            assert "content-type" not in reply.headers
    for other in ('"x"', "", tag[1:-1], "W/"):
        assert guest.get(record, headers={"If-None-Match": other}).status_code == 200


def test_each_stored_change_is_another_version(
    guest: httpx.Client, superuser: httpx.Client, record: str
) -> None:
    """Also one that the reader cannot see; and back again is the same."""
    first = guest.get(record).headers["etag"]
    seen = {first}
    for change in ({"inner": "y"}, {"title": "two"}):
        assert superuser.patch(record, json=change).status_code == 200
        tag = guest.get(record).headers["etag"]
        assert tag not in seen
        seen.add(tag)
    assert superuser.patch(record, json={"inner": "x", "title": "one"}).status_code == 200
    assert guest.get(record).headers["etag"] == first


def test_a_hidden_value_cannot_be_guessed_from_a_tag(
    guest: httpx.Client, superuser: httpx.Client, record: str
) -> None:
    """Who sees all but one value, and tries for that one, has nothing to compare his hashes with."""
    tag = guest.get(record).headers["etag"]
    whole = superuser.get(record)
    assert whole.headers["etag"] == tag
    assert tag != f'"{blake2b(whole.content, digest_size=len(tag) // 2 - 1).hexdigest()}"'
    with_key = Catalog(1, [superusers("2026-01-01 00:00:00.000Z")])
    assert etag_of(with_key, whole.content) != etag_of(CATALOG, whole.content)
    assert etag_of(with_key, whole.content) == etag_of(with_key, whole.content)


def test_a_tag_is_found_in_a_header() -> None:
    """Strong, weak, in a list, or any."""
    tag = etag_of(CATALOG, b"text")
    for header in (tag, f"W/{tag}", f'"a",{tag} , "b"', "*", " * "):
        assert names_tag(header, tag)
    for header in ("", '"a"', "W/*x", tag.upper().replace("A", "B") + "x"):
        assert not names_tag(header, tag)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Reading]:
    """The sample's table with one record."""
    with reading(tmp_path, SAMPLE) as made:
        made.write("INSERT INTO sample (id, title, count, pass) VALUES ('a', 't', 1.5, 'hash')")
        yield made


def _check(place: Reading, header: str | None, record_id: str = "a") -> Step | None:
    return check_if_match(place.snapshot, CATALOG, SAMPLE, record_id, header)


def _tag(place: Reading) -> str:
    sql = view_sql(SAMPLE, None, version_shape(SAMPLE, CATALOG))
    return etag_of(CATALOG, str(place.snapshot.value(sql, ("a",))).encode())


def test_a_write_waits_for_its_version(place: Reading) -> None:
    """The guard holds until a stored value changes, and again when it is what it was."""
    step = _check(place, _tag(place))
    assert step is not None
    apply(place.connection, [step])
    for column, value, back in (("title", "u", "t"), ("count", 1, 1.5), ("data", "[]", None)):
        place.write(f"UPDATE sample SET {column} = ?", (value,))
        with pytest.raises(RefusedError, match=REFUSED_CHANGED):
            apply(place.connection, [step])
        place.write(f"UPDATE sample SET {column} = ?", (back,))
    apply(place.connection, [step])
    place.write("UPDATE sample SET pass = 'another'")
    apply(place.connection, [step])
    assert "hash" not in step.params


def test_a_wrong_version_is_told_at_once(place: Reading) -> None:
    """412, also for a record that is not there; `*` asks only for its being there."""
    assert _check(place, None) is None
    assert _check(place, "*") is None
    assert _check(place, f'"x", {_tag(place)}') is not None
    for header, record_id in (('"x"', "a"), ("*", "b"), (_tag(place), "b"), ("", "a")):
        with pytest.raises(QuillError) as refused:
            _check(place, header, record_id)
        assert refused.value.kind is Kind.PRECONDITION


def test_a_guard_compares_what_was_read(place: Reading) -> None:
    """Any part of a record can be one; no value is converted for it."""
    apply(place.connection, [version_guard(SAMPLE, {"id": "a", "count": 1.5, "data": None})])
    for wrong in ({"count": 1}, {"title": ""}, {"data": "null"}):
        with pytest.raises(RefusedError):
            apply(place.connection, [version_guard(SAMPLE, {"id": "a", **wrong})])
