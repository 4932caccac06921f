"""How many rows each filter truly matches, counted in Python: what a total is compared with."""

from __future__ import annotations

from benchmarks.queries.world import ODD_ORGANIZATION, PHRASE, USERS, Post, World, is_active


class Truth:
    """Counts over one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._odd = {
            number
            for number, each in enumerate(world.organizations())
            if each["name"] == ODD_ORGANIZATION
        }

    def all_posts(self) -> int:
        """Everything."""
        return len(self._world.posts)

    def of_author(self, user: int) -> int:
        """`author = X`."""
        return sum(post.author == user for post in self._world.posts)

    def with_phrase(self) -> int:
        """`description ~ 'ipsum dolor'`."""
        describe = self._world.description
        return sum(PHRASE in describe(post.number) for post in self._world.posts)

    def with_type(self, kind: str) -> int:
        """`type:each ?= X`."""
        return sum(kind in post.types for post in self._world.posts)

    def without_type(self, kind: str) -> int:
        """`type:each != X`: an empty list matches."""
        return self.all_posts() - self.with_type(kind)

    def outside_odd_organization(self) -> int:
        """`author.organization.name != 'test'`: no organization matches."""
        return sum(
            self._world.organization_of[post.author] not in self._odd for post in self._world.posts
        )

    def with_only_active_permissions(self) -> int:
        """`author.permissions.active = true`: all of them, and there is one."""
        return sum(self._actives(post) == {True} for post in self._world.posts)

    def with_an_active_permission(self) -> int:
        """`author.permissions.active ?= true`."""
        return sum(True in self._actives(post) for post in self._world.posts)

    def users_with_a_public_post(self) -> int:
        """`posts_via_author.public ?= true`."""
        return len({post.author for post in self._world.posts if post.public})

    def users_with_only_public_posts(self) -> int:
        """`posts_via_author.public = true`: all of them, and there is one."""
        hiding = {post.author for post in self._world.posts if not post.public}
        writing = {post.author for post in self._world.posts}
        assert len(writing) <= USERS
        return len(writing - hiding)

    def _actives(self, post: Post) -> set[bool]:
        return {is_active(number) for number in self._world.permissions_of[post.author]}
