"""What every server under test holds: 10,000 posts and notes of about 220 bytes; drafts and memos.

Twin pairs of columns make the two filter scenarios comparable: `category` and `score` have an
index, `author` and `likes` hold values of the same spread and have none. Drafts have the same
columns and no index but the id's: creates go there, so that reads always see 10,000 rows, and
SQLite's own index upkeep does not hide what the server around it costs.

Notes and memos are posts and drafts again, under the rule `author = @request.auth.id`: there the
author is one of 50 who log in, and the column is a relation with an index.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final

ROWS: Final = 10_000
GROUPS: Final = 50
READ_COLLECTION: Final = "posts"
CREATE_COLLECTION: Final = "drafts"
OWNED_COLLECTION: Final = "notes"
OWNED_CREATE_COLLECTION: Final = "memos"
OWNERS_COLLECTION: Final = "authors"
OWNERS: Final = GROUPS
OWNED_RULE: Final = "author = @request.auth.id"
_KINDS: Final = {
    "title": "text",
    "category": "text",
    "score": "number",
    "author": "text",
    "likes": "number",
    "active": "bool",
    "published": "date",
}
FIELDS: Final = tuple(_KINDS)
ID_FORMAT: Final = "r%014d"
"""Ids are countable, so that a load generator can name a random one without a file of them."""

INDEXES: Final = (
    "CREATE INDEX `posts_published` ON `posts` (`published`)",
    "CREATE INDEX `posts_category_score` ON `posts` (`category`, `score`)",
)

OWNED_INDEX: Final = "CREATE INDEX `notes_author` ON `notes` (`author`, `published`)"

_WORDS: Final = [
    "quill",
    "ink",
    "paper",
    "margin",
    "folio",
    "vellum",
    "ledger",
    "archive",
    "river",
    "harbour",
    "lantern",
    "meadow",
    "orchard",
    "copper",
    "signal",
    "winter",
    "summer",
    "granite",
    "willow",
    "thunder",
    "compass",
    "saffron",
]

Row = dict[str, str | int | float | bool]


def row(number: int) -> Row:
    """The post with this number: always the same for the same number."""
    dice = random.Random(number)
    words = " ".join(dice.choice(_WORDS) for _ in range(13))
    return {
        "id": ID_FORMAT % number,
        "title": f"{words} {number}",
        "category": f"c{number % GROUPS:02d}",
        "score": dice.randrange(1_000_000) / 100,
        "author": f"a{number % GROUPS:02d}",
        "likes": dice.randrange(1_000_000) / 100,
        "active": dice.random() < 0.5,
        "published": (
            f"2026-{dice.randrange(1, 13):02d}-{dice.randrange(1, 29):02d} "
            f"{dice.randrange(24):02d}:{dice.randrange(60):02d}:00.000Z"
        ),
    }


def rows(count: int = ROWS) -> list[Row]:
    """The first `count` posts."""
    return [row(number) for number in range(count)]


def draft() -> Row:
    """The body of each create: a post without an id, which the server makes."""
    return {key: value for key, value in row(0).items() if key != "id"}


def owner_id(number: int) -> str:
    """Record id of one of those who log in."""
    return f"u{number:014}"


def notes(count: int = ROWS) -> list[Row]:
    """The first `count` posts as notes of their authors."""
    return [
        {**each, "author": owner_id(number % OWNERS)} for number, each in enumerate(rows(count))
    ]


def memo() -> Row:
    """The body of each create under the rule, which the first owner sends."""
    return {**draft(), "author": owner_id(0)}


def owners(password: str) -> list[Row]:
    """Those who log in."""
    return [
        {
            "id": owner_id(number),
            "email": f"owner{number}@example.com",
            "password": password,
            "passwordConfirm": password,
        }
        for number in range(OWNERS)
    ]


def collections() -> list[dict[str, object]]:
    """Posts and drafts in PocketBase's dialect, with public rules."""
    kinds = [{"name": name, "type": kind} for name, kind in _KINDS.items()]
    return [
        _collection(READ_COLLECTION, kinds, INDEXES),
        _collection(CREATE_COLLECTION, kinds, ()),
    ]


def owners_collection() -> dict[str, object]:
    """Those who log in; `owned_collections` refers to it."""
    return {**_collection(OWNERS_COLLECTION, [], ()), "type": "auth"}


def owned_collections(owners_id: str) -> list[dict[str, object]]:
    """Notes and memos, whose rules ask for the author."""
    author = {"type": "relation", "collectionId": owners_id, "maxSelect": 1}
    kinds: list[dict[str, object]] = [
        {"name": name, "type": kind, **(author if name == "author" else {})}
        for name, kind in _KINDS.items()
    ]
    notes_rules = {"listRule": OWNED_RULE}
    return [
        {**_collection(OWNED_COLLECTION, kinds, (OWNED_INDEX,)), **notes_rules},
        {**_collection(OWNED_CREATE_COLLECTION, kinds, ()), "createRule": OWNED_RULE},
    ]


def _collection(
    name: str, fields: Sequence[Mapping[str, object]], indexes: Sequence[str]
) -> dict[str, object]:
    rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
    return {
        "name": name,
        "type": "base",
        "fields": list(fields),
        "indexes": list(indexes),
        **rules,
    }
