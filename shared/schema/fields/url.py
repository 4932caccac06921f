"""Web addresses, kept as they were written."""

from __future__ import annotations

import re
from typing import Final

from shared.errors import FieldError
from shared.schema.fields.domains import DomainField, is_domain
from shared.schema.fields.field import INVALID, Value

URL_CHARS_MAX: Final = 2_083
PORT_MAX: Final = 65_535
# RFC 3986's parts; each character class excludes what ends the part, so there is one way to match.
_URL: Final = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?:[^\s/?#@\[\]]*@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)"
    r"(?P<port>:[0-9]{1,5})?"
    r"(?:[/?#][^\s\x00-\x1f\x7f]*)?"
)
_SCHEMES: Final = frozenset({"", "http", "https", "ftp", "tcp", "udp", "ws", "wss"})

_NOT_A_URL: Final = FieldError("validation_invalid_url", "Must be a valid URL.")
_NOT_ADMITTED: Final = FieldError(
    "validation_url_domain_not_allowed", "This URL domain is not allowed."
)


class UrlField(DomainField):
    """Type `url`."""

    kind = "url"

    def check(self, value: Value) -> FieldError | None:
        """Form, then domain; a domain list may name a host with or without its port."""
        if not value:
            return self.blank
        if type(value) is not str:
            return INVALID
        parts = split_url(value)
        if parts is None:
            return _NOT_A_URL
        host, port = parts
        if self._domains.open or self._domains.admits(host, host + port):
            return None
        return _NOT_ADMITTED


def split_url(text: str) -> tuple[str, str] | None:
    """Host and `:port` (or `""`) of a URL; None when it is none. A scheme is not needed."""
    if len(text) > URL_CHARS_MAX:
        return None
    found = _URL.fullmatch(text)
    if found is None or (found["scheme"] or "").lower() not in _SCHEMES:
        return None
    host, port = found["host"], found["port"] or ""
    if port and not 0 < int(port[1:]) <= PORT_MAX:
        return None
    if host.startswith("["):
        return host, port
    if not is_domain(host) or (found["scheme"] is None and "." not in host):
        return None
    return host, port
