"""The text format: what is written is what is read, and what is wrong is told by its line.

Tests `shared.config.text`, `shared.config.message`.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.build import build
from shared.config.config import Config, read_config, write_config
from shared.config.message import alias, groups, message_class
from shared.config.problem import ConfigError
from shared.config.record_api import Permission
from shared.config.text import read_secrets, read_text, write_secrets, write_text
from tests.shared.config.trees import trees

TRAILDEPOT = b"""
email { smtp_host: "mx" smtp_port: 587 smtp_encryption: SMTP_ENCRYPTION_TLS
        otp_template { subject: "Code" body: "{{ CODE }}" } }
server { application_name: "Trail" site_url: "https://example.com" logs_retention_sec: 604800
         request_size_limit_bytes: 104857600 s3_storage_config { bucket_name: "b" } }
auth { auth_token_ttl_sec: 3600 user_identifier: REQUIRE_EMAIL
       oauth_providers: [{ key: "discord" value { client_id: "1" client_secret: "<REDACTED>"
                                                  provider_id: DISCORD } }] }
jobs { system_jobs: [{ id: BACKUP schedule: "@daily" disabled: true }] }
databases: [{ name: "tenants" }]
record_apis: [
  { name: "posts" table_name: "tenants.posts" conflict_resolution: REPLACE
    enable_subscriptions: true acl_world: [READ] acl_authenticated: [CREATE, READ, UPDATE, DELETE]
    read_access_rule: "_ROW_.public = 1" expand: ["author"] listing_hard_limit: 50 },
  { name: "avatars" table_name: "avatars" }
]
schemas: [{ name: "simple" schema: "{\\"type\\": \\"object\\"}" }]
"""


@given(trees())
def test_what_is_written_is_read(tree: dict[str, object]) -> None:
    """Tree → text → tree, tree → Config, and Config → the catalog's row → Config."""
    assert read_text(write_text(tree)) == tree
    problems: dict[str, object] = {}
    config = build(tree, problems)  # type: ignore[arg-type]
    assert not problems
    assert read_config(write_config(config)) == config


@given(st.dictionaries(st.from_regex(r"TRAIL_[A-Z_]{1,9}", fullmatch=True), st.text(
    st.characters(codec="utf-8"), max_size=20)))  # fmt: skip
def test_secrets_are_read_as_written(vault: dict[str, str]) -> None:
    """Any secret, quotes and line breaks included, survives its file."""
    assert read_secrets(write_secrets(vault)) == vault


def test_a_traildepots_file_is_read() -> None:
    """Everything that TrailBase's settings can say, in its spelling."""
    tree = read_text(TRAILDEPOT)
    assert tree["email"]["smtp_encryption"] == 3
    assert tree["record_apis"][0]["acl_authenticated"] == [1, 2, 4, 8]
    assert tree["auth"]["oauth_providers"]["discord"]["provider_id"] == 10
    assert alias(Permission, "READ") == "PERMISSION_READ"
    assert len(groups()) > 15
    assert message_class(Config.__name__).DESCRIPTOR.full_name == "config.Config"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"server {\n  sight_url: 'x'\n}", 'config.textproto:2:3: Message type "config.Server"'),
        (b"nonsense: 1", 'config.textproto:1:1: Message type "config.Config"'),
        (b"server { application_name: 5 }", "config.textproto:1:28: Expected string."),
        (b"\nemail { smtp_port: many }", "config.textproto:2:20: Couldn't parse integer."),
        (b"email { smtp_encryption: ROT13 }", "has no value named ROT13"),
        (b"server { site_url: 'a' site_url: 'b' }", 'multiple "site_url"'),
        (b"server {", 'config.textproto:1:8: Expected "}".'),
        (b"# fine\n# \xff", "config.textproto:2: the text is not valid UTF-8"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(text: bytes, told: str) -> None:
    """The line, the column where there is one, and what was expected."""
    with pytest.raises(ConfigError) as caught:
        read_text(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"email { smtp_password: hunter2 }",
        b"email { smtp_password: 'hunter2 }",
        b"email { smtp_password:\n 'hunter2 }",
        b"email { smtp_password: 'x' hunter2 }",
        b"auth { oauth_providers { key: 'x' value { client_secret: hunter2 } } }",
    ],
)
def test_an_error_tells_no_secret(text: bytes) -> None:
    """Whatever is wrong around a secret, its text is not in the message."""
    with pytest.raises(ConfigError) as caught:
        read_text(text)
    assert "hunter2" not in str(caught.value)


def test_an_error_in_the_vault_tells_nothing_of_it() -> None:
    """Everything there may be a secret, also what stands in the place of a name."""
    for raw in (b"hunter2", b"secrets {\nhunter2: 1 }", b'secrets { key: "a"\nhunter2: "b" }'):
        with pytest.raises(ConfigError) as caught:
            read_secrets(raw)
        assert "hunter2" not in str(caught.value)
        assert str(caught.value).startswith("secrets.textproto:")


@given(st.binary(max_size=60))
def test_no_bytes_are_too_strange(raw: bytes) -> None:
    """Any file is read or refused, and nothing else is raised."""
    for read in (read_text, read_secrets):
        try:
            read(raw)
        except ConfigError:
            continue


@pytest.mark.parametrize("escape", [rb"\xff", rb"\377", rb"\ud800", rb"\U00110000", rb"\0"])
def test_texts_that_are_no_text(escape: bytes) -> None:
    """Escapes that make no Unicode are refused; NUL is a character."""
    text = b'server { site_url: "' + escape + b'" }'
    if escape == rb"\0":
        assert read_text(text) == {"server": {"site_url": "\0"}}
        return
    with pytest.raises(ConfigError):
        read_text(text)
