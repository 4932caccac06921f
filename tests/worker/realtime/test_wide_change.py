"""One change that many views want: judged in many reads, heard once by each, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import Kind, QuillError
from shared.limits import REALTIME_JUDGEMENTS_PER_READ
from shared.messages.changes import Act, Change
from shared.schema.catalog import Catalog
from tests.sse import options
from tests.worker.realtime.listening import listen, settle, subscribe
from tests.worker.realtime.place import ID, Place, run_hub
from worker.engine.snapshot import Snapshot
from worker.realtime import collection_sight as sight_module
from worker.realtime.clients import sse
from worker.realtime.clients.stream_client import StreamClient
from worker.realtime.hub import Hub
from worker.realtime.principal import Principal
from worker.realtime.views import judge as judge_module
from worker.realtime.views.judge import Case, Verdicts
from worker.records.plans import PlanCache

VIEWS = 3 * REALTIME_JUDGEMENTS_PER_READ + 50
ROW: dict[str, Any] = {"f_id": ID, "f_title": "a", "f_size": 1, "f_note": ""}


class Reads:
    """The real judging, watched: what each read was asked, and what happens at it."""

    def __init__(self) -> None:
        self.asked: list[list[Case]] = []
        self.poison: str | None = None
        self.meanwhile: dict[int, Callable[[], None]] = {}

    def judge(
        self,
        snapshot: Snapshot,
        catalog: Catalog,
        plans: PlanCache,
        version: int,
        cases: list[Case],
        verdicts: Verdicts,
    ) -> Verdicts | None:
        """As the real one, until the poisoned view."""
        self.asked.append(cases)
        self.meanwhile.pop(len(self.asked), lambda: None)()
        for number, case in enumerate(cases):
            if case.view.where is not None and self.poison in case.view.where.params:
                judge_module.judge(snapshot, catalog, plans, version, cases[:number], verdicts)
                raise QuillError(Kind.UNAVAILABLE, "It takes too long.")
        return judge_module.judge(snapshot, catalog, plans, version, cases, verdicts)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Watch the hub's reads."""
    made = Reads()
    monkeypatch.setattr(sight_module, "judge", made.judge)
    return made


def _topic(number: int) -> str:
    text = f"title != 'v{number}'"
    return f"posts{options(filter=text)}"


def _crowd(hub: Hub, size: int = VIEWS) -> list[StreamClient]:
    """One client a view; each view is another one."""
    return [listen(hub, _topic(number)) for number in range(size)]


async def _told(hub: Hub, n: int = 1) -> None:
    """Change `n` is committed, and told to everybody."""
    hub.words.head = n
    hub.on_changes([Change(n, "c_posts", Act.UPDATE, ID, None, {**ROW, "f_size": n})])
    await settle(hub)


def test_no_read_judges_more_than_its_share(place: Place, reads: Reads) -> None:
    """The views of one change are parted, and each client hears it once."""

    async def scenario(hub: Hub) -> None:
        clients = _crowd(hub)
        await _told(hub)
        assert [client.waiting for client in clients] == [1] * VIEWS
        assert sum(map(len, reads.asked)) == VIEWS
        assert max(map(len, reads.asked)) == REALTIME_JUDGEMENTS_PER_READ

    run_hub(place, scenario)


def test_a_heavy_view_counts_for_many(place: Place, reads: Reads) -> None:
    """A read takes few of those that compare much."""

    async def scenario(hub: Hub) -> None:
        for number in range(10):
            text = "||".join([f"title~{number}"] * 120)
            listen(hub, f"posts{options(filter=text)}")
        await _told(hub)
        assert sum(map(len, reads.asked)) == 10
        assert max(map(len, reads.asked)) < 10

    run_hub(place, scenario)


@pytest.mark.parametrize("crowd", [VIEWS, 10])
def test_a_view_that_cannot_be_judged_harms_only_its_own(
    place: Place, reads: Reads, crowd: int
) -> None:
    """Its clients are told that they lost an event; all others hear it, and the next one."""
    reads.poison = "v7"

    async def scenario(hub: Hub) -> None:
        clients = _crowd(hub, crowd)
        await _told(hub)
        lost = clients.pop(7)
        assert lost._take() == sse.overflow_event(lost.id)
        assert lost.closed
        lost.abandon()
        await _told(hub, 2)
        assert {(client.waiting, client.closed) for client in clients} == {(2, False)}

    run_hub(place, scenario)


