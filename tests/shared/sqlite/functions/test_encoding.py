"""Base64 agrees with Python's own module; passwords are hashed; nobody knows places.

The modules `shared.sqlite.functions.encoding`, `shared.sqlite.functions.passwords` and
`shared.sqlite.functions.places`.
"""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.limits import SQL_BLOB_BYTES_MAX, SQL_TEXT_BYTES_MAX
from shared.passwords import verify_password
from shared.sqlite.functions.function import FunctionError
from tests.shared.sqlite.functions.calling import Calling, call


@given(st.binary())
def test_base64_both_ways(blob: bytes) -> None:
    """Encoded as Python does it, and back again."""
    standard, safe = call("base64(?1), base64_url_safe(?1)", blob)
    assert (standard, safe) == (
        base64.b64encode(blob).decode(),
        base64.urlsafe_b64encode(blob).decode(),
    )
    assert call("base64(?), base64_url_safe(?)", standard, safe) == (blob, blob)


@pytest.mark.parametrize("value", ["a", "a===", "YQ", "Y Q==", "é", "YQ==YQ==", 1, 1.5])
@pytest.mark.parametrize("name", ["base64", "base64_url_safe"])
def test_no_base64(name: str, value: object) -> None:
    """Padding is needed, and nothing but the alphabet."""
    with pytest.raises(FunctionError, match=name):
        call(f"{name}(?)", value)


def test_alphabets_are_kept_apart() -> None:
    """Each function knows its own."""
    for expression in ("base64('_w==')", "base64_url_safe('/w==')"):
        with pytest.raises(FunctionError, match="no base64"):
            call(expression)


def test_null_and_size() -> None:
    """NULL stays NULL; too much is refused."""
    assert call("base64(NULL), base64_url_safe(NULL), hash_password(NULL)") == (None,) * 3
    with pytest.raises(FunctionError, match="larger"):
        call("base64(zeroblob(?))", SQL_BLOB_BYTES_MAX + 1)
    with pytest.raises(FunctionError, match="larger"):
        call("base64(?)", "A" * (SQL_TEXT_BYTES_MAX + 4))
    with pytest.raises(FunctionError, match="larger"):
        call("hash_password(?)", "x" * 1_025)
    with pytest.raises(FunctionError, match="a text is needed"):
        call("hash_password(1)")


def test_a_password_is_hashed_for_each_row() -> None:
    """Salted, so never twice the same; also as a default."""
    run = Calling().connection.execute
    run("CREATE TABLE t(n, h DEFAULT (hash_password('secret')))")
    run("INSERT INTO t(n) VALUES (1), (2)")
    hashes = [str(row[0]) for row in run("SELECT h FROM t")]
    assert len(set(hashes)) == 2
    assert all(verify_password(each, "secret") for each in hashes)


def test_places_are_not_known() -> None:
    """Without a database of them."""
    assert (
        call("geoip_country('1.1.1.1'), geoip_city_name('::1'), geoip_city_json(NULL)")
        == (None,) * 3
    )
