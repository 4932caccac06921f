"""Viewpoints: with which view, and as whom, a topic is heard.

Listeners with the same viewpoint see the same bytes of every change, so each change is judged,
shaped and spelled once for all of them. A viewpoint names the listener only where the outcome
depends on it, and the request only where a rule asks about it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from shared.access.identity import GUEST, Identity
from shared.language.errors import LanguageError
from shared.limits import REALTIME_VIEWS_PER_WORKER
from shared.messages.changes import TOPICS
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from worker.realtime.principal import Principal
from worker.realtime.topics.topic import EVERY_RECORD, NO_SOURCE, Topic, TopicSource
from worker.realtime.views.view import View, ViewKey, compile_view

_AUTH_NAMES = "@request.auth."


class Viewpoint(NamedTuple):
    """`key`: of the view.  `principal`, `source`: where they matter, else None and NO_SOURCE.

    `leave`: told of records that do not pass any more.
    """

    key: Any
    principal: Principal | None
    source: TopicSource
    leave: bool


class Seen(NamedTuple):
    """A viewpoint with its compiled view."""

    viewpoint: Viewpoint
    view: Any


class Views:
    """The compiled views of one worker, for one version of the catalog."""

    def __init__(self) -> None:
        self._views: dict[ViewKey, View | None] = {}
        self._version = -1

    def place(
        self, topic: Topic, principal: Principal | None, catalog: Catalog
    ) -> tuple[str, Seen | None]:
        """The table of a topic, TOPICS where it names no collection, and how it is heard."""
        collection = catalog.find(topic.collection)
        if collection is None:
            return TOPICS, None
        return collection.id, self.viewpoint(topic, principal, catalog)

    def viewpoint(self, topic: Topic, principal: Principal | None, catalog: Catalog) -> Seen | None:
        """How a topic is heard; None when it cannot hear anything under this catalog."""
        key = view_key(topic, principal, catalog)
        if key is None:
            return None
        view = self._view(key, catalog, principal)
        if view is None:
            return None
        matters = view.personal or key.superuser
        source = topic.source if view.asks_request else NO_SOURCE
        return Seen(Viewpoint(key, principal if matters else None, source, topic.leave), view)

    def _view(self, key: ViewKey, catalog: Catalog, principal: Principal | None) -> View | None:
        if self._version != catalog.version or len(self._views) >= 2 * REALTIME_VIEWS_PER_WORKER:
            self._views.clear()
            self._version = catalog.version
        if key in self._views:
            return self._views[key]
        collection = catalog.by_id(key.collection_id)
        assert collection is not None
        try:
            view = compile_view(key, collection, catalog, asker_of(principal, catalog))
        except LanguageError:
            view = None  # a rule at fault denies, and so does a filter that the schema outgrew
        self._views[key] = view
        return view


def view_key(topic: Topic, principal: Principal | None, catalog: Catalog) -> ViewKey | None:
    """The view that a topic asks for; None when there is no such collection."""
    collection = catalog.find(topic.collection)
    if collection is None:
        return None
    return ViewKey(
        collection.id,
        topic.record != EVERY_RECORD,
        topic.filter,
        topic.expand,
        topic.fields,
        principal is not None and principal.superuser,
        principal.collection_id if principal and _asks_who(collection, topic) else "",
    )


def _asks_who(collection: Collection, topic: Topic) -> bool:
    """Whether the listener's collection can matter: in a rule, a filter, or for what is shown.

    A filter with a path brings the list rules of other collections with it.
    """
    texts = (collection.list_rule, collection.view_rule, topic.filter)
    return (
        collection.type == AUTH
        or bool(topic.expand)
        or "." in topic.filter
        or any(_AUTH_NAMES in text for text in texts if text)
    )


def asker_of(principal: Principal | None, catalog: Catalog) -> Identity:
    """An identity with the principal's rights, good for choosing a rule and nothing else."""
    if principal is None:
        return GUEST
    collection = catalog.by_id(principal.collection_id)
    name = "" if collection is None else collection.name
    return Identity(principal.collection_id, name, {}, principal.superuser)
