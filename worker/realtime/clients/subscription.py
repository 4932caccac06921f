"""One subscription: a topic of one client, and how far it has been told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a client has subscriptions, and each of them knows its client
    from worker.realtime.clients.client import Client
    from worker.realtime.delivery.index import Place
    from worker.realtime.topics.topic import Topic


class Subscription:
    """A topic that a client has.

    `after`: the last n of the log that it was told or that lies before it; nothing up to there is
    told to it again, whoever delivers.  `feed`: id of the log that this n is of.
    `prefix`, `spelling`: its own first bytes of an event, and what spells the rest.
    `place`: where the index has it, None while it cannot hear anything.
    `live`: it is told what happens, as it happens; before that it is being joined to the stream.
    `gone`: its client does not want it any more.
    """

    __slots__ = ("after", "client", "feed", "gone", "live", "place", "prefix", "spelling", "topic")

    def __init__(self, client: Client, topic: Topic) -> None:
        self.client = client
        self.topic = topic
        self.prefix = client.encoder.prefix(client.id, topic.subscription)
        self.spelling = client.encoder.spelling(topic.subscription)
        self.place: Place | None = None
        self.after = self.feed = -1
        self.live = False
        self.gone = False

    @property
    def name(self) -> str:
        """The client's own name for it."""
        return self.topic.subscription
