"""What of ours stands against what of bare."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.bare_target import BareTarget
from benchmarks.chat_room.pairs import take_turns
from benchmarks.chat_room.rounds import Load, Round
from benchmarks.chat_room.servers import Servers
from benchmarks.dataset import memo, owner_id, row
from tests.benchmarks.chat_room.figures import made

_OURS = Load("http://ours", {"Authorization": "a token"}, list, Path(), 7)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Load, str, object]]:
    """By which load, on which path, with which body or ids: nothing is sent."""
    found: list[tuple[Load, str, object]] = []

    def note(load: Load, what: str, path: str, more: object, count: int) -> Round:
        found.append((load, path, more))
        return made(what, 10, count)

    monkeypatch.setattr(Load, "insert", note)
    monkeypatch.setattr(Load, "read", note)
    return found


def test_an_insert_stands_against_a_create_under_a_rule(
    asked: list[tuple[Load, str, object]],
) -> None:
    """Bare's author sends memos, as many at once."""
    contest = Servers(_OURS, BareTarget("http://bare", []), 7).writes(1_000)
    take_turns([contest], 1, lambda _: None)
    (ours, path, _), (bare, bare_path, body) = asked
    assert (ours, path) == (_OURS, "/api/records/v1/message")
    assert (bare.base_url, bare.connections) == ("http://bare", 7)
    assert bare.headers == {"Authorization": owner_id(0)}
    assert bare_path == "/api/collections/memos/records"
    assert json.loads(str(body)) == memo()
    assert (contest.ours.what, contest.bare.what) == ("insert 1,000", "create 1,000")


def test_a_read_stands_against_a_get_by_as_many_ids(
    asked: list[tuple[Load, str, object]],
) -> None:
    """Posts that are there."""
    contest = Servers(_OURS, BareTarget("http://bare", []), 7).reads(1_000, ["a", "b"])
    take_turns([contest], 1, lambda _: None)
    assert asked[0] == (_OURS, "/api/records/v1/message", ["a", "b"])
    assert asked[1][1:] == ("/api/collections/posts/records", [row(0)["id"], row(1)["id"]])
