"""The shape of PocketBase's settings over ours: what is written into one is read from the other.

Tests `worker.settings.pocketbase_shape`, `worker.settings.body_limit`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.build import build
from shared.config.config import DEFAULT, Config
from shared.config.operation import Batch
from shared.config.places import get, leaves, put
from shared.config.server import Server
from shared.limits import BODY_BYTES_MAX, BODY_BYTES_SETTING_MIN
from tests.shared.config.trees import trees
from worker.settings.body_limit import body_limit
from worker.settings.pocketbase_shape import LEAVES, key_of, merged, to_settings, write_leaf


@given(trees())
def test_a_shape_written_back_is_the_same(tree: dict[str, Any]) -> None:
    """Config → shape → an empty tree → Config has the same shape, secrets apart."""
    settings = to_settings(build(tree, {}))
    written: dict[str, Any] = {}
    for leaf in LEAVES:
        if not leaf.secret:
            value = get(settings, leaf.key)
            problem = write_leaf(written, leaf, value)
            assert problem is None or leaf.key == "logs.maxDays", leaf.key
    again = to_settings(build(written, {}))
    again["logs"]["maxDays"] = settings["logs"][
        "maxDays"
    ]  # whole days may pass what a number holds
    assert again == settings


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@given(st.sampled_from(LEAVES), _JSON)
def test_any_value_is_written_or_a_problem(leaf: Any, value: Any) -> None:
    """Whatever JSON a client sends for a key."""
    problems: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    put(changes, leaf.key, value)
    wanted = get(merged(to_settings(DEFAULT), changes, problems), leaf.key)
    tree: dict[str, Any] = {}
    problem = None if wanted is None else write_leaf(tree, leaf, wanted)
    if problem is not None:
        assert tree == {}
        return
    found: dict[str, Any] = {}
    build(tree, found)
    assert all(key_of(path).startswith(leaf.key) for path in found)


def test_keys_that_nobody_knows_say_nothing() -> None:
    """Nor does null; a group that is none is a problem."""
    problems: dict[str, Any] = {}
    before = to_settings(DEFAULT)
    assert merged(before, {"new": 1, "meta": {"x": 1, "appName": None}}, problems) == before
    assert not problems
    merged(before, {"meta": 5}, problems)
    assert list(problems) == ["meta"]


def test_no_secret_is_shown() -> None:
    """The three secrets are in the table, and not in what is shown."""
    secret = [leaf.key for leaf in LEAVES if leaf.secret]
    assert secret == ["smtp.password", "backups.s3.secret", "s3.secret"]
    shown = {path for path, _ in leaves(to_settings(DEFAULT))}
    assert not shown & set(secret)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("server.site_url", "meta.appURL"),
        ("rate_limits.rules.2.max_requests", "rateLimits.rules.2.maxRequests"),
        ("server.superuser_ips.0", "superuserIPs.0"),
        ("backups.s3.bucket_name", "backups.s3.bucket"),
        ("record_apis.0.name", "record_apis.0.name"),
    ],
)
def test_problems_are_told_by_the_clients_keys(path: str, key: str) -> None:
    """Also inside lists; what the shape has not keeps its own name."""
    assert key_of(path) == key


def test_bounds_of_bodies() -> None:
    """The request's, the batch's, and never more than can be read back."""
    small = BODY_BYTES_SETTING_MIN
    config = Config(server=Server(request_size_limit_bytes=small), batch=Batch())
    assert body_limit(config, "create") == body_limit(config, "batch") == small
    config = Config(batch=Batch(max_body_bytes=small))
    assert (body_limit(config, "batch"), body_limit(config, "other")) == (small, BODY_BYTES_MAX)
    config = Config(server=Server(request_size_limit_bytes=10 * BODY_BYTES_MAX))
    assert body_limit(config, "create") == BODY_BYTES_MAX
