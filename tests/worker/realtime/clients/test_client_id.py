"""Ids that name their owner."""

from __future__ import annotations

import pytest

from worker.realtime.clients.client_id import CLIENT_ID_CHARS, Owner, new_client_id, owner_of


@pytest.mark.parametrize("owner", [Owner(0, 0), Owner(1, 2**63 - 1), Owner(255, 12345)])
def test_an_id_names_its_owner(owner: Owner) -> None:
    """Slot and incarnation come back from the 40 characters."""
    client_id = new_client_id(owner)
    assert len(client_id) == CLIENT_ID_CHARS
    assert owner_of(client_id) == owner
    assert new_client_id(owner) != client_id


@pytest.mark.parametrize("text", ["", "x" * 40, "0" * 39, "0" * 41, "0" * 40 + "\n", "٣" * 40])
def test_what_we_never_gave_out_has_no_owner(text: str) -> None:
    """Anything that is not 40 lower-case hex digits is nobody's."""
    assert owner_of(text) is None
