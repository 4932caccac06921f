"""`make bench-queries`: a real cluster, filled through its API, asked what is known to be slow."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import httpx
import orjson
import typer
from rich.console import Console

from benchmarks import quill_target
from benchmarks.__main__ import RESULTS
from benchmarks.queries import growth, report
from benchmarks.queries.runner import measure
from benchmarks.queries.scenarios import NAMES, Session, phases
from benchmarks.queries.schema import fill, make_collections
from benchmarks.queries.world import PASSWORD, World
from benchmarks.quill_target import QuillTarget
from benchmarks.target import TargetError

_SECONDS: Final = 120.0
_CURSOR_PAGE: Final = 1_000


def main(
    posts: Annotated[int, typer.Option(min=100, help="Posts to make and ask.")] = 100_000,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the cluster.")] = 2,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds a run of a query.")] = 3.0,
    only: Annotated[list[str] | None, typer.Option(help=f"Only this: {', '.join(NAMES)}.")] = None,
    growth_rows: Annotated[int, typer.Option(help="Rows of the large table; 0: none.")] = 1_000_000,
    without_limits: Annotated[bool, typer.Option(help="End with 0 whatever it found.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
) -> None:
    """Measure, print the tables, write them to the results folder; 1 when a limit is broken."""
    if unknown := set(only or ()) - {*NAMES, "growth"}:
        raise typer.BadParameter(f"no query {sorted(unknown)}")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the product's logs carry its lines
    console = Console()
    found = report.QueryReport(posts, workers)
    found.describe()
    wanted = set(only or (*NAMES, "growth"))
    try:
        with tempfile.TemporaryDirectory(prefix="quill-bench-") as folder:
            _run(found, Path(folder) / "depot", wanted, seconds, growth_rows, console)
    except TargetError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(1) from error
    report.show(found, console)
    console.print(f"Written to {report.write(found, output)}", highlight=False)
    if found.broken() and not without_limits:
        raise typer.Exit(1)


def _run(
    found: report.QueryReport,
    depot: Path,
    wanted: set[str],
    seconds: float,
    growth_rows: int,
    console: Console,
) -> None:
    def say(text: str) -> None:
        console.print(text, style="dim", highlight=False, soft_wrap=True)

    quill_target.make_superuser(depot)
    with quill_target.cluster(depot, found.workers) as target:
        token = quill_target.login(target.base_url)
        if wanted - {"growth"}:
            _ask_all(found, target, token, wanted, seconds, say)
        if "growth" in wanted and growth_rows:
            rows = (max(100, growth_rows // 100), growth_rows)
            found.growth = growth.measure(target.base_url, depot, token, rows, say)


def _ask_all(
    found: report.QueryReport,
    target: QuillTarget,
    token: str,
    wanted: set[str],
    seconds: float,
    say: Callable[[str], None],
) -> None:
    world = World(found.posts)
    make_collections(target.base_url, token)
    fill(target.base_url, world, say)
    with httpx.Client(
        base_url=target.base_url, headers={"Authorization": token}, timeout=_SECONDS
    ) as client:
        for phase in phases(world, _session(client, world)):
            if phase.posts:
                answer = client.patch("/api/collections/posts", json=dict(phase.posts))
                _expect(answer, "the collection")
            for query in phase.queries:
                if query.name in wanted:
                    row = measure(query, target.base_url, target.pids, seconds)
                    found.rows.append(row)
                    say("  ".join(report.cells(row)))


def _session(client: httpx.Client, world: World) -> Session:
    """Log the busiest author in, and walk to the end of the list by cursors."""
    user = world.author_with_posts()
    login = {"identity": f"user{user}@example.com", "password": PASSWORD}
    answer = client.post("/api/collections/users/auth-with-password", json=login)
    _expect(answer, "the login")
    return Session(user, str(answer.json()["token"]), _deep_cursor(client, len(world.posts)))


def _deep_cursor(client: httpx.Client, count: int) -> str:
    """The cursor that stands before the last twenty posts."""
    cursor, left = "", count - 20
    while left > 0:
        asked = {"sort": "-created", "skipTotal": "1", "fields": "id", "cursor": cursor}
        page = {"perPage": str(min(_CURSOR_PAGE, left))}
        answer = client.get("/api/collections/posts/records", params={**asked, **page})
        _expect(answer, "the walk by cursors")
        left -= len(answer.json()["items"])
        cursor = orjson.loads(answer.content)["nextCursor"]
    return cursor


def _expect(answer: httpx.Response, what: str) -> None:
    if not answer.is_success:
        raise TargetError(f"{what}: {answer.status_code} {answer.text[:300]}")


if __name__ == "__main__":
    typer.run(main)
