"""What every server under test holds: 10,000 posts of about 220 bytes, and empty drafts.

Twin pairs of columns make the two filter scenarios comparable: `category` and `score` have an
index, `author` and `likes` hold values of the same spread and have none. Drafts have the same
columns and no index but the id's: creates go there, so that reads always see 10,000 rows, and
SQLite's own index upkeep does not hide what the server around it costs.
"""

from __future__ import annotations

import random
from typing import Final

ROWS: Final = 10_000
GROUPS: Final = 50
READ_COLLECTION: Final = "posts"
CREATE_COLLECTION: Final = "drafts"
FIELDS: Final = ("title", "category", "score", "author", "likes", "active", "published")
ID_FORMAT: Final = "r%014d"
"""Ids are countable, so that a load generator can name a random one without a file of them."""

INDEXES: Final = (
    "CREATE INDEX `posts_published` ON `posts` (`published`)",
    "CREATE INDEX `posts_category_score` ON `posts` (`category`, `score`)",
)

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


def collections() -> list[dict[str, object]]:
    """Both definitions in PocketBase's dialect, with public rules."""
    return [_collection(READ_COLLECTION, INDEXES), _collection(CREATE_COLLECTION, ())]


def _collection(name: str, indexes: tuple[str, ...]) -> dict[str, object]:
    kinds = ("text", "text", "number", "text", "number", "bool", "date")
    fields = [{"name": name, "type": kind} for name, kind in zip(FIELDS, kinds, strict=True)]
    rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
    return {"name": name, "type": "base", "fields": fields, "indexes": list(indexes), **rules}
