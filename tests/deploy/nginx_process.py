"""Debian's nginx as a child of the test, with the shipped configuration in a temporary folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.cluster_process import child_pids
from tests.waiting import until

NGINX = Path("/usr/sbin/nginx")
_SOCKETS = "        server 127.0.0.1:8091 max_fails=0;\n"
SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"


def require_nginx() -> None:
    """Skip without nginx on a developer's machine; in CI it must be there."""
    if not NGINX.exists():
        assert not os.environ.get("CI"), f"{NGINX} is missing: run `make tools`"
        pytest.skip(f"{NGINX} is not installed: run `make tools`")


def render(folder: Path, uds_directory: Path, port: int, realtime_port: int | None) -> str:
    """The shipped file with paths and ports of the test, by plain substitution.

    Without a `realtime_port` its upstream is what the file tells those to write who have none.
    """
    text = SHIPPED.read_text()
    workers = "".join(line for line in text.splitlines(keepends=True) if "server unix:" in line)
    sockets = workers if realtime_port is None else _SOCKETS.replace("8091", str(realtime_port))
    replacements = {
        _SOCKETS: sockets,
        "user www-data;": f"user {'root' if os.getuid() == 0 else 'nobody'};",
        "/run/nginx.pid": f"{folder}/nginx.pid",
        "/var/log/nginx/error.log": f"{folder}/error.log",
        "/var/log/nginx/quillbase.log": f"{folder}/access.log",
        "unix:/run/quillbase/": f"unix:{uds_directory}/",
        "listen 80;": f"listen 127.0.0.1:{port};",
    }
    for old, new in replacements.items():
        assert old in text, f"deploy/nginx.conf no longer holds {old!r}"
        text = text.replace(old, new)
    temporary = "".join(
        f"    {name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return text.replace("http {\n", f"http {{\n{temporary}", 1)


class NginxProcess:
    """nginx in the foreground. Use as a context manager."""

    def __init__(self, folder: Path, uds_directory: Path, realtime_port: int | None = None) -> None:
        self.port = _free_port()
        self._errors = folder / "error.log"
        config = folder / "nginx.conf"
        config.write_text(render(folder, uds_directory, self.port, realtime_port))
        self.arguments = [str(NGINX), "-p", str(folder), "-c", str(config), "-e", str(self._errors)]

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        checked = subprocess.run(
            [*self.arguments, "-t"], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
        self._process = subprocess.Popen([*self.arguments, "-g", "daemon off;"])
        until(self._accepts, what=f"nginx start; {self._errors}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def reload(self) -> None:
        """SIGHUP, and wait until processes of the new configuration are there."""
        old = set(child_pids(self._process.pid))
        self._process.send_signal(signal.SIGHUP)
        until(lambda: set(child_pids(self._process.pid)) - old, what="nginx reloads")

    def errors(self) -> str:
        """The error log so far."""
        return self._errors.read_text()

    def _accepts(self) -> bool:
        assert self._process.poll() is None, self.errors()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
