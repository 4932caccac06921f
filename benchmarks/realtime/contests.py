"""The contests of watched writes, and the collections and accounts that they need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks import quill_target
from benchmarks.plans import insert
from benchmarks.realtime.marks import FIELD
from benchmarks.realtime.servers import NOTES, POSTS
from benchmarks.realtime.watched import Contest
from benchmarks.target import TargetError
from worker.auth.tokens import sign

OTHERS_LIMIT: Final = 1.2
_MEMBERS: Final = "members"
_TASKS: Final = "tasks"
_MEMOS: Final = "memos"
_MEMBERS_AN_ORG: Final = 10
_SECRET: Final = "a secret of the benchmark, as long as one must be"
_TOKEN_SECONDS: Final = 86_400
_SECONDS: Final = 30.0
_INSERT: Final = (
    "INSERT INTO members (id, password, tokenKey, email, org)"
    " SELECT value->>0, '-', value->>1, value->>2, value->>3 FROM json_each(?)"
)


def others(watchers: int) -> Sequence[Contest]:
    """Watchers whom no write concerns."""
    records = [f"{POSTS}/r{number:014}" for number in range(watchers)]
    alone = Contest("nobody watches", POSTS)
    return (
        alone,
        Contest("one watches another collection", POSTS, [NOTES], base=alone.title),
        Contest("other records are watched", POSTS, records, base=alone.title, limit=OTHERS_LIMIT),
        Contest(
            "another collection is watched",
            POSTS,
            [NOTES] * watchers,
            base=alone.title,
            limit=OTHERS_LIMIT,
        ),
    )


def owned(tokens: Sequence[str]) -> Sequence[Contest]:
    """Each watcher may see what is his own: `owner = @request.auth.id`."""
    count = len(tokens)
    alone = Contest("tasks: nobody watches", _TASKS, fields=lambda n: {"owner": _member(n % count)})
    watched = Contest(
        "tasks: owner = @request.auth.id",
        _TASKS,
        [_TASKS] * count,
        tokens,
        alone.fields,
        lambda n: (n % count,),
        alone.title,
    )
    return alone, watched


def shared(tokens: Sequence[str]) -> Sequence[Contest]:
    """Each watcher may see what is his organization's: `@request.auth.org = org`."""
    count = len(tokens)
    orgs = (count + _MEMBERS_AN_ORG - 1) // _MEMBERS_AN_ORG
    alone = Contest("memos: nobody watches", _MEMOS, fields=lambda n: {"org": _org(n % orgs)})
    watched = Contest(
        "memos: @request.auth.org = org",
        _MEMOS,
        [_MEMOS] * count,
        tokens,
        alone.fields,
        lambda n: range(n % orgs * _MEMBERS_AN_ORG, min(count, (n % orgs + 1) * _MEMBERS_AN_ORG)),
        alone.title,
    )
    return alone, watched


def add_members(depot: Path, count: int) -> list[str]:
    """Make their collections and accounts in a depot that no cluster holds; their tokens.

    A password of each would cost a tenth of a minute by hundred, and nobody logs in: the accounts
    come as rows, and the tokens are signed here with the key that they have there.
    """
    with quill_target.cluster(depot, 1) as target:
        token = quill_target.login(target.base_url)
        with httpx.Client(
            base_url=target.base_url, headers={"Authorization": token}, timeout=_SECONDS
        ) as client:
            members = _create(client, _members())
            for definition in (_tasks(members), _memos()):
                _create(client, definition)
        insert(
            depot,
            _INSERT,
            (
                (_member(n), _token_key(n), f"{_member(n)}@example.com", _org(n // _MEMBERS_AN_ORG))
                for n in range(count)
            ),
        )
    return [
        sign(_member(n), members, _token_key(n) + _SECRET, _TOKEN_SECONDS, refreshable=False)
        for n in range(count)
    ]


def _create(client: httpx.Client, definition: dict[str, Any]) -> str:
    answer = client.post("/api/collections", json=definition)
    if not answer.is_success:
        raise TargetError(f"no collection: {answer.status_code} {answer.text}")
    return str(answer.json()["id"])


def _members() -> dict[str, Any]:
    return {
        "name": _MEMBERS,
        "type": "auth",
        "fields": [{"name": "org", "type": "text"}],
        "authToken": {"secret": _SECRET, "duration": _TOKEN_SECONDS},
    }


def _tasks(members: str) -> dict[str, Any]:
    owner = {"name": "owner", "type": "relation", "collectionId": members, "maxSelect": 1}
    return _ruled(_TASKS, owner, "owner = @request.auth.id")


def _memos() -> dict[str, Any]:
    return _ruled(_MEMOS, {"name": "org", "type": "text"}, "@request.auth.org = org")


def _ruled(name: str, field: dict[str, Any], rule: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "base",
        "fields": [{"name": FIELD, "type": "text"}, {"name": "text", "type": "text"}, field],
        "listRule": rule,
        "viewRule": rule,
        "createRule": "",
    }


def _member(number: int) -> str:
    return f"m{number:014}"


def _org(number: int) -> str:
    return f"org {number}"


def _token_key(number: int) -> str:
    return f"{number:050}"
