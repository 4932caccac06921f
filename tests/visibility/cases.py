"""All cases of the suite."""

from __future__ import annotations

from typing import Final

from tests.visibility import access, related, rules

CASES: Final = (*rules.CASES, *access.CASES, *related.CASES)
