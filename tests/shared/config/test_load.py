"""From files and variables to one Config: who wins, where secrets go, what is refused.

Tests `shared.config.load`, `shared.config.vault`, `shared.config.environment`,
`shared.config.build`, `shared.config.check`, `shared.config.one_line`.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given

from shared.config.build import check_value
from shared.config.check import check, is_url
from shared.config.config import DEFAULT, Config, write_config
from shared.config.declaration import SECRET_SHOWN, declared
from shared.config.default_text import DEFAULT_TEXT
from shared.config.environment import override
from shared.config.load import FROM_FILE, FROM_SECRETS, idle, load, load_trees
from shared.config.operation import Batch
from shared.config.places import get, places
from shared.config.problem import ConfigError
from shared.config.text import write_secrets
from shared.config.vault import entry, lock, unlock, without_secrets
from shared.limits import DATABASES_MAX
from tests.shared.config.test_text import TRAILDEPOT
from tests.shared.config.trees import trees

PASSWORD = "email.smtp_password"


def refused(text: bytes, environment: dict[str, str] | None = None) -> dict[str, str]:
    """Code by path."""
    with pytest.raises(ConfigError) as caught:
        load(text, b"", environment or {})
    return {path: problem.code for path, problem in caught.value.problems.items()}


def test_nothing_set_is_the_default() -> None:
    """Empty files, and the file that a new depot gets."""
    for text in (b"", DEFAULT_TEXT.encode()):
        loaded = load(text, b"", {})
        assert (loaded.config, loaded.sources, loaded.notes) == (DEFAULT, {}, ())


def test_the_examples_of_the_default_file_hold() -> None:
    """What it shows in comments is accepted when they are taken away."""
    _, _, example = DEFAULT_TEXT.partition("#\n# server {")
    text = "server {" + example.replace("\n# ", "\n")
    assert load(text.encode(), b"", {}).config.batch.max_requests == 50


def test_a_traildepot_opens_as_it_is() -> None:
    """Its settings are all accepted; the bound of bodies that is above ours, too."""
    loaded = load(TRAILDEPOT, b"", {})
    assert loaded.config.record_apis[0].table_name == "tenants.posts"
    assert loaded.config.server.request_size_limit_bytes == 104_857_600
    assert loaded.config.email.uses_smtp
    assert "jobs.system_jobs" in idle(loaded.sources)
    assert "databases" not in idle(loaded.sources)


def test_variables_win_and_ours_win_over_theirs() -> None:
    """QUILL_ over TRAIL_ over the file; TRAIL_ only where the group is there."""
    given_ = {
        "QUILL_SERVER_APPLICATION_NAME": "ours",
        "TRAIL_SERVER_APPLICATION_NAME": "theirs",
        "TRAIL_SERVER_SITE_URL": "https://theirs.example",
        "TRAIL_EMAIL_SMTP_HOST": "not read",
        "QUILL_SERVER_S3_STORAGE_CONFIG_ENABLED": "false",
        "QUILL_EMAIL_SMTP_ENCRYPTION": "tls",
        "QUILL_LOGS_MIN_LEVEL": "-4",
        "QUILL_SERVER_APPLICATION_NAMES": "a slip",
    }
    loaded = load(b'server { application_name: "file" }', b"", given_)
    assert loaded.config.server.application_name == "ours"
    assert loaded.config.server.site_url == "https://theirs.example"
    assert loaded.config.email.smtp_host == ""
    assert loaded.config.email.smtp_encryption.name == "TLS"
    assert loaded.config.server.s3_storage_config is not None
    assert loaded.config.logs.min_level == -4
    assert loaded.sources["server.application_name"] == "QUILL_SERVER_APPLICATION_NAME"
    assert loaded.notes == ("QUILL_SERVER_APPLICATION_NAMES is no setting",)
    assert loaded.tree == {"server": {"application_name": "file"}}


def test_entries_of_maps_have_variables() -> None:
    """By their key, as far as the file has them."""
    name = "TRAIL_AUTH_OAUTH_PROVIDERS_DISCORD_CLIENT_SECRET"
    loaded = load(TRAILDEPOT, b"", {name: "s3cr3t"})
    assert loaded.config.auth.oauth_providers["discord"].client_secret == "s3cr3t"
    assert "s3cr3t" not in write_config(loaded.public)


@pytest.mark.parametrize(
    ("name", "text", "path"),
    [
        ("QUILL_BATCH_ENABLED", "maybe", "batch.enabled"),
        ("QUILL_BATCH_MAX_REQUESTS", "many", "batch.max_requests"),
        ("QUILL_BATCH_MAX_REQUESTS", "9" * 30, "batch.max_requests"),
        ("QUILL_BATCH_MAX_REQUESTS", "0", "batch.max_requests"),
        ("QUILL_EMAIL_SMTP_ENCRYPTION", "ROT13", "email.smtp_encryption"),
        ("QUILL_SERVER_SITE_URL", os.fsdecode(b"http://\xff"), "server.site_url"),
    ],
)
def test_a_bad_variable_is_refused(name: str, text: str, path: str) -> None:
    """By the path of its setting; its value is not told."""
    with pytest.raises(ConfigError) as caught:
        load(b"", b"", {name: text})
    assert list(caught.value.problems) == [path]
    assert text == "0" or text not in str(caught.value)


def test_a_secret_is_the_files_or_the_vaults() -> None:
    """Written plainly it wins; redacted or absent it is the vault's; without its group it is not."""
    vault = write_secrets({entry(PASSWORD): "kept"})
    cases: list[tuple[bytes, str, str | None]] = [
        (b'email { smtp_password: "plain" }', "plain", FROM_FILE),
        (b'email { smtp_password: "<REDACTED>" }', "kept", FROM_SECRETS),
        (b"email { }", "kept", FROM_SECRETS),
        (b"", "", None),
    ]
    for text, password, source in cases:
        loaded = load(text, vault, {})
        assert loaded.config.email.smtp_password == password
        assert loaded.public.email.smtp_password == ""
        assert loaded.sources.get(PASSWORD) == source
    odd = load(b'email { smtp_password: "<REDACTED>" }', b"", {})
    assert odd.config.email.smtp_password == ""
    assert odd.notes == (f"{PASSWORD} is redacted and not among the secrets",)


