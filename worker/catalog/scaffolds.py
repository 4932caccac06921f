"""Empty definitions of each kind, with everything that follows from the kind alone."""

from __future__ import annotations

from shared.schema.auth_fields import auth_fields
from shared.schema.auth_options import new_options
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, BASE, VIEW, VIEW_QUERY, Collection
from shared.schema.field_list import ID_FIELD
from shared.schema.fields import field_from_json
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, identity_in
from worker.records.superuser_plan import require_superuser


def scaffolds(snapshot: Snapshot, catalog: Catalog, origin: Origin) -> dict[str, object]:
    """Work for `Reader.read`: kind → definition in wire form. Raises UNAUTHENTICATED, FORBIDDEN."""
    require_superuser(identity_in(origin.caller, snapshot, catalog))
    made = (
        Collection("", "", BASE, system=False, fields=(field_from_json(ID_FIELD),)),
        Collection("", "", AUTH, system=False, fields=auth_fields(), options=new_options()),
        Collection("", "", VIEW, system=False, fields=(), options={VIEW_QUERY: ""}),
    )
    return {one.type: one.to_json() for one in made}


def oauth2_providers(
    snapshot: Snapshot, catalog: Catalog, origin: Origin
) -> list[dict[str, object]]:
    """Work for `Reader.read`: the providers that one can log in with; none yet."""
    require_superuser(identity_in(origin.caller, snapshot, catalog))
    return []
