"""The one exception that ends a start: a sentence for the user, without a traceback."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """The cluster cannot start (or may not), and this is why."""
