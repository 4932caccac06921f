"""`python -P -m cluster supervisor --port 8090 …`: prepare the ground, then run the supervisor.

Everything that can refuse a start is tried here, in an order in which nothing is disturbed: the
ports, then the depot's lock, then the run directory.
"""

from __future__ import annotations

import os
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
from cluster.sockets import Addresses, prepare_unix_directory
from cluster.supervisor import Supervisor
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

    Raises Refusal with a sentence for the user.
    """
    addresses = Addresses(settings.host, settings.port, settings.realtime_port)
    ops = OpsServer(settings.ops_port)
    prepare_unix_directory(settings.uds_dir)
    depot = Depot.take(Path(settings.depot))
    try:
        run = depot.make_run_directory(_as_it_runs(settings, addresses))
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
    finally:
        ops.close()
        depot.close()
        addresses.close()


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
