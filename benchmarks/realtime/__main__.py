"""`make bench-realtime`: real servers, a crowd of raw clients, and every event counted."""

from __future__ import annotations

import logging
import resource
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from benchmarks.__main__ import RESULTS
from benchmarks.realtime import contests, fanout, report, slow, storm, watched
from benchmarks.realtime.marks import new_marks
from benchmarks.realtime.messages import Transport
from benchmarks.realtime.servers import make_depot
from benchmarks.target import TargetError

OURS: Final[tuple[Transport, ...]] = ("sse", "ws", "second")
_ALL: Final[tuple[Transport, ...]] = (*OURS, "bare")
_SIZES: Final = (1_000, 5_000)
_EVENTS_A_BURST: Final = 50_000
_BURST_MAX: Final = 50


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    fanout_rounds: int
    paced: int
    bursts: int
    others: watched.Method
    members: watched.Method
    slow: slow.Method
    quick_clients: int
    storm_rounds: int


_FULL: Final = Scale(
    3, 50, 5, watched.Method(8, 300), watched.Method(4, 100), slow.Method(5, 120), 200, 3
)
_QUICK: Final = Scale(
    1, 20, 2, watched.Method(2, 100), watched.Method(1, 30), slow.Method(1, 40), 200, 1
)


@dataclass(frozen=True)
class _Run:
    """What all scenarios share."""

    found: report.RealtimeReport
    folder: Path
    sizes: tuple[int, ...]
    transports: tuple[Transport, ...]
    scale: Scale
    numbers: Iterator[str]
    say: Callable[[str], None]

    @property
    def ours(self) -> list[Transport]:
        """Transports of our own server."""
        return [each for each in self.transports if each != "bare"]

    @property
    def watcher(self) -> Transport:
        """How those watch whose transport does not matter: they hear next to nothing."""
        return "ws" if "ws" in self.transports else self.ours[0]

    def depot(self, name: str) -> Path:
        """A new one."""
        folder = self.folder / name
        folder.mkdir()
        return make_depot(folder)


def _fanout(run: _Run) -> None:
    depot = run.depot("fanout")
    for clients in run.sizes:
        burst = max(1, min(_BURST_MAX, _EVENTS_A_BURST * 2 // clients))
        method = fanout.Method(run.scale.fanout_rounds, run.scale.paced, run.scale.bursts, burst)
        run.found.fanout += fanout.measure(
            run.transports, clients, depot, run.found.workers, method, run.numbers, run.say
        )


def _others(run: _Run) -> None:
    run.found.watched += watched.measure(
        contests.others(run.sizes[0]), run.watcher, run.depot("others"), run.found.workers,
        run.scale.others, run.numbers, run.say,
    )  # fmt: skip


def _members(run: _Run) -> None:
    depot = run.depot("members")
    tokens = contests.add_members(depot, run.sizes[0])
    for some in (contests.owned(tokens), contests.shared(tokens)):
        run.found.watched += watched.measure(
            some, run.watcher, depot, run.found.workers, run.scale.members, run.numbers, run.say
        )


def _slow(run: _Run) -> None:
    clients = min(run.sizes[0], run.scale.quick_clients)
    run.found.slow += slow.measure(
        run.ours, clients, run.depot("slow"), run.found.workers, run.scale.slow, run.numbers,
        run.say,
    )  # fmt: skip


def _storm(run: _Run) -> None:
    run.found.storm += storm.measure(
        run.ours, run.sizes[0], run.depot("storm"), run.found.workers, run.scale.storm_rounds,
        run.numbers, run.say,
    )  # fmt: skip


SCENARIOS: Final[dict[str, Callable[[_Run], None]]] = {
    "fanout": _fanout,
    "others": _others,
    "members": _members,
    "slow": _slow,
    "storm": _storm,
}
_NAMES: Final = ", ".join(SCENARIOS)


def main(
    clients: Annotated[
        list[int] | None, typer.Option(min=1, help="Clients; more than once for the fan-out.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Only this scenario: {_NAMES}.")] = None,
    transport: Annotated[
        list[str] | None, typer.Option(help=f"Only this: {', '.join(_ALL)}.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the cluster.")] = 1,
    quick: Annotated[bool, typer.Option(help="One short round: does it work.")] = False,
    without_limits: Annotated[bool, typer.Option(help="Broken limits do not matter.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
) -> None:
    """Measure, print the tables, write them; 1 when an event or a limit was missed."""
    if unknown := set(only or ()) - set(SCENARIOS):
        raise typer.BadParameter(f"no scenario {sorted(unknown)}; there are {_NAMES}")
    if unknown := set(transport or ()) - set(_ALL):
        raise typer.BadParameter(f"no transport {sorted(unknown)}")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the product's logs carry its lines
    _raise_descriptor_limit()
    console = Console()
    found = report.RealtimeReport(workers)
    found.describe()

    def say(text: str) -> None:
        console.print(text, style="dim", highlight=False, soft_wrap=True)

    chosen = tuple(each for each in _ALL if each in (transport or _ALL))
    with tempfile.TemporaryDirectory(prefix="quill-bench-") as folder:
        run = _Run(
            found, Path(folder), tuple(clients or _SIZES), chosen, _QUICK if quick else _FULL,
            new_marks(), say,
        )  # fmt: skip
        for name in only or SCENARIOS:
            try:
                SCENARIOS[name](run)
            except TargetError as error:
                found.failed.append(f"{name}: {error}")
    report.show(found, console)
    console.print(f"Written to {report.write(found, output)}", highlight=False)
    if found.failed or (found.broken() and not without_limits):
        raise typer.Exit(1)


def _raise_descriptor_limit() -> None:
    """As far as is allowed, for this process and all that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    typer.run(main)
