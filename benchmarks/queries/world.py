"""Organizations, permissions, users and posts: the same for the same number of posts, always.

4 % of the users have no organization and 2 % no permissions; 45 of 50 permissions are active; a
post has up to three types and 300 words of text; 1 % of the titles equal a user's name.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ORGANIZATIONS: Final = 100
PERMISSIONS: Final = 50
ACTIVE: Final = 45
USERS: Final = 500
TYPES: Final = ("a", "b", "c")
PASSWORD: Final = "a password for the bench"
ODD_ORGANIZATION: Final = "test"
PHRASE: Final = "ipsum dolor"
_PHRASES: Final = 600
_PHRASE_WORDS: Final = 12
_PHRASES_A_POST: Final = 25
_LATIN: Final = re.findall(
    r"\w+",
    "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut"
    " labore et dolore magna aliqua enim ad minim veniam quis nostrud exercitation ullamco laboris"
    " nisi aliquip ex ea commodo consequat duis aute irure in reprehenderit voluptate velit esse",
)

Record = dict[str, object]


@dataclass(frozen=True)
class Post:
    """One post by the numbers of what it refers to."""

    number: int
    author: int
    public: bool
    types: tuple[str, ...]
    title: str


class World:
    """All of it, and what the true answers are."""

    def __init__(self, posts: int) -> None:
        dice = random.Random(1)
        self.permissions_of = [_permissions(number, dice) for number in range(USERS)]
        self.organization_of = [_organization(number, dice) for number in range(USERS)]
        self.phrases = [_words(dice, _PHRASE_WORDS) for _ in range(_PHRASES)]
        self.posts = [_post(number, dice) for number in range(posts)]

    def organizations(self) -> Iterator[Record]:
        """One of them is called `test`."""
        for number in range(ORGANIZATIONS):
            name = ODD_ORGANIZATION if number == 7 else f"organization {number}"
            yield {"id": organization_id(number), "name": name}

    def permissions(self) -> Iterator[Record]:
        """Nine in ten are active."""
        for number in range(PERMISSIONS):
            yield {
                "id": permission_id(number),
                "name": f"p{number}",
                "active": is_active(number),
            }

    def users(self) -> Iterator[Record]:
        """All with the same password."""
        for number in range(USERS):
            organization = self.organization_of[number]
            yield {
                "id": user_id(number),
                "name": user_name(number),
                "email": f"user{number}@example.com",
                "password": PASSWORD,
                "passwordConfirm": PASSWORD,
                "organization": "" if organization is None else organization_id(organization),
                "permissions": [permission_id(each) for each in self.permissions_of[number]],
            }

    def records(self) -> Iterator[Record]:
        """The posts, text and all."""
        for post in self.posts:
            yield {
                "id": post_id(post.number),
                "title": post.title,
                "description": self.description(post.number),
                "public": post.public,
                "type": list(post.types),
                "author": user_id(post.author),
            }

    def description(self, number: int) -> str:
        """300 words of HTML."""
        chosen = random.Random(number).choices(self.phrases, k=_PHRASES_A_POST)
        return f"<p>{' '.join(chosen)}</p>"

    def author_with_posts(self) -> int:
        """The user with the most posts: the one who logs in."""
        counts = [0] * USERS
        for post in self.posts:
            counts[post.author] += 1
        return counts.index(max(counts))


def is_active(permission: int) -> bool:
    """Whether the permission with this number is active."""
    return permission < ACTIVE


def organization_id(number: int) -> str:
    """Record id."""
    return f"o{number:014}"


def permission_id(number: int) -> str:
    """Record id."""
    return f"m{number:014}"


def user_id(number: int) -> str:
    """Record id."""
    return f"u{number:014}"


def post_id(number: int) -> str:
    """Record id."""
    return f"p{number:014}"


def user_name(number: int) -> str:
    """What 1 % of the titles equal."""
    return f"user {number}"


def _permissions(number: int, dice: random.Random) -> tuple[int, ...]:
    if number % 50 == 49:
        return ()
    return tuple(dice.sample(range(PERMISSIONS), dice.randint(1, 5)))


def _organization(number: int, dice: random.Random) -> int | None:
    return None if number % 25 == 24 else dice.randrange(ORGANIZATIONS)


def _words(dice: random.Random, count: int) -> str:
    return " ".join(dice.choices(_LATIN, k=count))


def _post(number: int, dice: random.Random) -> Post:
    author = dice.randrange(USERS)
    types = tuple(sorted(dice.sample(TYPES, dice.randint(0, len(TYPES)))))
    title = user_name(dice.randrange(USERS)) if number % 100 == 0 else _words(dice, 5).capitalize()
    return Post(number, author, dice.random() < 0.5, types, title)