def test_few_changes_after_a_failed_read_are_told_in_order(place: Place, reads: Reads) -> None:
    """A read of several changes fails for one view: nothing is told twice or left out."""
    reads.poison = "v1"

    async def scenario(hub: Hub) -> None:
        good, bad = listen(hub, "posts/*"), listen(hub, _topic(1))
        for n in range(1, 4):
            hub.on_changes([Change(n, "c_posts", Act.UPDATE, ID, None, {**ROW, "f_size": n})])
        await _told(hub, 4)
        heard = good._take()
        places = [heard.find(b'"size":%d' % n) for n in range(1, 5)]
        assert places == sorted(places)
        assert -1 not in places
        assert heard.count(b"event:") == 4
        assert bad.closed
        assert len(reads.asked) <= 4

    run_hub(place, scenario)


def test_topics_set_again_between_two_reads_hear_it_once(place: Place, reads: Reads) -> None:
    """Who has heard does not again; who has not does yet; what is new hears the next one."""

    async def scenario(hub: Hub) -> None:
        clients = _crowd(hub)
        first, last = clients[0], clients[-1]

        def meanwhile() -> None:
            subscribe(hub, first, "posts/*")
            subscribe(hub, last, "posts")

        reads.meanwhile[2] = meanwhile
        await _told(hub)
        assert {client.waiting for client in clients} == {1}
        await _told(hub, 2)
        assert (first.waiting, last.waiting) == (3, 3)

    run_hub(place, scenario)


def test_topics_set_again_during_a_read_hear_it_once(place: Place, reads: Reads) -> None:
    """Also where one read is enough, which may have taken its time in a thread."""

    async def scenario(hub: Hub) -> None:
        same, other = listen(hub, "posts/*"), listen(hub, _topic(1))
        reads.meanwhile[1] = lambda: subscribe(hub, same, "posts")
        await _told(hub)
        assert (same.waiting, other.waiting) == (1, 1)
        reads.meanwhile[2] = lambda: subscribe(hub, same, "posts/*")
        await _told(hub, 2)
        assert (same.waiting, other.waiting) == (2, 2)  # replaced: it begins after this change
        await _told(hub, 3)
        assert (same.waiting, other.waiting) == (4, 3)

    run_hub(place, scenario)


def test_a_client_that_is_lost_is_not_judged_again(place: Place, reads: Reads) -> None:
    """One view that fails is enough to end its stream; its others cost no more time."""
    reads.poison = "v7"

    async def scenario(hub: Hub) -> None:
        topics = [
            f"posts{options(filter=f'title != {quoted} && size > -{n}')}"
            for n, quoted in enumerate(["'v7'"] * 20)
        ]
        bad, good = listen(hub, *topics), listen(hub, "posts/*")
        await _told(hub)
        assert bad.closed
        assert (good.waiting, good.closed) == (1, False)
        assert len(reads.asked) <= 4

    run_hub(place, scenario)


def test_who_becomes_somebody_else_between_two_reads_hears_it_once(
    place: Place, reads: Reads
) -> None:
    """Whether it was told before or not; the next one it hears as who it is then."""
    place.store("posts", list_rule="size = 1 || @request.auth.id = ''")
    root = place.person("root")

    async def scenario(hub: Hub) -> None:
        clients = _crowd(hub)
        first, last = clients[0], clients[-1]

        def meanwhile() -> None:
            hub.become(first, root)
            hub.become(last, root)

        reads.meanwhile[2] = meanwhile
        await _told(hub)
        assert {client.waiting for client in clients} == {1}
        hub.become(clients[1], Principal("c_users", "user", "key", superuser=False))
        reads.meanwhile[len(reads.asked) + 2] = lambda: hub.become(clients[2], root)
        await _told(hub, 2)
        assert {client.waiting for client in clients} == {2}

    run_hub(place, scenario)


def test_a_rule_that_moves_between_two_reads_is_obeyed(place: Place, reads: Reads) -> None:
    """From then on nothing is told that the new rule denies, and nobody is lost."""

    async def scenario(hub: Hub) -> None:
        clients = _crowd(hub)
        reads.meanwhile[3] = lambda: place.store("posts", list_rule="size = 2")
        await _told(hub)
        count = sum(client.waiting for client in clients)
        assert count == 2 * REALTIME_JUDGEMENTS_PER_READ
        assert not any(client.closed for client in clients)

    run_hub(place, scenario)


def test_a_token_that_ends_between_two_reads_makes_a_guest(place: Place, reads: Reads) -> None:
    """Its client hears the change as a guest, though the other guests have heard it before."""
    root = place.person("root")

    async def scenario(hub: Hub) -> None:
        clients = [*_crowd(hub), listen(hub, _topic(0), principal=root)]
        reads.meanwhile[2] = lambda: place.revoke("root")
        await _told(hub)
        assert len(reads.asked) > 4
        assert {client.waiting for client in clients} == {1}
        assert clients[-1].principal is None

    run_hub(place, scenario)