@given(trees())
def test_secrets_leave_and_come_back(tree: dict[str, Any]) -> None:
    """Locked, a tree has no secret in it; unlocked with its vault it is the same again."""
    shut, vault = lock(tree, {})
    secrets = [each.path for each in places(tree) if each.setting.secret]
    assert all(get(shut, path) in (None, "", SECRET_SHOWN) for path in secrets)
    assert all(get(without_secrets(tree), path) is None for path in secrets)
    assert unlock(shut, vault)[0] == tree
    assert override(tree, {}, {}) == (tree, {})


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            b'server { application_name: "" site_url: "x" accent_color: "red" }',
            {
                "server.application_name": "validation_required",
                "server.accent_color": "validation_match_invalid",
            },
        ),
        (b'server { site_url: "x" }', {"server.site_url": "validation_is_url"}),
        (b'server { superuser_ips: ["::1", "1.2.3.4/40"] }', {"server.superuser_ips.1": "validation_invalid_ip"}),
        (b"batch { max_requests: 1001 }", {"batch.max_requests": "validation_max_less_equal_than_required"}),
        (b"batch { timeout_sec: 0 }", {"batch.timeout_sec": "validation_min_greater_equal_than_required"}),
        (b"batch { max_body_bytes: 1 }", {"batch.max_body_bytes": "validation_min_greater_equal_than_required"}),
        (b"email { smtp_port: 70000 }", {"email.smtp_port": "validation_max_less_equal_than_required"}),
        (b"email { smtp_enabled: true smtp_port: 0 }", {"email.smtp_host": "validation_required", "email.smtp_port": "validation_required"}),
        (b'email { sender_address: "nobody" }', {"email.sender_address": "validation_is_email"}),
        (b'email { sender_name: "a\\r\\nBcc: b@c.de" }', {"email.sender_name": "validation_match_invalid"}),
        (b'email { otp_template { subject: "a\\nb" body: "a\\nb" } }', {"email.otp_template.subject": "validation_match_invalid"}),
        (b'auth { redirect_uri_allowlist: ["a", "b\\000"] }', {"auth.redirect_uri_allowlist.1": "validation_match_invalid"}),
        (b"logs { min_level: 9223372036854775807 }", {"logs.min_level": "validation_invalid_value"}),
        (b'databases { name: "main" }', {"databases.0.name": "validation_not_in_invalid"}),
        (b'databases { name: "../x" }', {"databases.0.name": "validation_match_invalid"}),
        (b'databases { name: "a" } databases { name: "A" }', {"databases.1.name": "validation_not_unique"}),
        (b'databases { name: "Staged" }', {"databases.0.name": "validation_not_in_invalid"}),
        (b"databases { }", {"databases.0.name": "validation_required"}),
        (b'record_apis { name: "a b" table_name: "t" }', {"record_apis.0.name": "validation_match_invalid"}),
        (b'record_apis { name: "a" table_name: "x.t" }', {"record_apis.0.table_name": "validation_in_invalid"}),
        (b'record_apis { name: "a" table_name: "t" } record_apis { name: "a" table_name: "t" }', {"record_apis.1.name": "validation_not_unique"}),
        (b'schemas { name: "s" schema: "{" }', {"schemas.0.schema": "validation_invalid_json"}),
        (b'rate_limits { rules { label: "no" audience: "x" } }', {"rate_limits.rules.0.label": "validation_match_invalid", "rate_limits.rules.0.audience": "validation_in_invalid"}),
        (b'rate_limits { rules { label: "/a" } rules { label: "/a" } }', {"rate_limits.rules.1.label": "validation_not_unique"}),
        (b"backups { s3 { enabled: true region: 'r' endpoint: 'e' access_key: 'k' } }", {"backups.s3.bucket_name": "validation_required"}),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_path(text: bytes, problems: dict[str, str]) -> None:
    """Bounds, forms, names that are taken or reserved, references to nothing."""
    assert refused(text) == problems


