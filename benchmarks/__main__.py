"""`make bench`: our server and bare in alternating rounds; `--vs` adds any other server."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import bare_target, foreign_target, quill_target, report, wrk
from benchmarks.measure import Method, run_scenario
from benchmarks.scenario import SCENARIOS
from benchmarks.target import Target, TargetError

RESULTS = Path(__file__).resolve().parent / "results"
_NAMES = ", ".join(scenario.name for scenario in SCENARIOS)


def main(
    vs: Annotated[
        list[Path] | None, typer.Option(help="Measure the server of this TOML file as well.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Only this scenario: {_NAMES}.")] = None,
    quick: Annotated[bool, typer.Option(help="Two rounds of one second.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds a scenario and server.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Seconds a round.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Workers of ours and of bare.")] = 2,
    connections: Annotated[int, typer.Option(min=2, help="Connections of wrk.")] = 64,
    without_ours: Annotated[bool, typer.Option(help="Leave our own server out.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
) -> None:
    """Measure, print the table, and write it to the results folder."""
    method = Method(2 if quick else rounds, 1 if quick else seconds, connections, 2, workers)
    wanted = set(only or [scenario.name for scenario in SCENARIOS])
    if unknown := wanted - {scenario.name for scenario in SCENARIOS}:
        raise typer.BadParameter(f"no scenario {sorted(unknown)}; there are {_NAMES}")
    console = Console()
    try:
        found = _run(method, wanted, vs or [], console, ours=not without_ours)
    except (TargetError, wrk.WrkError) as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(1) from error
    report.show(found, console)
    console.print(f"Written to {report.write(found, output)}", highlight=False)


def _run(
    method: Method, wanted: set[str], others: list[Path], console: Console, *, ours: bool
) -> report.Report:
    wrk.command()
    found = report.Report(method)
    found.describe()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quill-bench-")))
        targets: list[Target] = []
        if ours:
            console.print("starting and filling our server", style="dim")
            targets.append(stack.enter_context(quill_target.running(folder, method.workers)))
        targets.append(stack.enter_context(bare_target.running(folder, method.workers)))
        targets += [foreign_target.connect(path) for path in others]
        found.idle = {target.name: target.idle for target in targets}
        for scenario in SCENARIOS:
            if scenario.name in wanted:
                with console.status("") as status:
                    rows = run_scenario(scenario.name, targets, method, folder, status.update)
                found.rows += rows
                for row in rows:
                    console.print("  ".join(report.cells(row)), highlight=False)
    return found


if __name__ == "__main__":
    typer.run(main)
