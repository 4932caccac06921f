"""`python -P -m cluster supervisor --port 8090 …`: prepare the ground, then run the supervisor.

Everything that can refuse a start is tried here, in an order in which nothing is disturbed: the
ports, then the depot's lock, then the run directory.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cluster import VERSION
from cluster.banner import complain
from shared import logs

# Before anything imports prometheus-client: the supervisor reads the metric files of the others
# and writes none itself.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)

from cluster.arguments import ArgumentError, from_words
from cluster.child import Command, default_command
from cluster.depot import Depot
from cluster.ops import OpsServer, ProcessUsage
from cluster.refusal import Refusal
from cluster.replacement import carry_out, leave_word
from cluster.sockets import Addresses, prepare_unix_directory
from cluster.supervisor import EXIT_REPLACE, Supervisor
from shared.run_directory import RunDirectory
from shared.settings import Settings


def main(words: Sequence[str], command: Command = default_command) -> int:
    """Run a cluster to its end and return the exit code: 0 drained, 1 refused, 2 wrong words."""
    if not words or words[0] != "supervisor":
        complain("Usage: python -P -m cluster supervisor [--option value …]; see quillbase run.")
        return 2
    try:
        settings = from_words(words[1:], os.environ)
        logs.configure("supervisor", settings.log_level)
        return supervise(settings, command)
    except ArgumentError as error:
        complain(f"{error} See quillbase run --help.")
        return 2
    except Refusal as refusal:
        complain(str(refusal))
        return 1


def supervise(settings: Settings, command: Command = default_command) -> int:
    """Take ports, depot and run directory, run the supervisor, and give all back.

    When the supervisor ends so that the depot's data can be replaced, that is done, and another one
    runs on the same ports and the same lock.
    Raises Refusal with a sentence for the user.
    """
    addresses = Addresses(settings.host, settings.port, settings.realtime_port)
    ops = OpsServer(settings.ops_port)
    prepare_unix_directory(settings.uds_dir)
    # Between two supervisors nobody listens to these; SIGTERM may end us at any time.
    for number in (signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    depot = Depot.take(Path(settings.depot))
    try:
        outcome = None
        while True:
            run = depot.make_run_directory(_as_it_runs(settings, addresses))
            if outcome is not None:
                leave_word(run, outcome)
            code = _supervise_once(settings, depot, addresses, run, ops, command)
            if code != EXIT_REPLACE:
                return code
            outcome = carry_out(depot, run)
    finally:
        ops.close()
        depot.close()
        addresses.close()


def _supervise_once(
    settings: Settings,
    depot: Depot,
    addresses: Addresses,
    run: RunDirectory,
    ops: OpsServer,
    command: Command,
) -> int:
    """One cluster from its start to its end."""
    supervisor = Supervisor(
        settings,
        depot,
        addresses,
        run,
        ops_url=ops.url,
        version=VERSION,
        command=command,
    )
    supervisor.metrics.registry.register(supervisor.metric_files)
    supervisor.metrics.registry.register(ProcessUsage(supervisor.processes))
    ops.serve(supervisor.metrics.registry, supervisor.state)
    return supervisor.run()


def _as_it_runs(settings: Settings, addresses: Addresses) -> Settings:
    """What the children and the command line read: the real ports, and a path from anywhere."""
    realtime = addresses.realtime
    return msgspec.structs.replace(
        settings,
        port=addresses.main.port,
        realtime_port=None if realtime is None else realtime.port,
        depot=str(Path(settings.depot).resolve()),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
