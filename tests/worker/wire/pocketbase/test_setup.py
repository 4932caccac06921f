"""The one-time page for the first superuser. Also `worker.auth.setup`."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.fresh import fresh_client
from worker.auth.setup import link_holds

FORM = {"email": "first@example.com", "password": "long enough", "passwordConfirm": "long enough"}
LOGIN = "/api/collections/_superusers/auth-with-password"


@pytest.fixture
def browser(own_cluster: ClusterProcess) -> Iterator[httpx.Client]:
    """Somebody at the machine itself."""
    with fresh_client(own_cluster.url) as client:
        yield client


def _link(cluster: ClusterProcess) -> str:
    found = re.search(r"/_/setup\?token=[\w.~-]+", "".join(cluster.banner))
    assert found is not None, cluster.banner
    return found[0]


def test_the_page_makes_one_superuser(own_cluster: ClusterProcess, browser: httpx.Client) -> None:
    """A plain form; what is wrong is told; afterwards the link is gone for all workers."""
    link = _link(own_cluster)
    page = browser.get(link)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text

    wrong = browser.post(link, data={**FORM, "email": '"><b>x', "password": "short"})
    assert wrong.status_code == 400
    assert "<b>" not in wrong.text
    short = browser.post(link, data={**FORM, "password": "short", "passwordConfirm": "short"})
    assert "at least 8" in short.text
    assert browser.post(LOGIN, json={"identity": "x", "password": "x"}).status_code == 400

    assert browser.post(link, data=FORM).status_code == 200
    body = {"identity": FORM["email"], "password": FORM["password"]}
    assert browser.post(LOGIN, json=body).status_code == 200
    for _ in range(4):
        with fresh_client(own_cluster.url) as other:
            assert other.get(link).status_code == 403
            second = other.post(link, data={**FORM, "email": "second@example.com"})
            assert second.status_code == 403
    token = link.partition("=")[2]
    assert token not in "".join(own_cluster.log)


def test_the_page_is_for_this_machine_and_its_link(
    own_cluster: ClusterProcess, browser: httpx.Client
) -> None:
    """Not through a proxy, not with another token, not when somebody was first."""
    link = _link(own_cluster)
    for path, headers in (
        (link, {"X-Forwarded-For": "127.0.0.1"}),
        (link + "x", {}),
        ("/_/setup", {}),
        ("/_/setup?token=", {}),
        ("/_/setup?token=%ff%00", {}),
    ):
        assert browser.get(path, headers=headers).status_code == 403
        assert browser.post(path, headers=headers, data=FORM).status_code == 403
    assert browser.post(link, json=FORM).status_code == 400
    assert browser.post(link, data={**FORM, "x": "y" * 20_000}).status_code == 400
    own_cluster.superuser_token()
    assert browser.post(link, data=FORM).status_code == 403


def test_a_link_expires(tmp_path: Path) -> None:
    """A secret that is too old, empty or unreadable opens nothing."""
    path = tmp_path / "setup"
    assert not link_holds(path, "secret")
    path.write_text(json.dumps({"token": "secret", "expires": time.time() + 10}))
    assert link_holds(path, "secret")
    assert not link_holds(path, "Secret")
    assert not link_holds(path, "")
    for text in ('{"token": "secret", "expires": 1}', '{"token": "", "expires": 9e9}', "{", "[]"):
        path.write_text(text)
        assert not link_holds(path, "secret")
        assert not link_holds(path, "")
