"""The groups of listeners of one target, a collection or one of its records.

Groups whose rule can only hold for whom the record names stand under those ids (`routing`), so
that of a thousand of them a change finds the one or two that it may concern.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Protocol

from shared.messages.changes import Change
from worker.realtime.clients.subscription import Subscription
from worker.realtime.views.routing import named_by
from worker.realtime.views.viewpoint import Viewpoint

_Groups = dict[Viewpoint, "Group"]


class Weighed(Protocol):
    """What is known here of a view. `route`: see there.

    `weight`: what one judgement costs, in those of a simple view.
    """

    @property
    def route(self) -> str | None:
        """Id of the field that has to name the listener."""

    @property
    def weight(self) -> int:
        """Of one judgement."""


class Group:
    """Subscriptions that see the same bytes."""

    __slots__ = ("members", "view", "viewpoint")

    def __init__(self, viewpoint: Viewpoint, view: Weighed) -> None:
        self.viewpoint = viewpoint
        self.view = view
        self.members: dict[Subscription, None] = {}


class TargetGroups:
    """`_routed`: by the field's id, then by the listener's id, `""` for guests."""

    __slots__ = ("_plain", "_routed")

    def __init__(self) -> None:
        self._plain: _Groups = {}
        self._routed: dict[str, dict[str, _Groups]] = {}

    @property
    def empty(self) -> bool:
        """Nobody is here."""
        return not self._plain and not self._routed

    def groups(self, change: Change) -> Iterator[Group]:
        """The groups that a change may concern."""
        yield from self._plain.values()
        for field_id, by_asker in self._routed.items():
            named = named_by(change, field_id)
            for asker in by_asker if named is None else named:
                yield from by_asker.get(asker, {}).values()

    def every_group(self) -> Iterator[Group]:
        """All of them."""
        routed = (found for by_asker in self._routed.values() for found in by_asker.values())
        for found in chain((self._plain,), routed):
            yield from found.values()

    def group(self, viewpoint: Viewpoint, view: Weighed) -> Group:
        """The group of a viewpoint, made when there is none."""
        found = self._home(viewpoint, view)
        group = found.get(viewpoint)
        if group is None:
            group = found[viewpoint] = Group(viewpoint, view)
        return group

    def remove(self, viewpoint: Viewpoint, subscription: Subscription) -> None:
        """Take a subscription out, and what is empty then."""
        for field_id, asker, found in self._homes(viewpoint):
            group = found.get(viewpoint)
            if group is None or subscription not in group.members:
                continue
            del group.members[subscription]
            if not group.members:
                del found[viewpoint]
            if not found and field_id:
                self._drop(field_id, asker)
            return

    def _home(self, viewpoint: Viewpoint, view: Weighed) -> _Groups:
        if view.route is None or viewpoint.key.superuser:
            return self._plain
        return self._routed.setdefault(view.route, {}).setdefault(_asker(viewpoint), {})

    def _homes(self, viewpoint: Viewpoint) -> Iterator[tuple[str, str, _Groups]]:
        """Where the group of a viewpoint may stand."""
        yield "", "", self._plain
        asker = _asker(viewpoint)
        for field_id, by_asker in list(self._routed.items()):
            if asker in by_asker:
                yield field_id, asker, by_asker[asker]

    def _drop(self, field_id: str, asker: str) -> None:
        by_asker = self._routed[field_id]
        del by_asker[asker]
        if not by_asker:
            del self._routed[field_id]


def _asker(viewpoint: Viewpoint) -> str:
    return "" if viewpoint.principal is None else viewpoint.principal.record_id
