"""Who may ask for what only superusers may."""

from __future__ import annotations

import pytest

from shared.access.identity import GUEST, Identity
from shared.errors import Kind, QuillError
from worker.records.superuser_plan import require_superuser


@pytest.mark.parametrize(
    ("identity", "kind"),
    [
        (GUEST, Kind.UNAUTHENTICATED),
        (Identity("c_users", "users", {"id": "ann"}), Kind.FORBIDDEN),
    ],
)
def test_others_are_refused(identity: Identity, kind: Kind) -> None:
    """A guest may log in first; somebody else may not at all."""
    with pytest.raises(QuillError) as refused:
        require_superuser(identity)
    assert refused.value.kind is kind


def test_superusers_may() -> None:
    """Nothing is raised."""
    require_superuser(Identity("pbc_3142635823", "_superusers", {"id": "root"}, superuser=True))
