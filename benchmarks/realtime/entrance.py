"""Clients that are to be connected, a bounded number of them at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest

from benchmarks.realtime.members import Member
from benchmarks.realtime.messages import Open
from benchmarks.realtime.opening import BareOpening, Opening, SocketOpening, StreamOpening
from benchmarks.realtime.poster import Poster


class Entrance:
    """One command's clients. `opening`: connected and not yet live. Raises OSError."""

    def __init__(
        self, command: Open, live: Callable[[Member], None], fail: Callable[[str], None]
    ) -> None:
        self._command = command
        self._live = live
        self._fail = fail
        self._left = deque(zip_longest(command.topics, command.tokens, fillvalue=""))
        self._poster = Poster(command.port) if command.transport == "sse" else None
        self.opening = 0

    @property
    def busy(self) -> bool:
        """Not all are live."""
        return bool(self._left) or self.opening > 0

    def connect(self) -> Iterator[Member]:
        """As many more as may be connecting. Raises OSError."""
        while self._left and self.opening < self._command.at_once:
            self.opening += 1
            yield self._member(*self._left.popleft())

    def _member(self, topic: str, token: str) -> Member:
        command = self._command
        post: list[Callable[[str], None]] = []
        opening: Opening
        if command.transport == "bare":
            opening = BareOpening(command.port)
        elif self._poster is None:
            opening = SocketOpening(command.port, topic, token, command.since)
        else:
            poster = self._poster
            opening = StreamOpening(
                lambda request: poster.post(request, post[0]), topic, token, command.since
            )
        member = Member(command.port, opening, slow=command.slow, apart=command.apart)
        post.append(partial(self._posted, member))
        return member

    def _posted(self, member: Member, refusal: str) -> None:
        if refusal:
            self._fail(refusal)
        else:
            self._live(member)

    def poll(self) -> None:
        """Take the answers to subscriptions that were posted."""
        if self._poster is not None:
            self._poster.poll()

    def close(self) -> None:
        """When all are live, or will not be."""
        if self._poster is not None:
            self._poster.close()
