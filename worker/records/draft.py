"""A plan in the making: what the writes of one request, or of a whole batch, have come to so far.

Each write adds its steps as a part of its own. The first one is planned on what the writer will
see, as far as the worker's snapshot can tell, so what is hopeless is refused at once. The rows of
later ones may come from the earlier ones, so only the writer judges them.

The finished plan:

    the caller still stands → the key has no answer yet → the parts, in order
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.access.identity import Identity
from shared.errors import invalid
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import Use
from shared.sql.plan import Plan, Step, Value
from shared.sql.predicate import Predicate
from shared.sql.write import Candidate
from worker.engine.snapshot import Snapshot
from worker.records import idempotency
from worker.records.auth_records import NeedsProof
from worker.records.caller import Origin, caller_guards
from worker.records.outcome import REFUSED_CREATE
from worker.records.plans import PlanCache
from worker.records.read import find_readable
from worker.records.rules import admit, identity_fields
from worker.records.submit import Ask, NeedsHash, Secrets
from worker.records.write_form import Standing, WriteForm, write_form

_USES: Final = {"create": Use.VALUES, "update": Use.ROW, "delete": Use.ROW}
_RULES: Final = {"create": "create_rule", "update": "update_rule", "delete": "delete_rule"}


class Call(NamedTuple):
    """One write that is asked for. `record_id`: empty for a create."""

    origin: Origin
    name: str
    record_id: str
    body: Mapping[str, object]
    if_match: str | None = None


@dataclass(slots=True)
class Part:
    """One write within a plan.

    `first`: place of its first step among those of the draft.  `record_id`: what it writes.
    `shows`: it has a record to show.  `chose`: an upsert took the record to exist, or not to.
    """

    first: int
    collection: Collection | None = None
    form: WriteForm | None = None
    record_id: str = ""
    shows: bool = True
    chose: bool | None = None


class Rows:
    """What the parts of a batch make of rows, as far as it is known when planning."""

    def __init__(self) -> None:
        self._exist: dict[tuple[str, str], bool] = {}
        self._values: dict[tuple[str, str], dict[str, Value]] = {}

    def written(self, collection: Collection, record_id: str, values: Mapping[str, Value]) -> None:
        """The record exists, and holds these values among others."""
        key = (collection.id, record_id)
        self._exist[key] = True
        self._values.setdefault(key, {}).update(values)

    def deleted(self, collection: Collection, record_id: str) -> None:
        """The record is gone. What its deletion did to others is the writer's to see."""
        key = (collection.id, record_id)
        self._exist[key] = False
        self._values.pop(key, None)

    def exists(self, collection: Collection, record_id: str) -> bool | None:
        """Whether the record exists by now; None: no part has touched it."""
        return self._exist.get((collection.id, record_id))

    def values(self, collection: Collection, record_id: str) -> Mapping[str, Value]:
        """What the parts have stored in the record."""
        return self._values.get((collection.id, record_id), {})


class Draft:
    """Steps that are being gathered, and what they are planned from.

    `needs`: what must be worked out off the event loop before the plan can be sent.  `rows`: what
    the parts do, where there may be several.
    """

    __slots__ = (
        "_compared", "catalog", "identity", "needs", "now", "part", "parts", "plans", "rows",
        "secrets", "snapshot", "steps",
    )  # fmt: skip

    def __init__(
        self,
        snapshot: Snapshot,
        catalog: Catalog,
        plans: PlanCache,
        identity: Identity,
        secrets: Secrets,
        now: str,
        rows: Rows | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.catalog = catalog
        self.plans = plans
        self.identity = identity
        self.secrets = secrets
        self.now = now
        self.steps: list[Step] = []
        self.needs: list[NeedsHash | NeedsProof] = []
        self.part = Part(0)
        self.parts: list[Part] = []
        self.rows = rows
        self._compared: frozenset[str] = frozenset()

    def begin(self) -> Part:
        """Another write follows."""
        self.part = Part(len(self.steps))
        self.parts.append(self.part)
        return self.part

    def admit(self, name: str, action: str) -> tuple[Collection, Predicate | None]:
        """What is written to, and the predicate that its rule leaves to be judged.

        Raises NOT_FOUND (collection), INVALID (it is a view), FORBIDDEN (the rule is null).
        """
        collection = self.target(name)
        use, text = _USES[action], getattr(collection, _RULES[action])
        rule = admit(self.catalog, self.plans, collection, text, self.identity, use)
        if rule is not None and rule.depends_on_identity:
            self._compared |= identity_fields(rule)
        return collection, rule

    def target(self, name: str) -> Collection:
        """The collection that is written to. Raises NOT_FOUND, INVALID (it is a view)."""
        collection = find_readable(self.catalog, name)
        self.part.collection = collection
        if collection.is_view:
            raise invalid("Records of a view collection cannot be written.")
        return collection

    def form(self, collection: Collection) -> WriteForm:
        """The templates for writes to the collection."""
        form = write_form(self.catalog, self.plans, collection, self.identity)
        self.part.form = form
        if form.shape.depends_on_identity:
            self._compared |= identity_fields(form.shape)
        return form

    def holds(self, guard: Step) -> bool:
        """Whether the guard holds as far as it can be told here; true where it cannot."""
        return len(self.parts) > 1 or (self.snapshot.value(guard.sql, guard.params) is not None)

    def judge(
        self, candidate: Candidate, values: Mapping[str, Value], params: tuple[Value, ...]
    ) -> bool:
        """Whether a new record meets its rule as far as it can be told here.

        The writer judges it again, but where it could find nothing else. `params`: the rule's.
        """
        told = candidate.told(values, params)
        if told is not None:
            return told
        guard = candidate.guard(values, params, refusal=REFUSED_CREATE)
        if not self.holds(guard):
            return False
        if not candidate.lasting or len(self.parts) > 1:
            self.steps.append(guard)
        return True

    @property
    def standing(self) -> Standing:
        """The caller's record, for which the plan's first guard looks; a batch may delete it."""
        identity = self.identity
        if self.rows is not None or identity.guest:
            return None
        return identity.collection_id, identity.id

    def opening(self, ask: Ask) -> list[Step]:
        """Guards that the plan begins with."""
        steps = caller_guards(self.identity, self._compared)
        if ask.idempotency is not None:
            steps.append(idempotency.guard(ask.idempotency, self.identity.actor))
        return steps

    def plan(self, opening: list[Step], *, returns_all: bool = False) -> Plan:
        """The plan, once all its parts are there."""
        return Plan(self.catalog.version, (*opening, *self.steps), False, "main", returns_all)

    def hash_passwords(self, form: WriteForm, values: dict[str, Value]) -> None:
        """Put hashes in the place of plain passwords, nothing where a hash is still needed."""
        for name in form.record.secrets:
            plain = values.get(name)
            if plain:
                known = self.secrets.hashes.get(str(plain))
                if known is None:
                    self.needs.append(NeedsHash(str(plain)))
                values[name] = known or ""
