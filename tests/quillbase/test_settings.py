"""`quillbase settings show` and `check`, over files and the environment.

Tests `quillbase.cli.settings`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.cluster_process import QUILLBASE

SECRET = "hunter2"


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [QUILLBASE, "settings", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_show_tells_values_and_where_they_come_from(tmp_path: Path) -> None:
    """Default, file, secrets and variable; no secret; what has no effect yet."""
    (tmp_path / "config.textproto").write_text(
        'server { application_name: "Ours" } email { smtp_password: "<REDACTED>" smtp_encryption: TLS }'
        ' databases { name: "tenants" } auth { custom_uri_schemes: ["app"] oauth_providers '
        '{ key: "github" value { client_id: "x" } } }'
    )
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/secrets.textproto").write_text(
        f'secrets {{ key: "TRAIL_EMAIL_SMTP_PASSWORD" value: "{SECRET}" }}'
    )
    done = run("show", "--depot", str(tmp_path), QUILL_SERVER_SITE_URL="https://ours.example")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert rows["server.application_name"] == ['"Ours"', "file"]
    assert rows["server.site_url"] == ['"https://ours.example"', "QUILL_SERVER_SITE_URL"]
    assert rows["email.smtp_password"] == ["<REDACTED>", "secrets"]
    assert rows["email.smtp_encryption"] == ["TLS", "file"]
    assert rows["databases.0.name"] == ['"tenants"', "file"]
    assert rows["auth.custom_uri_schemes"] == ['["app"]', "file"]
    assert rows["auth.oauth_providers.github.client_secret"] == ['""', "default"]
    assert rows["server.s3_storage_config"] == ["unset", "default"]
    assert "server.site_url" in done.stderr.partition("no effect yet")[2]
    assert SECRET not in done.stdout + done.stderr
    few = run("show", "--changed", "--depot", str(tmp_path))
    assert "default" not in few.stdout


def test_check_says_yes_or_why_not(tmp_path: Path) -> None:
    """One line for each problem, exit code 1; a variable counts, too."""
    good, bad = tmp_path / "good.textproto", tmp_path / "bad.textproto"
    good.write_text("batch { max_requests: 10 }")
    done = run("check", str(good))
    assert (done.returncode, done.stdout) == (0, f"{good} is fine.\n"), done.stderr
    bad.write_text('batch { max_requests: 0 } server { application_name: "" }')
    done = run("check", str(bad), QUILL_LOGS_LOG_IP="perhaps")
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "logs.log_ip",
        "server.application_name",
        "batch.max_requests",
    ]
    bad.write_text("""schemas { name: "far" schema: '{"$ref": "http://127.0.0.1:9/x"}' }""")
    assert run("check", str(bad)).stderr.startswith("schemas.0.schema: Is no schema")
    bad.write_text("\nbatch {")
    assert run("check", str(bad)).stderr.startswith("bad.textproto:2:")
    assert run("check", str(tmp_path / "none")).returncode == 1
    assert "no depot" in run("show", "--depot", str(tmp_path / "none")).stderr
