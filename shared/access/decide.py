"""What a rule means for a caller before any row is looked at.

`None` is for superusers alone, `""` for everybody, other text is an expression to be judged against
rows. A text of blanks is an expression too: it does not parse, so it denies.
"""

from __future__ import annotations

import enum
from typing import Final, Literal

from shared.access.identity import Identity


class Verdict(enum.Enum):
    """A rule's answer that needs no row."""

    DENY = "deny"
    ALLOW = "allow"


DENY: Final = Verdict.DENY
ALLOW: Final = Verdict.ALLOW

Decision = Literal[Verdict.DENY, Verdict.ALLOW] | str


def decide(rule: str | None, identity: Identity) -> Decision:
    """DENY, ALLOW, or the rule's text, which is then to be compiled and judged."""
    if identity.superuser:
        return ALLOW
    if rule is None:
        return DENY
    return rule or ALLOW
