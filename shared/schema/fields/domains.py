"""Lists of allowed and refused domains, and the base of the fields that have them: email and url."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from shared.errors import FieldError
from shared.schema.fields.cast import text_of
from shared.schema.fields.field import REQUIRED_OPTION, Field, Value
from shared.schema.fields.options import Option, read_texts

DOMAIN_CHARS_MAX: Final = 253
# Labels of 1 to 63 letters, digits, hyphens or non-ASCII characters (RFC 1035 with IDNs).
_LABEL: Final = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


def is_domain(text: str) -> bool:
    """Whether `text` looks like a host name. Linear in its length, which is bounded."""
    return len(text) <= DOMAIN_CHARS_MAX and DOMAIN.fullmatch(text) is not None


class DomainList:
    """Which domains pass: only those of `only` when it is set, else all but those of `but`."""

    __slots__ = ("_but", "_only", "open")

    def __init__(self, only: tuple[str, ...], but: tuple[str, ...]) -> None:
        self._only = frozenset(domain.lower() for domain in only)
        self._but = frozenset(domain.lower() for domain in but)
        self.open = not only and not but

    def admits(self, *domains: str) -> bool:
        """Whether a value whose domain is written in any of these ways passes."""
        written = {domain.lower() for domain in domains}
        if self._only and not written & self._only:
            return False
        return not written & self._but


class DomainField(Field):
    """A text whose domain may be restricted."""

    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("exceptDomains", "except_domains", read_texts, ()),
        Option("onlyDomains", "only_domains", read_texts, ()),
        REQUIRED_OPTION,
    )
    except_domains: tuple[str, ...]
    only_domains: tuple[str, ...]

    def settle(self) -> None:
        """Prepare the lists for look-up."""
        self._domains = DomainList(self.only_domains, self.except_domains)

    def prepare(self, raw: object) -> Value:
        """Text of any scalar. Raises FieldProblem."""
        return text_of(raw)

    def option_problems(self) -> dict[str, FieldError]:
        """One list at most, of real domains."""
        return domain_list_problems(self.only_domains, self.except_domains)


def domain_list_problems(only: tuple[str, ...], but: tuple[str, ...]) -> dict[str, FieldError]:
    """What is wrong with the two lists: wire key → error."""
    problems: dict[str, FieldError] = {}
    for key, domains in (("exceptDomains", but), ("onlyDomains", only)):
        if not all(is_domain(domain.rpartition(":")[0] or domain) for domain in domains):
            problems[key] = FieldError("validation_is_domain", "Must be a list of valid domains.")
    if only and but:
        problems["exceptDomains"] = FieldError(
            "validation_empty", "Must be empty when onlyDomains is set."
        )
    return problems
