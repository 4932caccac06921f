"""Fifty databases in one cluster, from an empty depot: whose log is whose, who waits for whom.

One cluster for all of it. At the end one of the databases goes and comes again.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from shared.depot.layout import DepotLayout
from tests.cluster.many import RECORDS, rows, settings_of, texts, write_depot
from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.hostile.both_workers import ask_all, send_all, statuses
from tests.waiting import until

BESIDE = [f"d{number:02}" for number in range(50)]
NAMES = ["main", *BESIDE]


class Many(NamedTuple):
    """The cluster, and the files that hold or kill its writer."""

    cluster: ClusterProcess
    folder: Path

    @property
    def kill(self) -> Path:
        """After a COMMIT the writer dies of it."""
        return self.folder / "kill"

    @contextlib.contextmanager
    def holding(self, place: str, *request: Any) -> Iterator[Future[httpx.Response]]:
        """While a request's write is held at the place: `operation` or `commit`."""
        held = self.folder / f"{place}.held"
        (self.folder / place).touch()
        with ThreadPoolExecutor() as pool:
            reply = pool.submit(self.send, *request)
            until(held.exists, what="a write is held")
            try:
                yield reply
                assert not reply.done()
            finally:
                held.unlink()

    def send(self, name: str, text: str) -> httpx.Response:
        """A new record over HTTP."""
        return httpx.post(f"{self.cluster.url}{RECORDS}/{name}", json={"text": text}, timeout=30)

    def create(self, name: str, text: str) -> int:
        """A record over HTTP; its id."""
        reply = self.send(name, text)
        assert reply.status_code == 200, reply.text
        return int(reply.json()["ids"][0])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    """Started from an empty depot."""
    folder = tmp_path_factory.mktemp("many")
    depot = folder / "depot"
    depot.mkdir()
    write_depot(depot, NAMES)
    points = [f"writer.before_{place}=hold:{folder / place}" for place in ("operation", "commit")]
    points.append(f"writer.after_commit=kill:{folder / 'kill'}")
    with ClusterProcess(depot, env={"QUILL_FAILPOINT": ",".join(points)}) as cluster:
        yield Many(cluster, folder)


def _lists(cluster: ClusterProcess) -> dict[str, list[str]]:
    """What the API of each says: all over both workers, and all of it over one of them."""
    requests = [("GET", f"{RECORDS}/{name}", None) for name in NAMES]
    answers = send_all(cluster.url, requests)
    with httpx.Client(base_url=cluster.url, timeout=30) as client:
        again = [client.get(path).json() for _, path, _ in requests]
    assert [answer.json() for answer in answers] == again
    return {
        name: [record["text"] for record in page["records"]]
        for name, page in zip(NAMES, again, strict=True)
    }


def test_each_is_written_and_read_and_has_its_own_log(many: Many) -> None:
    """A migration of its own made its table; a write is in its file and in its log, nowhere else."""
    heads = {name: _head(many, name) for name in NAMES}
    requests = [("POST", f"{RECORDS}/{name}", {"text": f"of {name}"}) for name in NAMES]
    answers = send_all(many.cluster.url, requests)
    assert {tuple(answer.json()["ids"]) for answer in answers} == {("1",)}
    assert _lists(many.cluster) == {name: [f"of {name}"] for name in NAMES}
    depot = many.cluster.depot
    for name in NAMES:
        log = rows(depot, name, f"SELECT n, tbl, key FROM _change WHERE n > {heads[name]}")
        assert log == [(heads[name] + 1, "items", 1)]
    feeds = {rows(depot, name, "SELECT feed FROM _head")[0] for name in NAMES}
    assert len(feeds) == len(NAMES)


def _head(many: Many, name: str) -> int:
    head: int = rows(many.cluster.depot, name, "SELECT n FROM _head")[0][0]
    return head


def test_nobody_waits_for_a_write_to_another(many: Many) -> None:
    """One is held at its COMMIT; all others write meanwhile, and are read."""
    with many.holding("commit", "d07", "slow") as slow:
        others = [name for name in NAMES if name != "d07"]
        requests = [("POST", f"{RECORDS}/{name}", {"text": "quick"}) for name in others]
        assert statuses(send_all(many.cluster.url, requests)) == {200: len(others)}
        read = httpx.get(f"{many.cluster.url}{RECORDS}/d07", timeout=30).json()
        assert [record["text"] for record in read["records"]] == ["of d07"]
    assert slow.result(30).json()["ids"] == ["2"]
    assert texts(many.cluster.depot, "d07") == ["of d07", "slow"]


