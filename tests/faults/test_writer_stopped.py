"""A writer that hangs for 8 s: every 503 says its outcome is unknown, and a retry is safe."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.cluster_process import ClusterProcess
from tests.faults.creators import FIELDS, Ledger, create_with_keys, under_load, until_acknowledged

STOPPED_SECONDS = 8.0


@pytest.mark.long
def test_retries_with_a_key_after_an_unknown_outcome_apply_once(
    own_cluster: ClusterProcess,
) -> None:
    """Each create retried through the stop exists exactly once."""
    own_cluster.collection("ledger", FIELDS)

    async def fault(ledger: Ledger) -> None:
        await until_acknowledged(ledger, 200)
        pid = own_cluster.kill("writer", signal.SIGSTOP)
        try:
            # The length of the fault is what is tested; nothing is waited for here.
            await asyncio.sleep(STOPPED_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)
        await until_acknowledged(ledger, 200)
        assert own_cluster.children()["writer"] == pid, "a writer that hangs 8 s is not replaced"

    ledger = asyncio.run(under_load(own_cluster, fault, creator=create_with_keys))
    print(f"\nwriter stopped for 8 s: answers {dict(ledger.statuses)}, broken {ledger.broken}")
    assert ledger.statuses[503] > 0, "the deadline passed for nobody"
    assert set(ledger.statuses) == {200, 503}
    assert ledger.unknown_without_header == 0
    assert ledger.broken == 0
    applied = ledger.applied(own_cluster)
    assert ledger.acknowledged <= set(applied)
    assert set(applied.values()) == {1}
