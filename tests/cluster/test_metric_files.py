"""Folding the metric files of ended processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from cluster.metric_files import MetricFiles

_COUNT = """
from shared import metrics
metrics.http_request("view", 200, 0.003)
metrics.WRITER_BATCH_OPERATIONS.observe(3)
metrics.WRITES_IN_FLIGHT.set(5)
metrics.flush()
import os; print(os.getpid())
"""


def _process(folder: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _COUNT],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_counts_of_dead_processes_stay_and_files_do_not_grow(tmp_path: Path) -> None:
    """After each fold the sums are the same, gauges of the dead are gone, two files are left."""
    files = MetricFiles(tmp_path)
    registry = CollectorRegistry()
    registry.register(files)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    for round_number in range(1, 4):
        pid = _process(tmp_path)
        requests = value("quill_http_requests_total", route="view", status="2xx")
        assert requests == round_number
        assert value("quill_writes_in_flight") == 5
        files.fold(pid)
        assert value("quill_http_requests_total", route="view", status="2xx") == round_number
        assert value("quill_writer_batch_operations_bucket", le="4.0") == round_number
        assert value("quill_writer_batch_operations_bucket", le="2.0") == 0
        assert value("quill_writer_batch_operations_sum") == 3 * round_number
        seconds = value("quill_http_request_seconds_count", route="view", status="2xx")
        assert seconds == round_number
        assert value("quill_writes_in_flight") is None
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "counter_dead.db",
            "histogram_dead.db",
        ]


def test_a_process_without_files_folds_to_nothing(tmp_path: Path) -> None:
    """One that died before its first metric leaves no trace."""
    MetricFiles(tmp_path).fold(999_999)
    assert list(tmp_path.iterdir()) == []
