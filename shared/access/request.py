"""What a rule may read of a request: who asks, in which context, and what was sent.

Nothing is copied or parsed beforehand: query and headers are asked of their source when a rule
names them, since hardly any does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from shared.access.identity import GUEST, Identity

DEFAULT: Final = "default"
REALTIME: Final = "realtime"
EXPAND: Final = "expand"
BATCH: Final = "batch"
PASSWORD: Final = "password"  # noqa: S105  a way to log in
"""Values of `@request.context`; others come with the features that they name."""


_NOTHING: Final[Mapping[str, object]] = {}


class RequestSource(Protocol):
    """The HTTP side of a request, or of one part of a batch."""

    @property
    def method(self) -> str:
        """Its name in capitals."""

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query, decoded."""

    def header(self, name: bytes) -> str | None:
        """The value of a header; `name` in lower case."""


class AccessRequest(NamedTuple):
    """One question to a rule.

    `body`: JSON values by field name, modifiers like `n+` already resolved. `source` is None where
    no HTTP request asks (a change that is judged for a listener, say): query and headers are empty.
    """

    identity: Identity
    context: str = DEFAULT
    source: RequestSource | None = None
    body: Mapping[str, object] = _NOTHING

    @property
    def method(self) -> str:
        """The HTTP method, `GET` where there is none."""
        return "GET" if self.source is None else self.source.method

    def query(self, name: str) -> str | None:
        """A parameter of the query, None where it was not sent."""
        return None if self.source is None else self.source.query.get(name)

    def header(self, name: str) -> str | None:
        """A header by its name in rules (`x_token` for `X-Token`), None where it was not sent."""
        if self.source is None:
            return None
        return self.source.header(name.replace("_", "-").encode())


GUEST_REQUEST: Final = AccessRequest(GUEST)
"""A question of nobody in particular."""