@pytest.mark.parametrize("name", ["a.b", "", "a b", "a/b", "\\303\\244"])
def test_names_of_providers_are_plain(name: str) -> None:
    """With a dot in its name a provider's secret would not be found, and stay where it stands."""
    text = f'auth {{ oauth_providers {{ key: "{name}" value {{ client_secret: "x" }} }} }}'
    assert list(refused(text.encode()).values()) == ["validation_match_invalid"]


def test_what_may_have_lines() -> None:
    """Bodies of mails, schemas and rules."""
    text = (
        'email { otp_template { body: "a\\nb" } } schemas { name: "s" schema: "{\\n}" }'
        ' record_apis { name: "a" table_name: "t" read_access_rule: "1\\n= 1" }'
    )
    assert load(text.encode(), b"", {}).config.schemas[0].schema == "{\n}"


def test_names_of_providers_do_not_share_a_secret() -> None:
    """Two that differ in what a variable's name cannot show would."""
    text = b'auth { oauth_providers { key: "a-b" } oauth_providers { key: "A_b" } }'
    assert list(refused(text).values()) == ["validation_not_unique"]


def test_no_more_databases_than_can_be_open() -> None:
    """All are refused, rather than some left out."""
    text = "".join(f'databases {{ name: "d{at}" }}' for at in range(DATABASES_MAX))
    assert len(load(text.encode(), b"", {}).config.databases) == DATABASES_MAX
    more = refused(f'{text} databases {{ name: "more" }}'.encode())
    assert more == {"databases": "validation_length_too_long"}


def test_labels_of_rate_limits() -> None:
    """Every form that a label may have."""
    labels = ["/api/", "POST /api/x", "*:create", "posts:list", "/api/batch"]
    tree = {"rate_limits": {"rules": [{"label": label} for label in labels]}}
    assert len(load_trees(tree, {}, {}).config.rate_limits.rules) == len(labels)
    assert check(Config()) == {}
    assert is_url("http://[::1]:80/x")
    assert not is_url("http://[::1")
    assert check_value(declared(Batch)["enabled"], 1) is not None