def test_a_death_of_the_writer_loses_and_doubles_nothing(many: Many) -> None:
    """Writes to three databases are in flight when it dies after a COMMIT, before it answers."""
    names, over = ["main", "d10", "d40"], threading.Event()
    stored: dict[str, list[str]] = {name: [] for name in names}

    def write(name: str) -> None:
        while not over.is_set():
            text = f"{name} {len(stored[name])}"
            many.create(name, text)
            stored[name].append(text)

    def each_has(count: int) -> Callable[[], bool]:
        return lambda: all(len(texts) >= count for texts in stored.values())

    with ThreadPoolExecutor() as pool:
        writing = [pool.submit(write, name) for name in names]
        try:
            until(each_has(5), what="writes everywhere")
            before = many.cluster.children()["writer"]
            many.kill.touch()
            until(
                lambda: many.cluster.children().get("writer", before) != before,
                what="another writer",
            )
            enough = max(len(texts) for texts in stored.values()) + 5
            until(each_has(enough), seconds=30, what="writes after it")
        finally:
            over.set()
        for one in writing:
            one.result(30)
    for name in names:
        found = Counter(texts(many.cluster.depot, name))
        mine = {text: count for text, count in found.items() if text.startswith(f"{name} ")}
        assert mine == dict.fromkeys(stored[name], 1)


def test_a_backup_has_all_of_them(many: Many, tmp_path: Path) -> None:
    """Made while it serves; restored elsewhere it gives the same answers, and takes writes."""
    before, depot, other = _lists(many.cluster), many.cluster.depot, tmp_path / "other"
    assert _backup(depot, "create", "--name=all") == 0
    assert _backup(depot, "verify", "all.zip") == 0
    many.create("d20", "after the backup")
    assert _backup(other, "restore", str(DepotLayout(depot).backups / "all.zip")) == 0
    with ClusterProcess(other, workers=1) as restored:
        assert _lists(restored) == before
        assert Many(restored, tmp_path).create("d20", "restored") == 3
    assert texts(depot, "d20") == ["after the backup", "of d20", "quick"]


def _backup(depot: Path, *words: str) -> int:
    command = [QUILLBASE, "backup", *words, "--depot", str(depot)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


def test_no_write_is_committed_under_a_former_rule(many: Many) -> None:
    """A write is in the writer already when the settings forbid it: nothing of it is stored."""
    cluster, config = many.cluster, DepotLayout(many.cluster.depot).config
    path = f"{RECORDS}/d05"
    before = texts(cluster.depot, "d05")
    settings = settings_of(NAMES)
    allowed = 'table_name: "d05.items" acl_world: [CREATE, READ'
    assert allowed in settings
    with many.holding("operation", "d05", "late") as late:
        config.write_text(settings.replace(allowed, allowed.replace("CREATE, READ", "UPDATE")))
        until(lambda: _says(cluster, path) == {403: 12}, what="the new rule")
    assert late.result(30).status_code == 403
    assert texts(cluster.depot, "d05") == before
    config.write_text(settings)
    until(lambda: _says(cluster, path) == {200: 12}, what="the former rule")


def test_one_that_goes_and_comes_again(many: Many) -> None:
    """Its API is gone with it, for both workers, and has the same records when it is back."""
    cluster, path, config = many.cluster, f"{RECORDS}/d33", DepotLayout(many.cluster.depot).config
    records = _lists(cluster)["d33"]
    config.write_text(settings_of([name for name in NAMES if name != "d33"]))
    until(lambda: _says(cluster, path) == {405: 12}, seconds=20, what="it is gone")
    assert statuses(ask_all(cluster.url, "POST", path, {"text": "no"}, times=4)) == {405: 4}
    assert statuses(ask_all(cluster.url, "GET", f"{RECORDS}/d34", times=4)) == {200: 4}
    config.write_text(settings_of(NAMES))
    until(lambda: _says(cluster, path) == {200: 12}, seconds=20, what="it is back")
    assert _lists(cluster)["d33"] == records
    many.create("d33", "again")
    assert _lists(cluster)["d33"] == ["again", *records]  # the newest first


def _says(cluster: ClusterProcess, path: str) -> Any:
    return statuses(ask_all(cluster.url, "GET", path, times=12))


def test_settings_that_still_need_one_are_refused(many: Many) -> None:
    """A database that an API names is not let go: the reason is told, and all goes on."""
    config = DepotLayout(many.cluster.depot).config
    config.write_text(settings_of(NAMES).replace('databases { name: "d33" }', ""))
    client = many.cluster.client()

    def problem() -> str:
        return str(client.get("/api/settings").headers.get("quill-settings-problem", ""))

    until(lambda: "There is no database d33" in problem(), what="the problem")
    assert _says(many.cluster, f"{RECORDS}/d33") == {200: 12}
    config.write_text(settings_of(NAMES))
    until(lambda: not problem(), what="good settings")


def test_one_that_cannot_be_opened_is_unavailable(many: Many) -> None:
    """Its API says so, not that there is none; the others do not notice; later it is tried again."""
    cluster, layout = many.cluster, DepotLayout(many.cluster.depot)
    config, path = layout.config, f"{RECORDS}/broken"
    layout.database("broken").write_bytes(b"no database" * 1000)
    config.write_text(settings_of([*NAMES, "broken"]))
    until(lambda: _says(cluster, path) == {503: 12}, seconds=20, what="it is not open")
    assert statuses(ask_all(cluster.url, "GET", f"{RECORDS}/d34", times=4)) == {200: 4}
    layout.database("broken").unlink()
    config.write_text(settings_of(NAMES))
    until(lambda: _says(cluster, path) == {405: 12}, seconds=20, what="it is forgotten")
