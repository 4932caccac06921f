"""The files of deploy/ agree with the product: metrics, ports, paths and drain times."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from typing import Any

from shared import limits, metrics
from shared.settings import Settings
from tests.cluster_process import ClusterProcess

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_METRIC = re.compile(r"\bquill_[a-z_]+")


def _dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return loaded


def _asked() -> set[str]:
    """Names in the queries of all panels and variables."""
    board = _dashboard()
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [
        each["query"]["query"]
        for each in board["templating"]["list"]
        if isinstance(each["query"], dict)
    ]
    return {name for query in queries for name in _METRIC.findall(query)}


def _declared() -> set[str]:
    """Sample names of every family that shared.metrics declares."""
    registries = [metrics.REGISTRY, metrics.SupervisorMetrics("test").registry]
    families = [family for registry in registries for family in registry.collect()]
    names: set[str] = set()
    for family in (*families, *metrics.process_families()):
        suffixes = {
            "counter": ("_total",),
            "histogram": ("_bucket", "_sum", "_count"),
        }.get(family.type, ("",))
        names.update(family.name + suffix for suffix in suffixes)
    return names


def test_the_dashboard_asks_only_for_metrics_that_exist() -> None:
    """Each query of the dashboard names samples that shared.metrics declares."""
    assert _asked(), "no metric found in the dashboard"
    assert _asked() <= _declared()


def test_the_dashboard_shows_every_metric() -> None:
    """A metric that nobody draws is either missing here or not worth declaring."""
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in _asked()}
    declared = {re.sub(r"_(bucket|sum|count)$", "", name) for name in _declared()}
    assert declared <= shown


def test_the_dashboard_is_laid_out() -> None:
    """Panels have ids of their own, a title, and do not overlap."""
    panels = _dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] for panel in panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)


def test_a_running_cluster_serves_what_the_dashboard_needs(cluster: ClusterProcess) -> None:
    """The ops port knows the families of the processes that are always there."""
    guest = cluster.client(superuser=False)
    text = guest.get(f"{cluster.ops_url}/metrics").text
    for name in ("quill_process_up", "quill_build_info", "quill_writes_in_flight"):
        assert name in text, f"{name} is not served"


def test_prometheus_scrapes_the_default_ops_port() -> None:
    """The target is the default of --ops-port."""
    text = (DEPLOY / "prometheus.yml").read_text()
    assert f'"127.0.0.1:{Settings().ops_port}"' in text
    assert "metrics_path: /metrics" in text


def test_the_unit_waits_for_the_drain() -> None:
    """systemd kills later than the supervisor gives up draining, and reloads by SIGHUP."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "quillbase.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["KillMode"] == "mixed"
    assert float(service["TimeoutStopSec"]) > limits.DRAIN_SECONDS
    assert "-HUP" in service["ExecReload"]
    assert service["RuntimeDirectory"] == "quillbase"


def test_the_unit_starts_an_existing_command_line() -> None:
    """Every flag of ExecStart and of the image's CMD is a setting."""
    flags = {f"--{name.replace('_', '-')}" for name in Settings.__struct_fields__}
    for name in ("quillbase.service", "Dockerfile"):
        lines = (DEPLOY / name).read_text().splitlines()
        used = [line for line in lines if line.startswith(("ExecStart=", "CMD "))]
        assert used, f"{name} starts nothing"
        assert set(re.findall(r"--[a-z-]+", " ".join(used))) <= flags


def test_unit_and_nginx_name_the_same_sockets() -> None:
    """What the unit passes as --uds-dir is where nginx connects."""
    unit = (DEPLOY / "quillbase.service").read_text()
    directory = re.search(r"--uds-dir (\S+)", unit)
    assert directory
    assert f"server unix:{directory[1]}/w0.sock" in (DEPLOY / "nginx.conf").read_text()


def test_unit_and_nginx_name_the_same_port_for_websockets() -> None:
    """What the unit passes as --realtime-port is where nginx sends them."""
    port = re.search(r"--realtime-port (\d+)", (DEPLOY / "quillbase.service").read_text())
    assert port
    nginx = (DEPLOY / "nginx.conf").read_text()
    assert f"server 127.0.0.1:{port[1]} max_fails=0;" in nginx
    assert f"--realtime-port {port[1]}" in nginx


def test_nginx_waits_longer_than_a_stream_lives() -> None:
    """Its timeouts on live connections never end what Quillbase would let go on."""
    waits = re.findall(r"proxy_(?:read|send)_timeout (\d+)m;", (DEPLOY / "nginx.conf").read_text())
    assert len(waits) == 4
    assert all(int(minutes) * 60 > limits.CLIENT_AGE_SECONDS for minutes in waits)


def test_nginx_lets_idle_connections_go_before_a_worker_does() -> None:
    """Else nginx could send a write, which it must not repeat, into a closing connection."""
    text = (DEPLOY / "nginx.conf").read_text()
    found = re.search(r"keepalive_timeout (\d+)s", text)
    assert found
    assert float(found[1]) < limits.DRAIN_CLOSE_SECONDS


def test_the_image_copies_every_package() -> None:
    """The Dockerfile copies what the wheel is made of, and runs as a user of its own."""
    text = (DEPLOY / "Dockerfile").read_text()
    project = (DEPLOY.parent / "pyproject.toml").read_text()
    packages = re.search(r"^packages = \[(.*)\]", project, re.MULTILINE)
    assert packages
    for name in re.findall(r'"(\w+)"', packages[1]):
        assert f"COPY {name} ./{name}\n" in text
    assert "--require-hashes" in text
    assert "USER quillbase" in text
    assert 'ENTRYPOINT ["quillbase"]' in text
