"""What happens between two runs of a cluster on one depot: its data is replaced, as was asked.

Whoever staged new data left a request in the run directory and sent SIGUSR1. By now no child runs,
the lock is still ours, and nobody has a database open.
"""

from __future__ import annotations

import msgspec

from cluster.depot import Depot
from shared.depot.layout import DepotLayout
from shared.depot.replace import (
    Outcome,
    ReplacementError,
    Request,
    discard_incoming,
    replace_data,
)
from shared.logs import get_logger
from shared.run_directory import RunDirectory


def carry_out(depot: Depot, run: RunDirectory) -> Outcome:
    """Replace the depot's data and tell it; the old data stays where that cannot be done.

    Raises Refusal when the depot cannot be used as it is now: the next start goes on from there.
    """
    layout = DepotLayout(depot.path)
    try:
        request = msgspec.json.decode(run.replacement.read_bytes(), type=Request)
        outcome = Outcome(done=True, told=replace_data(layout, request.what))
    except (OSError, msgspec.MsgspecError, ReplacementError) as error:
        outcome = Outcome(done=False, told=f"The depot's data was not replaced: {error}")
        if layout.replacement.exists():  # it is decided, and settling will end it or refuse
            outcome = Outcome(done=True, told=f"The data was replaced, though not at once: {error}")
        else:
            discard_incoming(layout)
    depot.settle()
    if outcome.done:
        get_logger().warning("data replaced", told=outcome.told)
    else:
        get_logger().error("data not replaced", told=outcome.told)
    return outcome


def leave_word(run: RunDirectory, outcome: Outcome) -> None:
    """Tell those who wait for it, in the run directory of the cluster that follows."""
    run.replaced.write_bytes(msgspec.json.encode(outcome))
