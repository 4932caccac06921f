"""E-mail addresses, kept as they were written."""

from __future__ import annotations

import re
from typing import Final

from shared.errors import FieldError
from shared.schema.fields.domains import DomainField, is_domain
from shared.schema.fields.field import INVALID, Value

# RFC 5321, section 4.5.3.1: 64 octets before the @, 254 for the whole path without its brackets.
LOCAL_CHARS_MAX: Final = 64
_ADDRESS_CHARS_MAX: Final = 254
# RFC 5322's dot-atom, with the non-ASCII letters of RFC 6531; no quoted local parts.
_ATOM: Final = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")

_NOT_AN_EMAIL: Final = FieldError("validation_is_email", "Must be a valid email address.")
_NOT_ADMITTED: Final = FieldError(
    "validation_email_domain_not_allowed", "This email domain is not allowed."
)


class EmailField(DomainField):
    """Type `email`."""

    kind = "email"

    def check(self, value: Value) -> FieldError | None:
        """Form, then domain."""
        if not value:
            return self.blank
        if type(value) is not str:
            return INVALID
        if not is_email(value):
            return _NOT_AN_EMAIL
        if self._domains.open or self._domains.admits(value.rpartition("@")[2]):
            return None
        return _NOT_ADMITTED


def is_email(text: str) -> bool:
    """Whether `text` is an address of the everyday form `local@domain.tld`."""
    if len(text) > _ADDRESS_CHARS_MAX:
        return False
    local, at, domain = text.rpartition("@")
    if not at or not 0 < len(local) <= LOCAL_CHARS_MAX:
        return False
    if "." not in domain or domain.endswith(".") or not is_domain(domain):
        return False
    return _LOCAL.fullmatch(local) is not None
