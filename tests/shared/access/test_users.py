"""Identities of `_user`: their ids in both forms, and what they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access.identity import GUEST, Identity
from shared.access.users import (
    SECRET_COLUMNS,
    id_bytes,
    id_text,
    is_user,
    user_id,
    user_identity,
)
from shared.schema.fields.field import Value


@given(st.binary(min_size=16, max_size=16))
def test_an_id_goes_there_and_back(value: bytes) -> None:
    """As text it has 24 characters."""
    assert len(id_text(value)) == 24
    assert id_bytes(id_text(value)) == value


@pytest.mark.parametrize(
    "text",
    ["", "a", "A" * 22, "A" * 24, "A" * 23 + "=", "AAAAAAAAAAAAAAAAAAAAAB==", "é" * 24,
     "+/AAAAAAAAAAAAAAAAAAAA==", " AAAAAAAAAAAAAAAAAAAAA=="],
)  # fmt: skip
def test_another_text_is_no_id(text: str) -> None:
    """Of one id there is one text."""
    assert id_bytes(text) is None


def test_an_identity_keeps_the_blob_and_shows_a_text() -> None:
    """An admin is a superuser, and secrets may not be compared."""
    record: dict[str, Value] = {"id": bytes(range(16)), "admin": 1, "password_hash": "x"}
    identity = user_identity(record)
    assert is_user(identity)
    assert identity.superuser
    assert not user_identity({**record, "admin": 0}).superuser
    assert identity.refused == SECRET_COLUMNS
    assert (user_id(identity), identity.id) == (record["id"], "AAECAwQFBgcICQoLDA0ODw==")
    assert identity.actor == "_user/AAECAwQFBgcICQoLDA0ODw=="


def test_others_have_their_own_ids() -> None:
    """A text, or none."""
    assert user_id(GUEST) is None
    other = Identity("pbc_1", "members", {"id": "abc"})
    assert (user_id(other), is_user(other), other.id) == ("abc", False, "abc")
