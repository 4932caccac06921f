"""Where a browser may be sent: our own pages and what the settings name, however it is spelt."""

from __future__ import annotations

import pytest

from shared.config.auth import Auth
from shared.config.config import Config
from shared.config.server import Server
from shared.errors import QuillError
from worker.auth.users.redirect import check_redirect, with_query

CONFIG = Config(
    server=Server(site_url="https://app.example.com"),
    auth=Auth(
        custom_uri_schemes=("my-app",), redirect_uri_allowlist=("https://other.example.org/back",)
    ),
)


@pytest.mark.parametrize(
    "uri",
    ["", "/", "/page?a=b#c", "https://app.example.com", "https://APP.example.com/x?y",
     "my-app://login", "https://other.example.org/back"],
)  # fmt: skip
def test_own_pages_and_named_ones_are_led_to(uri: str) -> None:
    """As they were asked."""
    assert check_redirect(CONFIG, uri) == uri


@pytest.mark.parametrize(
    "uri",
    ["//evil.example.org", "/\\evil.example.org", "\\/evil.example.org", "/\t/evil.example.org",
     "/\r\nset-cookie: a=b", " /", "http://app.example.com", "https://app.example.com.evil.org",
     "https://app.example.com@evil.org", "https://app.example.com:444/", "https:/page", "https:page",
     "https://other.example.org/back2", "javascript:alert(1)", "data:text/html,x", "evil",
     "other-app://login", "https://[", "/é", "/" + "a" * 5000],
)  # fmt: skip
def test_nothing_else_is(uri: str) -> None:
    """A page that we lead to may pass for ours."""
    with pytest.raises(QuillError, match="invalid redirect"):
        check_redirect(CONFIG, uri)


def test_without_an_address_only_paths_are_ours() -> None:
    """An empty site has no host that could be the same."""
    assert check_redirect(Config(), "/x") == "/x"
    with pytest.raises(QuillError):
        check_redirect(Config(), "https:///x")


def test_parameters_join_a_query() -> None:
    """Encoded, beside those that are there, before a fragment."""
    assert with_query("/a?b=1&c=#d", alert="x y&z") == "/a?b=1&c=&alert=x+y%26z#d"
