"""Where a browser may be sent after a login or a write: our own pages, and what the settings name."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from shared.config.config import Config
from shared.errors import invalid

_CHARS_MAX: Final = 2_048
_PLAIN: Final = re.compile(r"[!-\[\]-~]+")
_WEB: Final = frozenset({"http", "https"})


def check_redirect(config: Config, uri: str) -> str:
    """`uri` itself, where a browser may be sent there; "" for none.

    Raises INVALID for any other: a page that we lead to may pass for ours.
    """
    if uri and not _may_lead_to(config, uri):
        raise invalid("invalid redirect")
    return uri


def with_query(uri: str, **parameters: str) -> str:
    """`uri` with these parameters in its query."""
    parts = urlsplit(uri)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *parameters.items()])
    return parts._replace(query=query).geturl()


def _may_lead_to(config: Config, uri: str) -> bool:
    # Browsers drop control characters and read backslashes as slashes, so `/\host` leaves us.
    if len(uri) > _CHARS_MAX or _PLAIN.fullmatch(uri) is None:
        return False
    if uri in config.auth.redirect_uri_allowlist:
        return True
    if uri.startswith("/"):
        return not uri.startswith("//")
    try:
        asked, site = urlsplit(uri), urlsplit(config.server.site_url)
    except ValueError:
        return False
    if asked.scheme in _WEB:
        same = (asked.scheme, asked.netloc.lower()) == (site.scheme, site.netloc.lower())
        return same and bool(asked.netloc)
    return bool(asked.scheme) and asked.scheme in config.auth.custom_uri_schemes
