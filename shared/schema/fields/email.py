"""E-mail addresses, kept as they were written."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from shared.errors import FieldError
from shared.schema.fields.cast import text_of
from shared.schema.fields.domains import (
    DOMAIN_OPTIONS,
    DomainList,
    domain_list_problems,
    is_domain,
)
from shared.schema.fields.field import INVALID, REQUIRED_OPTION, Field, Value
from shared.schema.fields.options import Option

# RFC 5321, section 4.5.3.1: 64 octets before the @, 254 for the whole path without its brackets.
_LOCAL_CHARS_MAX: Final = 64
_ADDRESS_CHARS_MAX: Final = 254
# RFC 5322's dot-atom, with the non-ASCII letters of RFC 6531; no quoted local parts.
_ATOM: Final = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")

_NOT_AN_EMAIL: Final = FieldError("validation_is_email", "Must be a valid email address.")
_NOT_ADMITTED: Final = FieldError(
    "validation_email_domain_not_allowed", "This email domain is not allowed."
)


class EmailField(Field):
    """Type `email`."""

    kind = "email"
    OPTIONS: ClassVar[tuple[Option, ...]] = (*DOMAIN_OPTIONS, REQUIRED_OPTION)
    except_domains: tuple[str, ...]
    only_domains: tuple[str, ...]

    def settle(self) -> None:
        """Prepare the lists for look-up."""
        self._domains = DomainList(self.only_domains, self.except_domains)

    def prepare(self, raw: object) -> Value:
        """Text of any scalar. Raises FieldProblem."""
        return text_of(raw)

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

    def option_problems(self) -> dict[str, FieldError]:
        """One list at most, of real domains."""
        return domain_list_problems(self.only_domains, self.except_domains)


def is_email(text: str) -> bool:
    """Whether `text` is an address of the everyday form `local@domain.tld`."""
    if len(text) > _ADDRESS_CHARS_MAX:
        return False
    local, at, domain = text.rpartition("@")
    if not at or not 0 < len(local) <= _LOCAL_CHARS_MAX:
        return False
    if "." not in domain or domain.endswith(".") or not is_domain(domain):
        return False
    return _LOCAL.fullmatch(local) is not None
